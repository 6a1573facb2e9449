// Many scenarios: found below files and folders, run one after the other, judged with the list of expected failures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/scenario/expected_failures.h"
#include "zones/base/result.h"

namespace weir::scenario {

struct ScenarioFile {
  std::string path;
  std::string name;  // "unbound/iter_resolve.rpl", "rfc1034/4.3.2-referral.rpl": its folder and itself
};

// Every *.rpl at and below `paths`, by name. Errors: not_found.
Result<std::vector<ScenarioFile>> find_scenarios(const std::vector<std::string>& paths);

struct Judged {
  enum class Verdict : std::uint8_t { passed, failed, expected_failure, not_applicable };

  ScenarioFile file;
  std::string title;
  Verdict verdict = Verdict::passed;
  std::string reason;                // one line; empty where it passed
  std::string details;               // both messages, where messages differ
  std::string category;              // of what is not plainly passed: "needs validator", "answer differs", ...
  std::vector<std::string> missing;  // features that it asks for and the resolver under test has not
  std::vector<std::string> unknown;  // configuration lines that nobody knows, with file:line
  std::string trace;
};

enum class Tracing : std::uint8_t { off, on };

Judged run_file(const ScenarioFile& file, const ExpectedFailures& expected, Tracing tracing);

}  // namespace weir::scenario
