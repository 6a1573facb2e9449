// log.search, log.tail, log.top, log.timeline, log.export, log.verify.
#include <algorithm>

#include "tools/log/anonymous_cells.h"
#include "tools/log/block_builder.h"
#include "tools/log/row_text.h"
#include "tools/log/search.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_answerer.h"
#include "tools/sidecar/log_question.h"
#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/own_log.h"
#include "tools/sidecar/shared_log.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kTailWait{500};

void put_source_and_note(json::object& out, const LogAnswerer& answerer, const Question& question) {
  if (!answerer.is_own()) out["source"] = answerer.name();
  if (const std::string note = answerer.note(question); !note.empty()) out["note"] = note;
}

}  // namespace

VerbResult search_log(Call& call) {
  auto range = read_range(call, std::nullopt);
  if (!range) return range.error();
  range->limit = std::clamp<std::uint64_t>(call.arguments.number("limit", kDefaultLimit), 1, kMaxLimit);
  const std::string cursor = call.arguments.text("cursor");
  const auto question = read_question(call.arguments);
  if (!question) return question.error();
  const auto answerer = find_answerer(call);
  if (!answerer) return answerer.error();
  if (!call.arguments.ok()) return call.arguments.error();
  const std::uint32_t smallest_group = smallest_group_of(call);
  if (smallest_group > 1 && question->asks_decisions()) {
    if (auto behind = go_on_behind(cursor, *range); !behind) return behind.error();
    return search_shared(call, *question, *range, smallest_group);
  }
  auto page = (*answerer)->search(*question, *range, cursor);
  if (!page) return page.error();
  // The newest rows, and of those the oldest first: as one reads.
  json::array rows;
  rows.reserve(page->newest_first.size());
  for (auto row = page->newest_first.rbegin(); row != page->newest_first.rend(); ++row) rows.push_back(std::move(*row));
  json::object out{{"rows", std::move(rows)},
                   {"complete", page->complete},
                   {"next", page->next.empty() ? json::value(nullptr) : json::value(page->next)}};
  if (!page->missing.empty()) out["missing"] = show_missing(page->missing);
  put_source_and_note(out, **answerer, *question);
  if (!question->asks_decisions() && smallest_group > 1) add_up_groups(out);
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
  if (auto behind = go_on_behind(cursor, *range); !behind) return behind.error();
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
  const auto answerer = find_answerer(call);
  if (!answerer) return answerer.error();
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
  const auto top = (*answerer)->top(*question, request);
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
  put_source_and_note(out, **answerer, *question);
  return out;
}

VerbResult show_timeline(Call& call) {
  log::TimelineRequest request;
  const auto step_ms = read_step(call.arguments);
  if (!step_ms) return step_ms.error();
  const std::string by = call.arguments.text("by");
  const auto range = read_range(call, std::chrono::hours(24));
  if (!range) return range.error();
  const auto question = read_question(call.arguments);
  if (!question) return question.error();
  const auto answerer = find_answerer(call);
  if (!answerer) return answerer.error();
  if (!call.arguments.ok()) return call.arguments.error();
  if (!by.empty()) {
    request.by = log::parse_dimension(by);
    if (!request.by || *request.by == log::Dimension::name || *request.by == log::Dimension::domain ||
        *request.by == log::Dimension::client || *request.by == log::Dimension::type) {
      return Error{ErrorCode::invalid,
                   "no timeline by '" + escape_for_display(by) + "': expected list, category, group or class"};
    }
  }
  request.step_ms = *step_ms;
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
  const auto timeline = (*answerer)->timeline(*question, request);
  if (!timeline) return timeline.error();
  json::array rows;
  for (const log::TimelineRow& row : timeline->rows) {
    json::object shown{{"time", time_text(row.slot_ms)}, {"decisions", row.decisions}};
    if (request.by) shown["key"] = row.key;
    rows.push_back(std::move(shown));
  }
  json::object out{
      {"since", time_text(request.range.since_ms)}, {"step_seconds", *step_ms / 1000}, {"rows", std::move(rows)}};
  put_end(out, timeline->end);
  put_source_and_note(out, **answerer, *question);
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
                               [&](const log::Block& block, const log::BlockMatcher&) {
                                 rows += block.header.rows;
                                 ++blocks;
                                 return true;
                               });
  if (!end) return end.error();
  tell_losses(call.services.log, INT64_MIN, INT64_MAX, *end);
  // What never came is no damage of the log.
  const bool is_whole = std::all_of(end->missing.begin(), end->missing.end(), [](const log::MissingRows& each) {
    return each.cause == log::MissingRows::Cause::ring;
  });
  json::object out{{"blocks", blocks}, {"rows", rows}, {"whole", is_whole}};
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
