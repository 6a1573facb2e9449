// log.totals: how many queries there were.
#include <algorithm>
#include <cstdint>
#include <string>

#include "tools/log/counter_sums.h"
#include "tools/log/rollup.h"
#include "tools/sidecar/log_question.h"
#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/shared_log.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

void put_figures(json::object& out, const log::CounterSum& sum) {
  out["queries"] = sum.queries;
  out["blocked"] = sum.blocked;
  out["cached"] = sum.cached;
  out["failed"] = sum.failed;
}

void add(log::CounterSum& into, const log::CounterSum& sum) {
  into.queries += sum.queries;
  into.blocked += sum.blocked;
  into.cached += sum.cached;
  into.failed += sum.failed;
}

Error too_many(const std::string& what) {
  return {ErrorCode::invalid, "that is more than " + what + ": expected a longer \"step\" or a later \"since\""};
}

}  // namespace

VerbResult show_totals(Call& call) {
  const std::string by = call.arguments.text("by");
  const auto step_ms = read_step(call.arguments);
  if (!step_ms) return step_ms.error();
  const auto range = read_range(call, std::chrono::hours(24));
  if (!range) return range.error();
  const std::uint32_t smallest_group = smallest_group_of(call);
  if (!call.arguments.ok()) return call.arguments.error();
  if (!by.empty() && by != "group")
    return Error{ErrorCode::invalid, "no totals by '" + escape_for_display(by) + "': expected group"};
  // Counters do not say of how many clients they are, so nobody knows which groups are large enough; and the last group
  // that is not shown would be what all have apart from the others.
  if (!by.empty() && smallest_group > 1)
    return Error{ErrorCode::invalid,
                 "totals of single groups are for administrators, for a group may be one client: "
                 "[log] smallest_group"};
  const std::int64_t since_ms = range->since_ms - range->since_ms % log::kMinuteMs;
  // With the minute that goes on.
  std::int64_t until_ms = std::min(range->until_ms, log::to_ms(read_clocks().wall) + log::kMinuteMs);
  until_ms -= until_ms % log::kMinuteMs;
  if ((until_ms - since_ms) / *step_ms > static_cast<std::int64_t>(kMaxTimelineSlots))
    return too_many(std::to_string(kMaxTimelineSlots) + " steps");
  const auto found = call.services.log.read_counters(since_ms, until_ms, *step_ms,
                                                     by.empty() ? log::Groups::together : log::Groups::apart);
  if (!found) return found.error();
  log::CounterSum all;
  json::array rows;
  std::size_t octets = 0;
  for (const log::CounterSum& sum : found->sums) {
    add(all, sum);
    json::object row{{"time", time_text(sum.slot_ms)}};
    if (!by.empty()) row["group"] = call.services.log.group_name(sum.group);
    put_figures(row, sum);
    octets += json::serialize(row).size() + 1;
    if (octets > kMaxReplyOctets) return too_many("one answer holds");
    rows.push_back(std::move(row));
  }
  json::object out{{"since", time_text(since_ms)},
                   {"until", time_text(until_ms)},
                   {"from", found->from_ms ? json::value(time_text(*found->from_ms)) : json::value(nullptr)},
                   {"step_seconds", *step_ms / 1000}};
  put_figures(out, all);
  out["rows"] = std::move(rows);
  out["complete"] = found->missing.empty();
  std::vector<log::MissingRows> missing = found->missing;
  // What counts queries comes through the same rings and journal as decisions do.
  for (log::MissingRows& loss : call.services.log.losses(since_ms, until_ms)) missing.push_back(std::move(loss));
  if (!missing.empty()) out["missing"] = show_missing(missing);
  return out;
}

}  // namespace weir::sidecar
