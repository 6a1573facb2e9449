// The scenario parser: any text is a scenario or an error with its place; what the entries of one say becomes octets.
#include "tests/fuzz/fuzz.h"
#include "tests/scenario/entry_message.h"
#include "tests/scenario/scenario_file.h"
#include "tests/scenario/settings.h"

namespace weir::fuzz {
namespace {

void build(const scenario::Entry& entry) {
  require(!entry.messages.empty(), "an entry without a message");
  const auto query = scenario::build_query_message(entry, 1, 1232);
  require(query.size() <= scenario::kMaxMessageSize, "size of a query");
  for (const auto& message : scenario::build_answer_messages(entry, query)) {
    require(message.size() <= scenario::kMaxMessageSize, "size of an answer");
  }
  (void)scenario::expected_message(entry);
}

}  // namespace

WEIR_FUZZ_TARGET(scenario) {
  const auto parsed = scenario::parse_scenario(text_of(input), "fuzz.rpl");
  if (!parsed) {
    require(parsed.error().message.starts_with("fuzz.rpl:"), "an error without its place");
    return;
  }
  const auto settings = scenario::read_settings(*parsed);
  require(settings || settings.error().message.starts_with("fuzz.rpl:"), "an error without its place");
  if (settings) (void)scenario::not_applicable(*settings, {});
  for (const auto& range : parsed->ranges) {
    for (const auto& entry : range.entries) build(entry);
  }
  for (const auto& step : parsed->steps) {
    if (step.entry) build(*step.entry);
  }
}

}  // namespace weir::fuzz
