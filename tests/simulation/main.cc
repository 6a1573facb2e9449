// weir_simulate: runs seeds against the resolver in virtual time (tests/run simulation).
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/simulation/churn.h"
#include "tests/simulation/feel.h"
#include "tests/simulation/shrink.h"
#include "tests/simulation/simulation.h"
#include "tests/simulation/small_worlds.h"
#include "tests/world/feel.h"

namespace {

using namespace weir::simulation;

constexpr const char* kUsage =
    "weir_simulate [--seed N] [--seeds N] [--jobs N] [--small] [--planted NAME] [--churn HOURS]\n"
    "               [--feel QUESTIONS] [--trace] [--no-shrink]\n"
    "Runs N seeds (500) from --seed (1) on, a world each. --small: all worlds that are small enough to be counted.\n"
    "--planted: this program holds a bug of that name; passes when a seed finds it. --churn: so much virtual\n"
    "time of ever new names, in which nothing may grow. --feel: time to answer and packets for so many questions\n"
    "in each of N large worlds with round trips, losses and dead servers. --trace: what happened when.\n";

constexpr std::chrono::milliseconds kChurnPause{1500};  // between two queries
constexpr unsigned kMostShown = 5;                      // failures that are shrunk

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 500;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool trace = false;
  bool small = false;
  bool shrinks = true;
  int churn_hours = 0;
  std::size_t feel_questions = 0;
  std::string planted;
};

bool read_arguments(int count, char** words, Arguments& out) {
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const bool more = i + 1 < count;
    if (word == "--trace") {
      out.trace = true;
    } else if (word == "--small") {
      out.small = true;
    } else if (word == "--no-shrink") {
      out.shrinks = false;
    } else if (word == "--churn" && more) {
      out.churn_hours = std::atoi(words[++i]);
    } else if (word == "--feel" && more) {
      out.feel_questions = std::strtoul(words[++i], nullptr, 10);
    } else if (word == "--planted" && more) {
      out.planted = words[++i];
    } else if (word == "--jobs" && more) {
      out.jobs = static_cast<unsigned>(std::clamp<unsigned long>(std::strtoul(words[++i], nullptr, 10), 1, 64));
    } else if ((word == "--seed" || word == "--seeds") && more) {
      (word == "--seed" ? out.seed : out.seeds) = std::strtoull(words[++i], nullptr, 10);
    } else {
      return false;
    }
  }
  return true;
}

struct Case {
  std::string name;
  weir::world::WorldPlan plan;
  Schedule schedule;
};

Case case_of_seed(std::uint64_t seed) {
  Case out;
  out.name = "seed " + std::to_string(seed);
  out.plan = weir::world::generate(seed, {});
  out.schedule = make_schedule(out.plan);
  return out;
}

void show(const Case& failed, const RunResult& result, const Arguments& arguments) {
  std::printf("FAILED %s: %s\n", failed.name.c_str(), result.failure.c_str());
  if (!arguments.shrinks) return;
  const Shrunk small = shrink(failed.plan, failed.schedule);
  const RunResult again = run(small.plan, small.schedule, {.trace = true});
  std::printf("-- shrunk in %u runs to:\n%s", small.runs, weir::world::describe(small.plan).c_str());
  for (const ClientQuery& query : small.schedule.queries) std::printf("  %s\n", describe(query).c_str());
  std::printf("-- where it fails with: %s\n%s--\n", again.failure.c_str(), again.trace.c_str());
}

struct Total {
  Tally tally;
  std::uint64_t passed = 0, failed = 0;
};

// All cases on all cores. `stop_at_first`: a planted bug is found once.
template <class Make>
Total run_all(std::uint64_t count, const Make& make, const Arguments& arguments) {
  Total total;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> found{false};
  const auto work = [&] {
    while (true) {
      const std::uint64_t number = next++;
      if (number >= count || (found && !arguments.planted.empty())) return;
      const Case one = make(number);
      const RunResult result = run(one.plan, one.schedule, {.trace = arguments.trace});
      const std::lock_guard lock(mutex);
      total.tally.add(result.tally);
      if (arguments.trace) std::printf("%s%s", weir::world::describe(one.plan).c_str(), result.trace.c_str());
      ++(result.failure.empty() ? total.passed : total.failed);
      if (result.failure.empty()) continue;
      if (arguments.planted.empty() && total.failed <= kMostShown) show(one, result, arguments);
      if (arguments.planted.empty() && total.failed > kMostShown) std::printf("FAILED %s\n", one.name.c_str());
      if (!arguments.planted.empty() && !found.exchange(true)) {
        std::printf("planted bug (%s) found after %llu worlds, by %s: %s\n", arguments.planted.c_str(),
                    static_cast<unsigned long long>(total.tally.worlds), one.name.c_str(),
                    result.failure.substr(0, result.failure.find('\n')).c_str());
      }
      std::fflush(stdout);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < arguments.jobs; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return total;
}

void print(const Tally& tally) {
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  std::printf(
      "%llu worlds, %llu questions (%llu answered at once, %llu failed as they may, %llu with AD), %llu queries "
      "met a fault, %llu validations, %llu bogus, %llu upstream packets\n",
      number(tally.worlds), number(tally.questions), number(tally.from_cache), number(tally.failures_allowed),
      number(tally.authentic), number(tally.faults), number(tally.validations), number(tally.bogus),
      number(tally.packets));
}

int run_churn(const Arguments& arguments) {
  const ChurnResult result = churn(arguments.seed, std::chrono::hours(arguments.churn_hours), kChurnPause);
  std::printf("%s", result.figures.c_str());
  print(result.run.tally);
  const std::string& wrong = result.run.failure.empty() ? result.grown : result.run.failure;
  if (!wrong.empty())
    std::printf("FAILED churn, seed %llu: %s\n", static_cast<unsigned long long>(arguments.seed), wrong.c_str());
  std::printf("%d passed, %d failed, 0 skipped\n", wrong.empty() ? 1 : 0, wrong.empty() ? 0 : 1);
  return wrong.empty() ? 0 : 1;
}

int run_feel(const Arguments& arguments) {
  const auto print = [](const std::string& what, const Feel& found) {
    const auto ms = [&](unsigned percent) { return static_cast<double>(found.percentile(percent).count()) / 1000; };
    const auto questions = static_cast<double>(std::max<std::size_t>(1, found.latencies.size()));
    std::printf(
        "%-8s median %4.0f ms, p90 %4.0f, p95 %4.0f, p99 %4.0f, %llu SERVFAIL, %.2f packets/question, %.3f "
        "retries/question\n",
        what.c_str(), ms(50), ms(90), ms(95), ms(99), static_cast<unsigned long long>(found.failed),
        static_cast<double>(found.packets) / questions, static_cast<double>(found.retries) / questions);
  };
  Feel all;
  for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.seeds; ++seed) {
    const Feel found = feel(weir::world::feel_plan(seed, {}), arguments.feel_questions, arguments.trace);
    print("seed " + std::to_string(seed), found);
    all.add(found);
  }
  print("all", all);
  std::printf("%llu passed, 0 failed, 0 skipped\n", static_cast<unsigned long long>(arguments.seeds));
  return 0;
}

}  // namespace

int main(int count, char** words) {
  Arguments arguments;
  if (!read_arguments(count, words, arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (arguments.churn_hours > 0) return run_churn(arguments);
  if (arguments.feel_questions > 0) return run_feel(arguments);
  Total total;
  if (arguments.small) {
    const SmallWorlds worlds;
    total = run_all(
        worlds.count(),
        [&](std::uint64_t number) {
          Case out{worlds.name(number), worlds.plan(number), {}};
          out.schedule = ask_everything(out.plan);
          return out;
        },
        arguments);
  } else {
    total = run_all(
        arguments.seeds, [&](std::uint64_t number) { return case_of_seed(arguments.seed + number); }, arguments);
  }
  print(total.tally);
  if (!arguments.planted.empty()) {
    const bool found = total.failed > 0;
    if (!found) std::printf("FAILED planted bug (%s) was not found\n", arguments.planted.c_str());
    std::printf("%d passed, %d failed, 0 skipped\n", found ? 1 : 0, found ? 0 : 1);
    return found ? 0 : 1;
  }
  std::printf("%llu passed, %llu failed, 0 skipped\n", static_cast<unsigned long long>(total.passed),
              static_cast<unsigned long long>(total.failed));
  return total.failed == 0 ? 0 : 1;
}
