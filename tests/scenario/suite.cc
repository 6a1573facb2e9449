#include "tests/scenario/suite.h"

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <string_view>

#include "tests/scenario/engine_settings.h"
#include "tests/scenario/policy_settings.h"
#include "tests/scenario/runner.h"
#include "tests/scenario/scenario_file.h"
#include "tests/scenario/settings.h"
#include "tests/scenario/tested_resolver.h"

namespace weir::scenario {
namespace {

namespace fs = std::filesystem;

ScenarioFile named(const fs::path& path) {
  const fs::path folder = fs::absolute(path).lexically_normal().parent_path().filename();
  return {path.string(), (folder / path.filename()).string()};
}

// What kind of failure a reason tells of, for the summary.
std::string kind_of(std::string_view reason) {
  static constexpr std::array<std::string_view, 8> kTold = {
      "no answer; ",       "is not asked",       "answers are left",    "no end",
      "no upstream query", "knows no such step", "the resolver cannot", "never used"};
  for (const std::string_view told : kTold) {
    if (reason.find(told) != std::string_view::npos) return std::string(told);
  }
  const std::size_t step = reason.find("CHECK_ANSWER: ");
  if (step == std::string_view::npos) return "other";
  const std::string_view difference = reason.substr(step + 14);
  return std::string(difference.substr(0, difference.find_first_of(":;"))) + " differs";
}

void judge(Judged& out, const ExpectedFailures& expected) {
  const auto known = expected.find(out.file.name);
  if (known == expected.end()) return;
  if (out.verdict == Judged::Verdict::failed) {
    out.verdict = Judged::Verdict::expected_failure;
    out.category = "expected to fail";
    out.reason = known->second + " (" + out.reason + ")";
  } else if (out.verdict == Judged::Verdict::passed) {
    out.verdict = Judged::Verdict::failed;
    out.category = "passes, but is expected to fail";
    out.reason = "passes, but stands in the list of expected failures: " + known->second;
  }
}

void run(Judged& out, Tracing tracing) {
  const auto fail = [&](std::string reason, std::string category) {
    out.verdict = Judged::Verdict::failed;
    out.reason = std::move(reason);
    out.category = std::move(category);
  };
  auto scenario = read_scenario(out.file.path);
  if (!scenario) return fail(scenario.error().message, "does not parse");
  out.title = scenario->title;
  const auto settings = read_settings(*scenario);
  if (!settings) return fail(settings.error().message, "settings do not parse");
  out.unknown = settings->unknown;
  auto reason = not_applicable(*settings, TestedResolver::policy_features());
  if (!reason) reason = missing_policy(*settings);
  if (reason) {
    out.verdict = Judged::Verdict::not_applicable;
    out.reason = *reason;
    out.category = "not applicable: " + reason->substr(0, reason->find(':'));
    return;
  }
  if (has_block_answers(*settings)) expect_block_answers(*scenario);
  expect_local_refusals(*scenario);
  out.missing = missing_features(*settings);
  const auto resolver = TestedResolver::make(*settings);
  if (!resolver) return fail(resolver.error().message, "does not begin");
  const Outcome outcome =
      run_scenario(*scenario, **resolver, settings->wall_start(), {}, tracing == Tracing::on ? &out.trace : nullptr);
  if (outcome.kind == Outcome::Kind::passed) return;
  fail(outcome.reason, out.missing.empty() ? kind_of(outcome.reason) : "needs " + out.missing.front());
  out.details = outcome.details;
}

}  // namespace

Result<std::vector<ScenarioFile>> find_scenarios(const std::vector<std::string>& paths) {
  std::vector<ScenarioFile> out;
  try {
    for (const std::string& path : paths) {
      if (!fs::is_directory(path)) {
        if (!fs::exists(path)) return Error{ErrorCode::not_found, path + ": no such file or folder"};
        out.push_back(named(path));
        continue;
      }
      for (const auto& entry : fs::recursive_directory_iterator(path)) {
        if (entry.is_regular_file() && entry.path().extension() == ".rpl") out.push_back(named(entry.path()));
      }
    }
  } catch (const std::exception& error) {
    return Error{ErrorCode::io, error.what()};
  }
  std::ranges::sort(out, {}, &ScenarioFile::name);
  return out;
}

Judged run_file(const ScenarioFile& file, const ExpectedFailures& expected, Tracing tracing) {
  Judged out;
  out.file = file;
  run(out, tracing);
  judge(out, expected);
  return out;
}

}  // namespace weir::scenario
