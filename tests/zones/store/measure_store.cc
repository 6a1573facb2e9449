// Figures of the store: import, diff, publish, open, match, memory. Not a test: `ninja weir_measure_store`.
//   weir_measure_store FOLDER RULES                    a store of its own
//   weir_measure_store write FOLDER RULES LISTS SHARE  list files, for tests/bench/scale.py: `SHARE` of 100 of each
//   list
//                                                      are other names than with a share of 0
//   weir_measure_store read STORE RULES                a store that holds those lists
#include <malloc.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <thread>

#include "zones/dns/reversed_name.h"
#include "zones/store/database.h"
#include "zones/store/files.h"
#include "zones/store/generation.h"
#include "zones/store/store_cache.h"
#include "zones/store/writer.h"

namespace {

using namespace weir;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double cpu_us() {  // of this thread: the machine may be busy with others
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

double rss_mb() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  double shared = 0;
  statm >> total >> resident >> shared;
  return (resident - shared) * 4096 / 1e6;  // without pages of files
}

// SplitMix64: a name costs nothing beside what is measured.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    std::uint64_t value = state_ += 0x9E3779B97F4A7C15ULL;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ value >> 27) * 0x94D049BB133111EBULL;
    return value ^ value >> 31;
  }

 private:
  std::uint64_t state_;
};

// Names as lists have them: two thirds second-level, a third with a host label; some twenty TLDs.
std::string name_of(std::uint64_t i) {
  static const char* kTlds[] = {"com",  "net", "org", "info", "ru", "top",  "xyz",  "de", "cn", "online",
                                "site", "io",  "fr",  "br",   "it", "shop", "club", "pl", "in", "jp"};
  Random random(i);
  std::string label;
  for (std::uint64_t left = 5 + random() % 10; left > 0; --left) label += static_cast<char>('a' + random() % 26);
  std::string text = label + std::to_string(i % 1000) + "." + kTlds[std::min<std::uint64_t>(random() % 30, 19)];
  if (i % 3 == 0) text = "ads" + std::to_string(random() % 100) + "." + text;
  return text;
}

RuleStream generate(std::uint64_t count, std::uint64_t replaced) {
  return [=, i = std::uint64_t{0}]() mutable -> Result<std::optional<SourcedRule>> {
    if (i == count) return std::optional<SourcedRule>();
    SourcedRule rule;
    rule.rule.kind = PatternKind::subtree;
    rule.rule.name = *Name::parse(name_of(i < replaced ? i + 1'000'000'000 : i));
    rule.line = ++i;
    return std::optional<SourcedRule>(std::move(rule));
  };
}

void measure_reader(const std::filesystem::path& store, std::uint64_t count) {
  const double before = rss_mb();
  auto start = Clock::now();
  auto cache = StoreCache::make(16 << 20);
  auto generation = Generation::open_current(store, cache);
  if (!generation) {
    std::printf("%s\n", generation.error().message.c_str());
    return;
  }
  std::printf("open        %8.1f ms, RSS +%.1f MB\n", ms_since(start), rss_mb() - before);
  constexpr std::uint64_t kNames = 50'000;
  auto misses_made = std::make_unique<std::vector<ReversedName>>();
  auto hits_made = std::make_unique<std::vector<ReversedName>>();
  auto& misses = *misses_made;
  auto& hits = *hits_made;
  for (std::uint64_t i = 0; i < kNames; ++i) {
    misses.emplace_back(*Name::parse("www." + name_of(2'000'000'001 + i * 3)));  // three labels
    hits.emplace_back(*Name::parse(name_of(i * 7919 % count)));
  }
  MatchSet set;
  for (const auto& [label, names] : {std::pair{"match miss", &misses}, {"match hit", &hits}}) {
    for (int round = 0; round < 2; ++round) {
      std::size_t found = 0;
      const double cpu = cpu_us();
      for (const ReversedName& name : *names) {
        (*generation)->match(name, set);
        found += set.matches.size();
      }
      std::printf("%-11s %8.2f us (round %d, %zu of %zu)\n", label,
                  (cpu_us() - cpu) / static_cast<double>(names->size()), round, found, names->size());
    }
  }
  misses_made.reset();
  hits_made.reset();
  ::malloc_trim(0);
  std::printf("RSS after   %+8.1f MB\n", rss_mb() - before);
  start = Clock::now();
  auto second = Generation::open_current(store, cache);
  std::printf("open second %8.1f ms, RSS +%.1f MB in all\n", ms_since(start), rss_mb() - before);
}

void write_lists(const std::filesystem::path& folder, std::uint64_t count, std::uint64_t lists, std::uint64_t share) {
  for (std::uint64_t list = 0; list < lists; ++list) {
    std::ofstream out(folder / ("list" + std::to_string(list) + ".list"), std::ios::binary);
    out << "# list " << list << '\n';
    const std::uint64_t end = count * (list + 1) / lists;
    for (std::uint64_t i = count * list / lists; i < end; ++i) {
      out << name_of(i % 100 < share ? i + 1'000'000'000 : i) << '\n';
    }
  }
}

// Octets of the live tables of a family, over all rules.
void measure_disk(const std::filesystem::path& store, std::uint64_t count) {
  const auto number = Generation::read_current_number(store);
  if (!number) return;
  auto database = store::Database::open_reader(store::generation_path(store, *number),
                                               store::StoreCacheImpl(16 << 20).cache, store::kAllFamilies);
  if (!database) {
    std::printf("%s\n", database.error().message.c_str());
    return;
  }
  std::vector<rocksdb::LiveFileMetaData> files;
  (*database)->db().GetLiveFilesMetaData(&files);
  std::map<std::string, std::uint64_t> octets;
  std::map<int, unsigned> tables;
  for (const auto& file : files) {
    octets[file.column_family_name] += file.size;
    if (file.column_family_name == "names") ++tables[file.level];
  }
  for (const auto& [level, number] : tables) std::printf("names: %u tables on level %d\n", number, level);
  for (const auto& [family, size] : octets) {
    std::printf("disk %-9s %8.2f octets a rule\n", family.c_str(),
                static_cast<double>(size) / static_cast<double>(count));
  }
}

// What the sidecar does in the background, to its end: a store that has been left alone for a while.
void settle(const std::filesystem::path& folder) {
  const auto start = Clock::now();
  auto database = store::Database::open_writer(store::live_path(folder), store::StoreCacheImpl(16 << 20).cache);
  if (!database) return;
  const auto property = [&](const char* name) {
    std::uint64_t value = 0;
    (*database)->db().GetIntProperty((*database)->family(store::Family::names), name, &value);
    return value;
  };
  while (property("rocksdb.num-running-compactions") + property("rocksdb.compaction-pending") > 0 &&
         ms_since(start) < 120'000) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  std::printf("settled     %8.1f ms\n", ms_since(start));
}

void measure_publish(const std::filesystem::path& folder) {
  const auto now = [] { return Now{Clock::now(), std::chrono::system_clock::now()}; };
  auto store = PolicyStore::open(folder, {}, now());
  if (!store) {
    std::printf("%s\n", store.error().message.c_str());
    return;
  }
  for (int i = 0; i < 5; ++i) {
    Rule rule;
    rule.name = *Name::parse("rule" + std::to_string(::getpid()) + "-" + std::to_string(i) + ".example.org");
    auto start = Clock::now();
    auto added = (*store)->add_rule(kLocalRules, rule, {}, now());
    const double adding = ms_since(start);
    start = Clock::now();
    auto published = (*store)->publish("measured", now());
    if (!added || !published) {
      std::printf("%s\n", (added ? published.error() : added.error()).message.c_str());
      return;
    }
    std::printf("one rule    %8.1f ms\npublish     %8.1f ms\n", adding, ms_since(start));
  }
}

int run(const std::filesystem::path& folder, std::uint64_t count) {
  const auto now = [] { return Now{Clock::now(), std::chrono::system_clock::now()}; };
  {
    auto store = PolicyStore::open(folder, {}, now());
    if (!store) return std::printf("%s\n", store.error().message.c_str());
    PolicySet set = PolicySet::with_defaults();
    ListDefinition list;
    list.id = {99};
    list.name = "ads";
    set.lists.push_back(list);
    set.policies[0].lists.push_back(list.id);
    auto defined = (*store)->define(set);
    const ListId ads = (*store)->policies().find_list("ads")->id;
    auto start = Clock::now();
    std::uint64_t made = 0;
    for (auto stream = generate(count, 0); stream()->has_value();) ++made;
    const double generating = ms_since(start);
    start = Clock::now();
    auto outcome = (*store)->import(ads, generate(count, 0), {}, {}, now());
    if (!outcome) return std::printf("%s\n", outcome.error().message.c_str());
    const double took = ms_since(start) - generating;
    std::printf("import      %8.1f ms, %.0f rules a second (generating them taken off)\n", took, count / took * 1000);
    start = Clock::now();
    auto published = (*store)->publish("first", now());
    std::printf("publish     %8.1f ms\n", ms_since(start));
    start = Clock::now();
    outcome = (*store)->import(ads, generate(count, 10), {}, {}, now());
    std::printf("ten changes %8.1f ms (added %lu removed %lu)\n", ms_since(start) - generating, outcome->added,
                outcome->removed);
    for (int i = 0; i < 5; ++i) {
      Rule rule;
      rule.name = *Name::parse("rule" + std::to_string(i) + ".example.org");
      start = Clock::now();
      auto added = (*store)->add_rule(kLocalRules, rule, {}, now());
      const double adding = ms_since(start);
      published = (*store)->publish("next", now());
      std::printf("one rule    %8.1f ms, with publish %.1f\n", adding, ms_since(start));
    }
  }
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    measure_reader(folder, count);
    std::fflush(stdout);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "write" && argc == 6) {
    write_lists(argv[2], std::stoull(argv[3]), std::stoull(argv[4]), std::stoull(argv[5]));
    return 0;
  }
  if (what == "read" && argc == 4) {
    const std::uint64_t count = std::stoull(argv[3]);
    std::printf("at once\n");
    measure_reader(argv[2], count);
    settle(argv[2]);
    measure_publish(argv[2]);
    measure_disk(argv[2], count);
    measure_reader(argv[2], count);
    return 0;
  }
  if (argc != 3)
    return std::printf("usage: %s FOLDER RULES | write FOLDER RULES LISTS SHARE | read STORE RULES\n", argv[0]);
  return run(argv[1], std::stoull(argv[2]));
}
