#include "tools/sidecar/log_question.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>

#include "tools/log/row_text.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/rule_text.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kDefaultSeconds = 10;

}  // namespace

Result<Question> read_question(Arguments& arguments) {
  Question question;
  log::LogFilter& filter = question.filter;
  const std::string name = arguments.text("name");
  const std::string client = arguments.text("client");
  const std::string type = arguments.text("type");
  filter.list = arguments.text("list");
  filter.group = arguments.text("group");
  filter.text = to_lower_ascii(arguments.text("text"));
  question.row_class = arguments.text("class");
  if (!arguments.ok()) return arguments.error();
  if (!name.empty()) {
    const auto parsed = parse_typed_name(name);
    if (!parsed) return parsed.error();
    filter.name = *parsed;
  }
  filter.pseudonym = log::parse_pseudonym(client);
  if (const auto prefix = Prefix::parse(client)) {
    filter.client = *prefix;
  } else if (!client.empty() && !filter.pseudonym) {
    return no_client(client);
  }
  if (!type.empty()) {
    filter.type = parse_record_type(type);
    if (!filter.type)
      return Error{ErrorCode::invalid,
                   "'" + escape_for_display(type) + "' is no type: expected A, AAAA, HTTPS, TYPE65"};
  }
  static constexpr std::array<std::string_view, 8> kClasses = {"blocked",  "would_block", "allowed_over_block",
                                                               "resolved", "rebinding",   "blocked_upstream",
                                                               "counters", "dropped"};
  std::replace(question.row_class.begin(), question.row_class.end(), '-', '_');
  filter.decision_class = log::parse_decision_class(question.row_class);
  if (!question.row_class.empty() &&
      std::find(kClasses.begin(), kClasses.end(), question.row_class) == kClasses.end()) {
    const std::string_view near = nearest(question.row_class, kClasses);
    return Error{ErrorCode::invalid, "unknown class '" + escape_for_display(question.row_class) + "'" +
                                         (near.empty() ? ": expected blocked, would_block, allowed_over_block, "
                                                         "resolved, rebinding, blocked_upstream, counters or dropped"
                                                       : "; did you mean '" + std::string(near) + "'?")};
  }
  return question;
}

Result<log::SearchRequest> read_range(Call& call, std::optional<std::chrono::hours> default_span) {
  const WallTime now = read_clocks().wall;
  auto since = call.arguments.time("since", now);
  const auto until = call.arguments.time("until", now);
  const std::uint64_t seconds = call.arguments.number("seconds", kDefaultSeconds);
  if (!call.arguments.ok()) return call.arguments.error();
  if (!since && default_span) since = until.value_or(now) - *default_span;
  if (since && until && *since > *until) {
    return Error{ErrorCode::invalid, "\"since\" is " + format_time(*since) + ", behind \"until\", which is " +
                                         format_time(*until) + ": expected the earlier moment as \"since\""};
  }
  log::SearchRequest range;
  range.since_ms = since ? log::to_ms(*since) : 0;
  range.until_ms = until ? log::to_ms(*until) : INT64_MAX;
  range.budget = std::chrono::seconds(std::clamp<std::uint64_t>(seconds, 1, kMaxSeconds));
  range.is_gone = [&call] { return call.responder.is_gone(); };
  return range;
}

Result<void> go_on_behind(const std::string& cursor, log::SearchRequest& range) {
  if (cursor.empty()) return {};
  const auto position = log::Position::parse(cursor);
  if (!position) return position.error();
  range.after = *position;
  return {};
}

Result<std::int64_t> read_step(Arguments& arguments) {
  constexpr std::uint64_t kMostSeconds = 366 * 86400;
  const std::uint64_t seconds = arguments.number("step", 3600);
  if (!arguments.ok()) return arguments.error();
  if (seconds < 60 || seconds % 60 != 0 || seconds > kMostSeconds)
    return Error{ErrorCode::invalid,
                 "\"step\" is " + std::to_string(seconds) + " s: expected whole minutes, a year at most"};
  return static_cast<std::int64_t>(seconds) * 1000;
}

Error no_client(const std::string& text) {
  return {ErrorCode::invalid, "'" + escape_for_display(text) +
                                  "' is no client: expected an address, a prefix such as 192.0.2.0/24, or a "
                                  "pseudonym as it is shown, p- and 16 hexadecimal digits"};
}

json::array show_missing(const std::vector<log::MissingRows>& missing) {
  json::array out;
  for (const log::MissingRows& each : missing) {
    out.push_back(json::object{{"from", time_text(each.first_ms)},
                               {"to", time_text(each.last_ms)},
                               {"rows", each.rows == 0 ? json::value(nullptr) : json::value(each.rows)},
                               {"why", each.why}});
  }
  return out;
}

void put_end(json::object& out, const log::SearchEnd& end) {
  out["complete"] = end.complete;
  out["next"] = end.next ? json::value(end.next->to_text()) : json::value(nullptr);
  if (!end.missing.empty()) out["missing"] = show_missing(end.missing);
}

}  // namespace weir::sidecar
