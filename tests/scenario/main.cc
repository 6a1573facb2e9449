// weir_scenarios: runs scenario files against the resolver in virtual time (tests/run scenarios).
#include <boost/json.hpp>

#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "tests/scenario/suite.h"
#include "zones/base/text.h"

namespace {

using weir::scenario::Judged;

constexpr const char* kUsage =
    "weir_scenarios [--expected-failures FILE] [--json FILE] [-v] PATH...\n"
    "Runs scenario files, or all *.rpl of folders. -v: both messages where they differ, and what happened when.\n";

struct Arguments {
  std::string expected_failures;
  std::string json;
  bool verbose = false;
  std::vector<std::string> paths;
};

bool read_arguments(int count, char** words, Arguments& out) {
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "-v") {
      out.verbose = true;
    } else if ((word == "--expected-failures" || word == "--json") && i + 1 < count) {
      (word == "--json" ? out.json : out.expected_failures) = words[++i];
    } else if (word.starts_with("-")) {
      return false;
    } else {
      out.paths.push_back(word);
    }
  }
  return !out.paths.empty();
}

const char* label(Judged::Verdict verdict) {
  switch (verdict) {
    case Judged::Verdict::passed:
      return "ok  ";
    case Judged::Verdict::failed:
      return "FAIL";
    case Judged::Verdict::expected_failure:
      return "xfail";
    case Judged::Verdict::not_applicable:
      return "n/a ";
  }
  return "";
}

void print(const Judged& judged, bool verbose) {
  std::printf("%s %s%s%s\n", label(judged.verdict), judged.file.name.c_str(), judged.reason.empty() ? "" : ": ",
              weir::escape_for_display(judged.reason).c_str());
  for (const std::string& line : judged.unknown) std::printf("     unknown configuration line: %s\n", line.c_str());
  if (verbose && !judged.details.empty()) std::printf("%s", judged.details.c_str());
  if (verbose && judged.verdict != Judged::Verdict::passed) std::printf("%s", judged.trace.c_str());
}

boost::json::object to_json(const Judged& judged) {
  static constexpr const char* kNames[] = {"passed", "failed", "expected_failure", "not_applicable"};
  boost::json::object out;
  out["name"] = judged.file.name;
  out["title"] = judged.title;
  out["verdict"] = kNames[static_cast<std::size_t>(judged.verdict)];
  out["reason"] = judged.reason;
  out["category"] = judged.category;
  out["details"] = judged.details;
  out["missing"] = boost::json::array(judged.missing.begin(), judged.missing.end());
  out["unknown"] = boost::json::array(judged.unknown.begin(), judged.unknown.end());
  return out;
}

}  // namespace

int main(int count, char** words) {
  Arguments arguments;
  if (!read_arguments(count, words, arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  weir::scenario::ExpectedFailures expected;
  if (!arguments.expected_failures.empty()) {
    auto read = weir::scenario::read_expected_failures(arguments.expected_failures);
    if (!read) {
      std::fprintf(stderr, "%s\n", read.error().message.c_str());
      return 2;
    }
    expected = std::move(*read);
  }
  const auto files = weir::scenario::find_scenarios(arguments.paths);
  if (!files) {
    std::fprintf(stderr, "%s\n", files.error().message.c_str());
    return 2;
  }
  std::map<std::string, unsigned> categories;
  unsigned passed = 0;
  unsigned failed = 0;
  unsigned skipped = 0;
  boost::json::array report;
  using weir::scenario::Tracing;
  for (const auto& file : *files) {
    const Judged judged = run_file(file, expected, arguments.verbose ? Tracing::on : Tracing::off);
    print(judged, arguments.verbose);
    if (!judged.category.empty()) ++categories[judged.category];
    ++(judged.verdict == Judged::Verdict::passed   ? passed
       : judged.verdict == Judged::Verdict::failed ? failed
                                                   : skipped);
    if (!arguments.json.empty()) report.push_back(to_json(judged));
  }
  if (!categories.empty()) std::printf("\n");
  for (const auto& [category, number] : categories) std::printf("%5u  %s\n", number, category.c_str());
  if (!arguments.json.empty()) {
    std::ofstream out(arguments.json);
    out << boost::json::serialize(report) << "\n";
    if (!out) std::fprintf(stderr, "%s: cannot be written\n", arguments.json.c_str());
  }
  std::printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
  return failed == 0 ? 0 : 1;
}
