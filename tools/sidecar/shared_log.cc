#include "tools/sidecar/shared_log.h"

#include <boost/json.hpp>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "tools/log/anonymous_cells.h"
#include "tools/log/registrable_domain.h"
#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/shown_name.h"
#include "zones/base/text.h"
#include "zones/dns/reversed_name.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kMostGroup = 100'000;
constexpr std::chrono::minutes kRenewCommon{10};
constexpr std::chrono::seconds kBudgetOfCommon{5};

log::AnonymousRequest request_of(const log::SearchRequest& range, std::uint32_t smallest_group) {
  return {range, smallest_group, log::to_ms(read_clocks().wall)};
}

// With the members that a row has for administrators (log_rows.cc); what is not told is empty.
json::object show_cell(const log::DecisionLog& log, const log::AnonymousCell& cell) {
  json::object out{{"time", time_text(cell.hour_ms)}, {"class", log::to_text(cell.decision_class)}};
  put_name(out, "name", log::name_of(cell));
  for (const char* key : {"type", "client"}) out[key] = "";
  out["group"] = cell.group;
  out["list"] = log::list_of(log, cell);
  out["category"] = log::category_of(log, cell);
  for (const char* key : {"pattern", "action", "mode", "link", "link_name"}) out[key] = "";
  for (const char* key : {"generation", "import", "line"}) out[key] = nullptr;
  out["losers"] = json::array();
  out["decisions"] = cell.decisions;
  return out;
}

// Each cell that fits, hour by hour, until `take` says false: then the cell is the next page's first.
Result<log::SearchEnd> visit_cells(Call& call, const Question& question, const log::SearchRequest& range,
                                   std::uint32_t smallest_group,
                                   const std::function<bool(const log::AnonymousCell&)>& take) {
  if (auto allowed = log::CellMatcher::check(question.filter); !allowed) return allowed.error();
  const log::CellMatcher matcher(call.services.log, question.filter);
  std::uint32_t ordinal = 0;
  const auto begun = range.after;
  auto end = log::visit_anonymous_hours(call.services.log, request_of(range, smallest_group),
                                        [&](std::int64_t hour_ms, const std::vector<log::AnonymousCell>& cells) {
                                          ordinal = 0;
                                          const std::uint32_t skipped =
                                              begun && begun->time_ms == hour_ms ? begun->ordinal : 0;
                                          for (const log::AnonymousCell& cell : cells) {
                                            if (!matcher.matches(cell)) continue;
                                            if (ordinal >= skipped && !take(cell)) return false;
                                            ++ordinal;
                                          }
                                          ordinal = 0;
                                          return true;
                                        });
  if (end && end->next) end->next->ordinal = ordinal;
  return end;
}

// What of a cell a dimension is; nothing where the cell does not say.
class CellKeys {
 public:
  CellKeys(const log::DecisionLog& log, std::optional<log::Dimension> by) : log_(log), by_(by) {}

  std::optional<std::string> of(const log::AnonymousCell& cell) {
    using log::Dimension;
    if (!by_) return std::string();
    if (*by_ == Dimension::decision_class) return std::string(log::to_text(cell.decision_class));
    if (cell.detail == log::AnonymousCell::Detail::outcome) return std::nullopt;
    if (*by_ == Dimension::list) return log::list_of(log_, cell);
    if (*by_ == Dimension::category) return log::category_of(log_, cell);
    if (*by_ == Dimension::group) return cell.group;
    if (cell.detail == log::AnonymousCell::Detail::list) return std::nullopt;
    if (*by_ == Dimension::name) return log::name_of(cell);
    const auto name = ReversedName::to_name(domains_.key_of(cell.name_key));
    return name ? name->to_text() : std::string();
  }

 private:
  const log::DecisionLog& log_;
  const std::optional<log::Dimension> by_;
  log::RegistrableDomains domains_;
};

// Of what a row in the live tail is one: the key of the cell that it would be told in.
std::string common_key(DecisionClass decision_class, const std::string& group, std::uint32_t list,
                       std::string_view name_key) {
  return std::to_string(static_cast<int>(decision_class)) + '/' + std::to_string(list) + '/' + group + '/' +
         std::string(name_key);
}

}  // namespace

void put_note_of_sharing(json::object& out, const Call& call, std::uint32_t smallest_group) {
  std::string note = "whole hours that are over; what fewer than " + std::to_string(smallest_group) +
                     " clients met is told together with other such decisions, or not at all";
  const auto current = call.services.generations.current();
  if (current && std::any_of((*current)->policies().policies.begin(), (*current)->policies().policies.end(),
                             [](const Policy& policy) { return policy.privacy == Privacy::none; }))
    note += "; where no clients are kept (privacy \"none\"), nobody can say how many they were";
  out["smallest_group"] = smallest_group;
  out["note"] = note;
}

std::uint32_t smallest_group_of(Call& call) {
  const std::uint64_t asked = std::clamp<std::uint64_t>(call.arguments.number("smallest_group", 1), 1, kMostGroup);
  if (call.responder.audience() != Audience::analyst) return static_cast<std::uint32_t>(asked);
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(asked, call.services.config()->log.smallest_group));
}

VerbResult search_shared(Call& call, const Question& question, const log::SearchRequest& range,
                         std::uint32_t smallest_group) {
  std::vector<json::object> newest_first;
  std::size_t octets = 0;
  const auto end = visit_cells(call, question, range, smallest_group, [&](const log::AnonymousCell& cell) {
    json::object row = show_cell(call.services.log, cell);
    octets += json::serialize(row).size() + 1;
    if (newest_first.size() >= range.limit || octets > kMaxReplyOctets) return false;
    newest_first.push_back(std::move(row));
    return true;
  });
  if (!end) return end.error();
  json::array rows;
  for (auto row = newest_first.rbegin(); row != newest_first.rend(); ++row) rows.push_back(std::move(*row));
  json::object out{{"rows", std::move(rows)}};
  put_end(out, *end);
  put_note_of_sharing(out, call, smallest_group);
  return out;
}

VerbResult export_shared(Call& call, const Question& question, const log::SearchRequest& range,
                         std::uint32_t smallest_group) {
  std::uint64_t rows = 0;
  const auto end = visit_cells(call, question, range, smallest_group, [&](const log::AnonymousCell& cell) {
    if (rows >= range.limit || !call.responder.progress(encode_progress(show_cell(call.services.log, cell))))
      return false;
    ++rows;
    return true;
  });
  if (!end) return end.error();
  json::object out{{"rows", rows}};
  put_end(out, *end);
  put_note_of_sharing(out, call, smallest_group);
  return out;
}

VerbResult top_shared(Call& call, const Question& question, const log::TopRequest& request,
                      std::uint32_t smallest_group) {
  if (request.by == log::Dimension::client || request.by == log::Dimension::type)
    return Error{ErrorCode::invalid, "no top by '" + std::string(log::to_text(request.by)) +
                                         "' where figures about few clients are hidden"};
  CellKeys keys(call.services.log, request.by);
  std::map<std::string, std::uint64_t> sums;
  std::uint64_t decisions = 0;
  const auto end = visit_cells(call, question, request.range, smallest_group, [&](const log::AnonymousCell& cell) {
    decisions += cell.decisions;
    if (const auto key = keys.of(cell)) sums[*key] += cell.decisions;
    return true;
  });
  if (!end) return end.error();
  std::vector<std::pair<std::string, std::uint64_t>> order(sums.begin(), sums.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  json::array rows;
  for (std::size_t i = 0; i < std::min(request.limit, order.size()); ++i) {
    json::object shown{{"decisions", order[i].second}};
    put_name(shown, "key", order[i].first);
    rows.push_back(std::move(shown));
  }
  json::object out{{"by", log::to_text(request.by)},
                   {"since", time_text(request.range.since_ms - request.range.since_ms % log::kHourMs)},
                   {"rows", std::move(rows)},
                   {"decisions", decisions},
                   {"keys", sums.size()},
                   {"hidden", 0}};  // how many these are would be told by two such answers
  put_end(out, *end);
  put_note_of_sharing(out, call, smallest_group);
  return out;
}

VerbResult timeline_shared(Call& call, const Question& question, const log::TimelineRequest& request,
                           std::uint32_t smallest_group) {
  // Slots of whole hours, the least that is told.
  const std::int64_t step_ms = (request.step_ms + log::kHourMs - 1) / log::kHourMs * log::kHourMs;
  CellKeys keys(call.services.log, request.by);
  std::map<std::pair<std::int64_t, std::string>, std::uint64_t> sums;
  log::SearchRequest range = request.range;
  range.since_ms -= range.since_ms % step_ms;
  const auto end = visit_cells(call, question, range, smallest_group, [&](const log::AnonymousCell& cell) {
    if (const auto key = keys.of(cell)) sums[{cell.hour_ms - cell.hour_ms % step_ms, *key}] += cell.decisions;
    return sums.size() < kMaxTimelineSlots;
  });
  if (!end) return end.error();
  json::array rows;
  for (const auto& [place, decisions] : sums) {
    json::object shown{{"time", time_text(place.first)}, {"decisions", decisions}};
    if (request.by) shown["key"] = place.second;
    rows.push_back(std::move(shown));
  }
  json::object out{{"since", time_text(range.since_ms)}, {"step_seconds", step_ms / 1000}, {"rows", std::move(rows)}};
  put_end(out, *end);
  put_note_of_sharing(out, call, smallest_group);
  return out;
}

void add_up_groups(json::object& answer) {
  json::array added;
  for (json::value& each : answer.at("rows").as_array()) {
    json::object& row = each.as_object();
    if (row.at("class").as_string() != "counters") {
      added.push_back(std::move(each));
      continue;
    }
    row["group"] = "";
    // Workers write the totals of all groups at one moment.
    const bool is_same = !added.empty() && added.back().as_object().at("class").as_string() == "counters" &&
                         added.back().as_object().at("time") == row.at("time");
    if (!is_same) {
      added.push_back(std::move(each));
      continue;
    }
    for (const char* key : {"queries", "blocked", "cached", "failed"}) {
      json::value& sum = added.back().as_object().at(key);
      sum = sum.to_number<std::uint64_t>() + row.at(key).to_number<std::uint64_t>();
    }
  }
  answer["rows"] = std::move(added);
}

void CommonNames::renew() {
  const SteadyTime now = read_clocks().steady;
  if (renewed_ && now - *renewed_ < kRenewCommon) return;
  renewed_ = now;
  told_.clear();
  log::SearchRequest range;
  range.since_ms = log::to_ms(read_clocks().wall - std::chrono::hours(24));
  range.budget = kBudgetOfCommon;
  static_cast<void>(log::visit_anonymous_hours(call_.services.log, request_of(range, smallest_group_),
                                               [&](std::int64_t, const std::vector<log::AnonymousCell>& cells) {
                                                 for (const log::AnonymousCell& cell : cells) {
                                                   if (cell.detail == log::AnonymousCell::Detail::name)
                                                     told_.insert(common_key(cell.decision_class, cell.group, cell.list,
                                                                             cell.name_key));
                                                 }
                                                 return true;
                                               })
                        .has_value());
}

std::optional<json::object> CommonNames::show(const Decision& decision, const Question& question) {
  renew();
  log::AnonymousCell cell;
  cell.hour_ms = log::to_ms(decision.time);
  cell.decision_class = decision.decision_class;
  cell.decisions = 1;
  const std::string group = log::group_name(call_.services.log.names(decision.generation).get(), decision.group);
  const ReversedName name(decision.qname);
  if (told_.contains(common_key(decision.decision_class, group, decision.winner.list, name.key()))) {
    cell.detail = log::AnonymousCell::Detail::name;
    cell.group = group;
    cell.list = decision.winner.list;
    cell.name_key = name.key();
  }
  if (!log::CellMatcher(call_.services.log, question.filter).matches(cell)) return std::nullopt;
  return show_cell(call_.services.log, cell);
}

}  // namespace weir::sidecar
