// log.search, log.tail, log.top, log.timeline, log.export, log.verify.
#include <algorithm>
#include <array>

#include "tools/log/anonymous_cells.h"
#include "tools/log/block_builder.h"
#include "tools/log/row_text.h"
#include "tools/log/search.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_question.h"
#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/shared_log.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kTailWait{500};

log::BlockMatcher matcher_of(const Call& call, log::LogFilter filter) {
  return {std::move(filter), [&call](GenerationNumber generation) { return call.services.log.names(generation); }};
}

// A list that is not defined may have been once; more often its name is mistyped.
std::string note_on_list(const Services& services, const std::string& list) {
  const auto current = services.generations.current();
  if (list.empty() || !current || (*current)->policies().find_list(list) != nullptr) return {};
  std::vector<std::string_view> known;
  for (const ListDefinition& each : (*current)->policies().lists) known.emplace_back(each.name);
  const std::string_view near = nearest(list, known);
  return "no list \"" + escape_for_display(list) + "\" is defined now" +
         (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?");
}

// What a search for an address can find of a client whose address is not kept as it is.
std::string note_on_client(const Services& services, const std::optional<Prefix>& client) {
  const auto current = services.generations.current();
  if (!client || !current) return {};
  const PolicySet& policies = (*current)->policies();
  const Group& group = policies.groups[policies.group_of(client->address)];
  const std::string clients = "clients of group \"" + escape_for_display(group.name) + "\" are ";
  switch (const Privacy level = policies.policies[group.policy].privacy) {
    case Privacy::full:
      return {};
    case Privacy::prefix: {
      const ClientIdentity kept = identity_of(client->address, level, std::nullopt);
      if (client->length <= kept.prefix_length) return {};
      return clients + "kept as prefixes, so this is what all of " + log::describe(kept) + " asked for";
    }
    case Privacy::pseudonym:
      return clients + "kept as pseudonyms: their addresses find nothing";
    case Privacy::none:
      return clients + "not kept: their addresses find nothing";
  }
  return {};
}

std::shared_ptr<const Generation> generation_or_none(const Services& services) {
  const auto current = services.generations.current();
  return current ? *current : nullptr;
}

void put_notes(json::object& out, const Call& call, const log::LogFilter& filter) {
  std::string note = note_on_list(call.services, filter.list);
  if (const std::string more = note_on_client(call.services, filter.client); !more.empty())
    note += (note.empty() ? "" : "; ") + more;
  if (!note.empty()) out["note"] = note;
}

struct Event {
  log::Position position;
  json::object row;
};

// Counters or losses of a page, the newest first.
Result<std::vector<Event>> read_events(const Call& call, const RowReader& reader, const Question& question,
                                       std::int64_t since_ms, std::int64_t until_ms, std::uint64_t limit) {
  std::vector<Event> events;
  const auto wanted = question.row_class == "counters" ? log::RecordSort::counters : log::RecordSort::lost;
  const auto scanned = call.services.log.scan_events(
      since_ms, until_ms, [&](log::RecordSort sort, std::int64_t time_ms, std::span<const std::uint8_t> record) {
        if (sort != wanted) return true;
        auto row = reader.show_event(sort, time_ms, record);
        if (!row || (!question.filter.group.empty() && row->at("group").as_string() != question.filter.group))
          return true;
        // A page ends between two moments: that is all that a cursor can say of rows that are no decisions.
        if (events.size() >= limit && events.back().position.time_ms != time_ms) return false;
        events.push_back({{time_ms, 0, 0}, std::move(*row)});
        return true;
      });
  if (!scanned) return scanned.error();
  return events;
}

VerbResult search_events(Call& call, const Question& question, const log::SearchRequest& range) {
  const RowReader reader(call.services.log, generation_or_none(call.services));
  const std::int64_t until_ms = range.after ? std::min(range.until_ms, range.after->time_ms) : range.until_ms;
  const auto events = read_events(call, reader, question, range.since_ms, until_ms, range.limit);
  if (!events) return events.error();
  log::SearchEnd end;
  end.complete = events->size() < range.limit;
  if (!end.complete) end.next = events->back().position;
  json::array rows;
  for (auto event = events->rbegin(); event != events->rend(); ++event) rows.push_back(event->row);
  json::object out{{"rows", std::move(rows)}};
  put_end(out, end);
  return out;
}

}  // namespace

VerbResult search_log(Call& call) {
  auto range = read_range(call, std::nullopt);
  if (!range) return range.error();
  range->limit = std::clamp<std::uint64_t>(call.arguments.number("limit", kDefaultLimit), 1, kMaxLimit);
  const std::string cursor = call.arguments.text("cursor");
  const auto question = read_question(call.arguments);
  if (!question) return question.error();
  if (!call.arguments.ok()) return call.arguments.error();
  if (!cursor.empty()) {
    const auto position = log::Position::parse(cursor);
    if (!position) return position.error();
    range->after = *position;
  }
  const std::uint32_t smallest_group = smallest_group_of(call);
  if (!question->asks_decisions()) {
    auto events = search_events(call, *question, *range);
    if (events && smallest_group > 1) add_up_groups(*events);
    return events;
  }
  if (smallest_group > 1) return search_shared(call, *question, *range, smallest_group);

  RowReader reader(call.services.log, generation_or_none(call.services));
  log::BlockMatcher matcher = matcher_of(call, question->filter);
  std::vector<std::pair<log::Position, json::object>> newest_first;
  std::size_t octets = 0;
  auto end = log::search(call.services.log, matcher, *range, [&](const Decision& decision, const log::Position& at) {
    json::object row = reader.show(decision);
    octets += json::serialize(row).size() + 1;
    if (octets > kMaxReplyOctets) return false;
    newest_first.emplace_back(at, std::move(row));
    return true;
  });
  if (!end) return end.error();
  if (question->asks_losses()) {
    // Those of the moments that this page spans.
    const std::int64_t since_ms = end->next ? std::max(range->since_ms, end->next->time_ms + 1) : range->since_ms;
    const std::int64_t until_ms = range->after ? std::min(range->until_ms, range->after->time_ms + 1) : range->until_ms;
    auto losses = read_events(call, reader, *question, since_ms, until_ms, range->limit);
    if (!losses) return losses.error();
    for (Event& loss : *losses) newest_first.emplace_back(loss.position, std::move(loss.row));
    std::stable_sort(newest_first.begin(), newest_first.end(),
                     [](const auto& a, const auto& b) { return a.first.time_ms > b.first.time_ms; });
  }
  // The newest rows, and of those the oldest first: as one reads.
  json::array rows;
  rows.reserve(newest_first.size());
  for (auto row = newest_first.rbegin(); row != newest_first.rend(); ++row) rows.push_back(std::move(row->second));
  json::object out{{"rows", std::move(rows)}};
  put_end(out, *end);
  put_notes(out, call, question->filter);
  return out;
}

VerbResult export_log(Call& call) {
  auto range = read_range(call, std::nullopt);
  if (!range) return range.error();
  range->direction = log::Direction::oldest_first;
  range->limit = call.arguments.number("limit", UINT64_MAX);
  range->budget = std::chrono::seconds(call.arguments.number("seconds", kMaxSeconds));
  const std::string cursor = call.arguments.text("cursor");
  const auto question = read_question(call.arguments);
  if (!question) return question.error();
  if (!question->asks_decisions())
    return Error{ErrorCode::invalid, "only decisions are exported: 'log search' shows " + question->row_class};
  if (!cursor.empty()) {
    const auto position = log::Position::parse(cursor);
    if (!position) return position.error();
    range->after = *position;
  }
  if (const std::uint32_t smallest_group = smallest_group_of(call); smallest_group > 1)
    return export_shared(call, *question, *range, smallest_group);
  RowReader reader(call.services.log, generation_or_none(call.services));
  log::BlockMatcher matcher = matcher_of(call, question->filter);
  std::uint64_t rows = 0;
  auto end = log::search(call.services.log, matcher, *range, [&](const Decision& decision, const log::Position&) {
    if (!call.responder.progress(encode_progress(reader.show(decision)))) return false;
    ++rows;
    return true;
  });
  if (!end) return end.error();
  json::object out{{"rows", rows}};
  put_end(out, *end);
  return out;
}

VerbResult show_top(Call& call) {
  log::TopRequest request;
  const std::string by = call.arguments.required("by");
  request.limit = std::clamp<std::uint64_t>(call.arguments.number("limit", 10), 1, kMaxTop);
  request.min_clients =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(call.arguments.number("min_clients", 0), 1000));
  const auto range = read_range(call, std::chrono::hours(24));
  if (!range) return range.error();
  const auto question = read_question(call.arguments);
  if (!question) return question.error();
  if (!call.arguments.ok()) return call.arguments.error();
  const auto dimension = log::parse_dimension(by);
  if (!dimension || !question->asks_decisions()) {
    std::string expected;
    for (const std::string_view each : log::kDimensions) expected += (expected.empty() ? "" : ", ") + std::string(each);
    return Error{ErrorCode::invalid, dimension
                                         ? "only decisions have a top"
                                         : "no top by '" + escape_for_display(by) + "': expected one of " + expected};
  }
  request.by = *dimension;
  request.range = *range;
  if (const std::uint32_t smallest_group = smallest_group_of(call); smallest_group > 1)
    return top_shared(call, *question, request, std::max(smallest_group, request.min_clients));
  // Whole minutes, and for domains whole hours, are added up already.
  const std::int64_t grain_ms = *dimension == log::Dimension::domain ? log::kHourMs : log::kMinuteMs;
  request.range.since_ms -= request.range.since_ms % grain_ms;
  log::BlockMatcher matcher = matcher_of(call, question->filter);
  const auto top = log::find_top(call.services.log, matcher, request);
  if (!top) return top.error();
  json::array rows;
  for (const log::TopRow& row : top->rows) {
    json::object shown{{"decisions", row.decisions}};
    put_name(shown, "key", row.key);
    rows.push_back(std::move(shown));
  }
  json::object out{{"by", log::to_text(*dimension)},
                   {"since", time_text(request.range.since_ms)},
                   {"rows", std::move(rows)},
                   {"decisions", top->decisions},
                   {"keys", top->keys},
                   {"hidden", top->hidden}};
  put_end(out, top->end);
  put_notes(out, call, question->filter);
  return out;
}

VerbResult show_timeline(Call& call) {
  log::TimelineRequest request;
  const std::uint64_t step_seconds = call.arguments.number("step", 3600);
  const std::string by = call.arguments.text("by");
  const auto range = read_range(call, std::chrono::hours(24));
  if (!range) return range.error();
  const auto question = read_question(call.arguments);
  if (!question) return question.error();
  if (!call.arguments.ok()) return call.arguments.error();
  if (step_seconds < 60 || step_seconds % 60 != 0)
    return Error{ErrorCode::invalid, "\"step\" is " + std::to_string(step_seconds) + " s: expected whole minutes"};
  if (!by.empty()) {
    request.by = log::parse_dimension(by);
    if (!request.by || *request.by == log::Dimension::name || *request.by == log::Dimension::domain ||
        *request.by == log::Dimension::client || *request.by == log::Dimension::type) {
      return Error{ErrorCode::invalid,
                   "no timeline by '" + escape_for_display(by) + "': expected list, category, group or class"};
    }
  }
  request.step_ms = static_cast<std::int64_t>(step_seconds) * 1000;
  request.range = *range;
  if (const std::uint32_t smallest_group = smallest_group_of(call); smallest_group > 1)
    return timeline_shared(call, *question, request, smallest_group);
  request.range.since_ms -= request.range.since_ms % request.step_ms;
  const std::int64_t now_ms = log::to_ms(read_clocks().wall);
  if ((std::min(request.range.until_ms, now_ms) - request.range.since_ms) / request.step_ms >
      static_cast<std::int64_t>(kMaxTimelineSlots)) {
    return Error{ErrorCode::invalid, "that is more than " + std::to_string(kMaxTimelineSlots) +
                                         " steps: expected a longer \"step\" or a later \"since\""};
  }
  log::BlockMatcher matcher = matcher_of(call, question->filter);
  const auto timeline = log::find_timeline(call.services.log, matcher, request);
  if (!timeline) return timeline.error();
  json::array rows;
  for (const log::TimelineRow& row : timeline->rows) {
    json::object shown{{"time", time_text(row.slot_ms)}, {"decisions", row.decisions}};
    if (request.by) shown["key"] = row.key;
    rows.push_back(std::move(shown));
  }
  json::object out{
      {"since", time_text(request.range.since_ms)}, {"step_seconds", step_seconds}, {"rows", std::move(rows)}};
  put_end(out, timeline->end);
  put_notes(out, call, question->filter);
  return out;
}

VerbResult verify_log(Call& call) {
  log::SearchRequest range;
  range.budget = std::chrono::hours(1);
  range.is_gone = [&call] { return call.responder.is_gone(); };
  log::BlockMatcher everything({}, nullptr);
  std::uint64_t rows = 0;
  std::uint64_t blocks = 0;
  auto end = log::visit_blocks(call.services.log, everything, range, log::DecisionLog::Parts::all, {},
                               [&](const log::Block& block) {
                                 rows += block.header.rows;
                                 ++blocks;
                                 return true;
                               });
  if (!end) return end.error();
  json::object out{{"blocks", blocks}, {"rows", rows}, {"whole", end->damaged.empty()}};
  put_end(out, *end);
  return out;
}

VerbResult tail_log(Call& call) {
  const auto question = read_question(call.arguments);
  if (!question) return question.error();
  const std::uint32_t smallest_group = smallest_group_of(call);
  if (smallest_group > 1) {
    if (auto allowed = log::CellMatcher::check(question->filter); !allowed) return allowed.error();
  }
  CommonNames common(call, smallest_group);
  const auto watcher = call.services.feed.watch();
  log::BlockMatcher matcher = matcher_of(call, question->filter);
  std::uint64_t missed_in_all = 0;
  while (!call.services.stop.load(std::memory_order_relaxed) && !call.responder.is_gone()) {
    std::uint64_t missed = 0;
    const auto batches = watcher->take(kTailWait, missed);
    missed_in_all += missed;
    if (batches.empty()) continue;
    RowReader reader(call.services.log, generation_or_none(call.services));
    std::vector<std::pair<std::int64_t, json::object>> rows;
    for (const auto& batch : batches) {
      for (const log::Block& block : question->asks_decisions() ? log::blocks_of(*batch) : std::vector<log::Block>()) {
        if (!matcher.may_match(block.header) || !matcher.prepare(block)) continue;
        for (std::size_t row = 0; row < block.header.rows; ++row) {
          if (!matcher.matches(row)) continue;
          if (smallest_group == 1) {
            rows.emplace_back(block.time_ms(row), reader.show(block.decision(row)));
          } else if (auto shown = common.show(block.decision(row), *question)) {
            rows.emplace_back(block.time_ms(row), std::move(*shown));
          }
        }
      }
      for (const log::RecordBatch::Entry& entry : batch->entries()) {
        const bool is_wanted = entry.sort == log::RecordSort::lost       ? question->asks_losses()
                               : entry.sort == log::RecordSort::counters ? question->row_class == "counters"
                                                                         : false;
        if (!is_wanted || smallest_group > 1) continue;
        auto row = reader.show_event(entry.sort, entry.time_ms, batch->record(entry));
        if (row && (question->filter.group.empty() || row->at("group").as_string() == question->filter.group))
          rows.emplace_back(entry.time_ms, std::move(*row));
      }
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [time_ms, row] : rows) {
      if (!call.responder.progress(encode_progress(row))) break;
    }
  }
  return json::object{{"missed", missed_in_all}};
}

}  // namespace weir::sidecar
