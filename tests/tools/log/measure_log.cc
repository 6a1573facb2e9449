// Figures of the decision log: octets a decision, decisions a second, searches. Not a test: `ninja weir_measure_log`.
//   weir_measure_log write FOLDER DECISIONS [NAMES]   a log of 30 days by 5,000 clients; NAMES: a file, a name a line
//   weir_measure_log dump DECISIONS [NAMES]      the same decisions as lines of tab-separated values
//   weir_measure_log ask FOLDER NAME TEXT [ONLY] questions, each with cold caches; NAME: one of the names, TEXT: in
//                                                none of them, ONLY: a part of a question's title
//   weir_measure_log forget FOLDER               the most frequent client leaves it
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/tools/log/sample_decisions.h"
#include "tools/log/decision_log.h"
#include "tools/log/log_filter.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "tools/sql/query.h"
#include "zones/base/descriptor.h"

namespace {

using namespace weir;

double cpu_seconds(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double resident_mb() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

std::uint64_t bytes_of(const std::filesystem::path& folder) {
  std::uint64_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) sum += entry.file_size();
  }
  return sum;
}

test::SampleOptions options_of(std::uint64_t decisions, const char* names_file) {
  test::SampleOptions options{.decisions = decisions};
  if (names_file != nullptr) {
    std::ifstream in(names_file);
    for (std::string line; std::getline(in, line);) options.names.push_back(line);
  }
  return options;
}

constexpr unsigned kAskedClient = 2500;  // of 5,000, by how often they ask

// time, class, name, type, client, group, list, generation, action, mode, latency.
int dump(std::uint64_t decisions, const char* names_file) {
  test::SampleDecisions sample(options_of(decisions, names_file));
  while (!sample.done()) {
    const Decision each = sample.next();
    std::printf("%lld\t%d\t%s\t%d\t%s\t%u\t%u\t%llu\t%d\t%d\t%u\n", static_cast<long long>(log::to_ms(each.time)),
                static_cast<int>(each.decision_class), each.qname.folded().to_text().c_str(),
                static_cast<int>(each.qtype), log::describe(each.client).c_str(), each.group, each.winner.list,
                static_cast<unsigned long long>(each.generation.value), static_cast<int>(each.action),
                static_cast<int>(each.mode), each.latency_us);
  }
  return 0;
}

void forget_pages(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const Descriptor file(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) continue;
    ::fsync(file.get());
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
}

// One question to a log that has just been opened, with nothing of its files in memory.
template <class Question>
void ask(const std::filesystem::path& folder, const std::string& only, const char* name, Question question) {
  if (std::string(name).find(only) == std::string::npos) return;
  const auto opened = log::DecisionLog::open(folder);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    std::exit(1);
  }
  forget_pages(folder);
  const double cpu = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  const auto begun = std::chrono::steady_clock::now();
  const std::uint64_t found = question(**opened);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("{\"question\": \"%s\", \"ms\": %.1f, \"cpu_ms\": %.1f, \"found\": %llu, \"peak_mb\": %.0f}\n", name,
              seconds * 1000, (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu) * 1000,
              static_cast<unsigned long long>(found), resident_mb());
  std::fflush(stdout);
}

int ask_all(const std::filesystem::path& folder, const std::string& name, const std::string& text,
            const std::string& only) {
  const test::SampleDecisions sample({});
  // A whole day in the middle of the log.
  const std::int64_t day_ms = test::SampleOptions().first_ms + 10LL * 86'400'000;
  const auto page = [&](log::LogFilter filter) {
    return [filter](const log::DecisionLog& from) {
      log::BlockMatcher matcher(filter, [&from](GenerationNumber generation) { return from.names(generation); });
      std::uint64_t found = 0;
      log::SearchRequest request;
      request.limit = 100;
      request.budget = std::chrono::minutes(5);
      const auto end = log::search(from, matcher, request, [&](const Decision&, const log::Position&) {
        ++found;
        return true;
      });
      return end ? found : 0;
    };
  };
  const auto top = [&](log::Dimension by, std::int64_t since_ms, std::int64_t until_ms) {
    return [=](const log::DecisionLog& from) {
      log::BlockMatcher matcher({}, [&from](GenerationNumber generation) { return from.names(generation); });
      log::TopRequest request;
      request.by = by;
      request.limit = 100;
      request.range.since_ms = since_ms;
      request.range.until_ms = until_ms;
      request.range.budget = std::chrono::minutes(5);
      const auto found = log::find_top(from, matcher, request);
      return found ? found->decisions : 0;
    };
  };
  const auto sql = [&](const std::string& statement) {
    return [statement](const log::DecisionLog& from) -> std::uint64_t {
      const auto answer = sql::run(from, {.statement = statement, .budget = std::chrono::minutes(10)});
      if (!answer || answer->rows.empty()) return 0;
      const auto* number = std::get_if<std::int64_t>(&answer->rows.front().back());
      return number == nullptr ? answer->rows.size() : static_cast<std::uint64_t>(*number);
    };
  };
  log::LogFilter one_name;
  one_name.name = *Name::parse(name);
  ask(folder, only, "name: newest 100", page(one_name));
  log::LogFilter one_client;
  one_client.client = Prefix{sample.client(kAskedClient), 32};
  ask(folder, only, "client: newest 100", page(one_client));
  log::LogFilter in_text;
  in_text.text = text;
  ask(folder, only, "text in no name: all names", page(in_text));
  ask(folder, only, "top 100 domains of a day", top(log::Dimension::domain, day_ms, day_ms + 86'400'000));
  ask(folder, only, "top 100 names of a day", top(log::Dimension::name, day_ms, day_ms + 86'400'000));
  ask(folder, only, "timeline of 30 days by hour and class", [](const log::DecisionLog& from) {
    log::BlockMatcher matcher({}, [&from](GenerationNumber generation) { return from.names(generation); });
    log::TimelineRequest request;
    request.by = log::Dimension::decision_class;
    request.range.since_ms = test::SampleOptions().first_ms;
    request.range.until_ms = request.range.since_ms + 30LL * 86'400'000;
    const auto line = log::find_timeline(from, matcher, request);
    return line ? std::uint64_t{line->rows.size()} : 0;
  });
  ask(folder, only, "sql: count, name =", sql("SELECT count(*) FROM decisions WHERE name = '" + name + "'"));
  ask(folder, only, "sql: count, client =",
      sql("SELECT count(*) FROM decisions WHERE client = '" + sample.client(kAskedClient).to_text() + "'"));
  ask(folder, only, "sql: count, name LIKE", sql("SELECT count(*) FROM decisions WHERE name LIKE '%" + text + "%'"));
  ask(folder, only, "sql: count, latency > 1000", sql("SELECT count(*) FROM decisions WHERE latency_us > 1000"));
  ask(folder, only,
      "sql: count, type and list =", sql("SELECT count(*) FROM decisions WHERE type = 'HTTPS' AND list = 'list 17'"));
  ask(folder, only, "sql: groups by day and class, rollups",
      sql("SELECT ms, class, sum(decisions) FROM days GROUP BY 1, 2"));
  ask(folder, only, "sql: groups by class over rows", sql("SELECT class, count(*) FROM decisions GROUP BY 1"));
  return 0;
}

int write(const std::filesystem::path& folder, std::uint64_t decisions, const char* names_file) {
  constexpr std::size_t kTurn = 8192;
  test::SampleDecisions sample(options_of(decisions, names_file));
  auto opened = log::DecisionLog::open(folder);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    return 1;
  }
  log::DecisionLog& decision_log = **opened;
  PolicySet policies = PolicySet::with_defaults();
  for (const char* group : {"kids", "guests"}) policies.groups.push_back({group, {}, 0});
  for (std::uint64_t generation = 1; generation <= 40; ++generation) {
    if (auto known = decision_log.remember_names({generation}, policies); !known) return 1;
  }
  double cpu = 0;
  log::RecordBatch batch;
  WallTime last{};
  while (!sample.done()) {
    batch.clear();
    sample.fill(batch, kTurn);
    const double before = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    if (auto appended = decision_log.append(batch, {}); !appended) {
      std::fprintf(stderr, "%s\n", appended.error().message.c_str());
      return 1;
    }
    last = log::from_ms(batch.entries().back().time_ms);
    if (sample.made() % (kTurn * 64) == 0) {
      if (auto retained = decision_log.retain({std::chrono::hours(24 * 365), 1ULL << 40}, last); !retained) return 1;
    }
    cpu += cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - before;
  }
  const double all = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const auto totals = decision_log.totals();
  std::printf(
      "{\"decisions\": %llu, \"bytes_per_decision\": %.2f, \"ingest_per_second\": %.0f, \"process_cpu\": %.1f, "
      "\"peak_mb\": %.0f}\n",
      static_cast<unsigned long long>(totals.rows),
      static_cast<double>(totals.bytes) / static_cast<double>(totals.rows), static_cast<double>(totals.rows) / cpu, all,
      resident_mb());
  opened->reset();
  std::printf("{\"on_disk_per_decision\": %.2f}\n",
              static_cast<double>(bytes_of(folder)) / static_cast<double>(decisions));
  return 0;
}

int forget(const std::filesystem::path& folder) {
  auto opened = log::DecisionLog::open(folder);
  if (!opened) return 1;
  const test::SampleDecisions sample({});
  log::ClientSet clients;
  clients.add({sample.client(0), 32});
  const auto begun = std::chrono::steady_clock::now();
  const auto forgotten = (*opened)->forget(clients, INT64_MIN, INT64_MAX, std::chrono::system_clock::now(), {});
  if (!forgotten) {
    std::fprintf(stderr, "%s\n", forgotten.error().message.c_str());
    return 1;
  }
  std::printf("{\"rows\": %llu, \"blocks\": %llu, \"seconds\": %.2f, \"peak_mb\": %.0f}\n",
              static_cast<unsigned long long>(forgotten->rows), static_cast<unsigned long long>(forgotten->blocks),
              std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count(), resident_mb());
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::string verb = count > 2 ? words[1] : "";
  if (verb == "write" && count >= 4)
    return write(words[2], std::strtoull(words[3], nullptr, 10), count > 4 ? words[4] : nullptr);
  if (verb == "dump") return dump(std::strtoull(words[2], nullptr, 10), count > 3 ? words[3] : nullptr);
  if (verb == "ask" && count >= 5) return ask_all(words[2], words[3], words[4], count > 5 ? words[5] : "");
  if (verb == "forget") return forget(words[2]);
  std::fprintf(
      stderr,
      "usage: weir_measure_log write FOLDER DECISIONS [NAMES] | dump DECISIONS [NAMES] | ask FOLDER NAME TEXT [ONLY] | "
      "forget FOLDER\n");
  return 2;
}
