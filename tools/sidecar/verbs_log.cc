// log.search, log.tail, log.top, log.timeline, log.export, log.verify.
#include <algorithm>
#include <array>

#include "tools/log/block_builder.h"
#include "tools/log/row_text.h"
#include "tools/log/search.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/rule_text.h"
#include "tools/sidecar/shown_name.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kDefaultLimit = 100;
constexpr std::uint64_t kMaxLimit = 100'000;
constexpr std::uint64_t kMaxTop = 10'000;
constexpr std::size_t kMaxReplyOctets = kMaxControlLine - (64 << 10);
constexpr std::size_t kMaxTimelineSlots = 100'000;
constexpr std::uint64_t kDefaultSeconds = 10;
constexpr std::uint64_t kMaxSeconds = 600;
constexpr std::chrono::milliseconds kTailWait{500};

// What a question asks for: decisions, or rows that are none.
struct Question {
  log::LogFilter filter;
  std::string row_class;  // as it was given; "counters" and "dropped" are no decisions
  bool asks_decisions() const { return row_class != "counters" && row_class != "dropped"; }
  // Losses are shown to whoever asks for no less than everything.
  bool asks_losses() const {
    return row_class == "dropped" || (row_class.empty() && filter.is_only_class() && !filter.decision_class);
  }
};

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
    return Error{ErrorCode::invalid, "'" + escape_for_display(client) +
                                         "' is no client: expected an address, a prefix such as 192.0.2.0/24, or a "
                                         "pseudonym as it is shown, p- and 16 hexadecimal digits"};
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
                                         (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?")};
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

// Whether the answer is complete, how to go on, and what could not be read.
void put_end(json::object& out, const log::SearchEnd& end) {
  out["complete"] = end.complete;
  out["next"] = end.next ? json::value(end.next->to_text()) : json::value(nullptr);
  json::array damaged;
  for (const log::DamagedBlock& block : end.damaged) {
    damaged.push_back(json::object{{"from", time_text(block.first_ms)},
                                   {"to", time_text(block.last_ms)},
                                   {"rows", block.rows},
                                   {"why", block.why}});
  }
  if (!damaged.empty()) out["damaged"] = std::move(damaged);
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
  if (!question->asks_decisions()) return search_events(call, *question, *range);

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
          if (matcher.matches(row)) rows.emplace_back(block.time_ms(row), reader.show(block.decision(row)));
        }
      }
      for (const log::RecordBatch::Entry& entry : batch->entries()) {
        const bool is_wanted = entry.sort == log::RecordSort::lost       ? question->asks_losses()
                               : entry.sort == log::RecordSort::counters ? question->row_class == "counters"
                                                                         : false;
        if (!is_wanted) continue;
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
