#include "tools/sidecar/own_log.h"

#include <boost/json.hpp>

#include <algorithm>

#include "tools/log/row_text.h"
#include "tools/log/search.h"
#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_rows.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

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

std::string note_on_group(const Services& services, const std::string& group) {
  const auto current = services.generations.current();
  if (group.empty() || !current || (*current)->policies().find_group(group)) return {};
  return "no group \"" + escape_for_display(group) + "\" is defined now";
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

struct Event {
  log::Position position;
  json::object row;
};

// Counters or losses of a page, the newest first.
Result<std::vector<Event>> read_events(const Call& call, RowReader& reader, const Question& question,
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

class OwnLog final : public LogAnswerer {
 public:
  explicit OwnLog(const Call& call) : call_(call) {}
  bool is_own() const override { return true; }
  std::string name() const override { return {}; }

  Result<LogPage> search(const Question& question, const log::SearchRequest& range,
                         const std::string& cursor) override {
    log::SearchRequest request = range;
    if (auto behind = go_on_behind(cursor, request); !behind) return behind.error();
    return question.asks_decisions() ? search_decisions(question, request) : search_events(question, request);
  }
  Result<log::Top> top(const Question& question, const log::TopRequest& request) override {
    log::BlockMatcher matcher = matcher_of(call_, question.filter);
    return log::find_top(call_.services.log, matcher, request);
  }
  Result<log::Timeline> timeline(const Question& question, const log::TimelineRequest& request) override {
    log::BlockMatcher matcher = matcher_of(call_, question.filter);
    return log::find_timeline(call_.services.log, matcher, request);
  }
  std::string note(const Question& question) const override {
    if (!question.asks_decisions()) return {};
    std::string note = note_on_list(call_.services, question.filter.list);
    for (const std::string& more : {note_on_group(call_.services, question.filter.group),
                                    note_on_client(call_.services, question.filter.client)}) {
      if (!more.empty()) note += (note.empty() ? "" : "; ") + more;
    }
    return note;
  }

 private:
  Result<LogPage> search_events(const Question& question, const log::SearchRequest& range) const {
    RowReader reader(call_.services.log, generation_or_none(call_.services));
    const std::int64_t until_ms = range.after ? std::min(range.until_ms, range.after->time_ms) : range.until_ms;
    auto events = read_events(call_, reader, question, range.since_ms, until_ms, range.limit);
    if (!events) return events.error();
    LogPage page;
    page.complete = events->size() < range.limit;
    if (!page.complete) page.next = events->back().position.to_text();
    for (Event& event : *events) page.newest_first.push_back(std::move(event.row));
    return page;
  }

  Result<LogPage> search_decisions(const Question& question, const log::SearchRequest& range) const {
    RowReader reader(call_.services.log, generation_or_none(call_.services));
    log::BlockMatcher matcher = matcher_of(call_, question.filter);
    std::vector<std::pair<log::Position, json::object>> newest_first;
    std::size_t octets = 0;
    auto end = log::search(call_.services.log, matcher, range, [&](const Decision& decision, const log::Position& at) {
      json::object row = reader.show(decision);
      octets += json::serialize(row).size() + 1;
      if (octets > kMaxReplyOctets) return false;
      newest_first.emplace_back(at, std::move(row));
      return true;
    });
    if (!end) return end.error();
    if (question.asks_losses()) {
      // Those of the moments that this page spans.
      const std::int64_t since_ms = end->next ? std::max(range.since_ms, end->next->time_ms + 1) : range.since_ms;
      const std::int64_t until_ms = range.after ? std::min(range.until_ms, range.after->time_ms + 1) : range.until_ms;
      auto losses = read_events(call_, reader, question, since_ms, until_ms, range.limit);
      if (!losses) return losses.error();
      for (Event& loss : *losses) newest_first.emplace_back(loss.position, std::move(loss.row));
      std::stable_sort(newest_first.begin(), newest_first.end(),
                       [](const auto& a, const auto& b) { return a.first.time_ms > b.first.time_ms; });
    }
    LogPage page{{}, end->complete, end->next ? end->next->to_text() : std::string(), std::move(end->missing)};
    for (auto& [position, row] : newest_first) page.newest_first.push_back(std::move(row));
    return page;
  }

  const Call& call_;
};

}  // namespace

std::shared_ptr<const Generation> generation_or_none(const Services& services) {
  const auto current = services.generations.current();
  return current ? *current : nullptr;
}

log::BlockMatcher matcher_of(const Call& call, log::LogFilter filter) {
  return {std::move(filter), [&call](GenerationNumber generation) { return call.services.log.names(generation); }};
}

std::unique_ptr<LogAnswerer> make_own_log(const Call& call) {
  return std::make_unique<OwnLog>(call);
}

}  // namespace weir::sidecar
