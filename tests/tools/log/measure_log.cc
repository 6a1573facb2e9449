// Figures of the decision log: octets a decision, decisions a second, searches. Not a test: `ninja weir_measure_log`.
//   weir_measure_log write FOLDER DECISIONS [NAMES]   a log of 30 days by 5,000 clients; NAMES: a file, a name a line
//   weir_measure_log read FOLDER
//   weir_measure_log forget FOLDER              the most frequent client leaves it
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "tests/tools/log/sample_decisions.h"
#include "tools/log/decision_log.h"
#include "zones/base/text.h"
#include "zones/dns/reversed_name.h"

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

int write(const std::filesystem::path& folder, std::uint64_t decisions, const char* names_file) {
  constexpr std::size_t kTurn = 8192;
  test::SampleOptions options{.decisions = decisions};
  if (names_file != nullptr) {
    std::ifstream in(names_file);
    for (std::string line; std::getline(in, line);) options.names.push_back(line);
  }
  test::SampleDecisions sample(options);
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
  if (verb == "forget") return forget(words[2]);
  std::fprintf(stderr, "usage: weir_measure_log write FOLDER DECISIONS [NAMES] | forget FOLDER\n");
  return 2;
}
