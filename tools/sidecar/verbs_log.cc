// log.search, log.tail.
#include <algorithm>

#include "tools/sidecar/log_rows.h"
#include "tools/sidecar/rule_text.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kDefaultLimit = 100;
constexpr std::uint64_t kMaxLimit = 100'000;
constexpr std::size_t kMaxReplyOctets = kMaxControlLine - (64 << 10);
constexpr std::chrono::milliseconds kTailWait{500};

Result<LogFilter> read_filter(Arguments& arguments) {
  LogFilter filter;
  const std::string name = arguments.text("name");
  filter.client = arguments.text("client");
  filter.list = arguments.text("list");
  filter.group = arguments.text("group");
  filter.row_class = arguments.text("class");
  if (!arguments.ok()) return arguments.error();
  if (!name.empty()) {
    const auto parsed = parse_typed_name(name);
    if (!parsed) return parsed.error();
    filter.name = *parsed;
  }
  if (const auto prefix = Prefix::parse(filter.client)) {
    filter.client_prefix = *prefix;
  } else if (!filter.client.empty() && !is_pseudonym(filter.client)) {
    return Error{ErrorCode::invalid, "'" + escape_for_display(filter.client) +
                                         "' is no client: expected an address, a prefix such as 192.0.2.0/24, or a "
                                         "pseudonym as it is shown, p- and 16 hexadecimal digits"};
  }
  static constexpr std::array<std::string_view, 6> kClasses = {"blocked",  "would_block", "allowed_over_block",
                                                               "resolved", "counters",    "dropped"};
  std::replace(filter.row_class.begin(), filter.row_class.end(), '-', '_');
  if (!filter.row_class.empty() && std::find(kClasses.begin(), kClasses.end(), filter.row_class) == kClasses.end()) {
    const std::string_view near = nearest(filter.row_class, kClasses);
    return Error{ErrorCode::invalid, "unknown class '" + escape_for_display(filter.row_class) + "'" +
                                         (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?")};
  }
  return filter;
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
      return clients + "kept as prefixes, so this is what all of " + sidecar::describe(kept) + " asked for";
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

}  // namespace

VerbResult search_log(Call& call) {
  const WallTime now = read_clocks().wall;
  const auto since = call.arguments.time("since", now);
  const auto until = call.arguments.time("until", now);
  const std::uint64_t limit = std::clamp<std::uint64_t>(call.arguments.number("limit", kDefaultLimit), 1, kMaxLimit);
  const auto filter = read_filter(call.arguments);
  if (!filter) return filter.error();
  if (!call.arguments.ok()) return call.arguments.error();
  if (since && until && *since > *until) {
    return Error{ErrorCode::invalid, "\"since\" is " + format_time(*since) + ", behind \"until\", which is " +
                                         format_time(*until) + ": expected the earlier moment as \"since\""};
  }
  RowReader reader(call.services.log, generation_or_none(call.services));
  // The newest rows, and of those the oldest first: as one reads.
  std::vector<json::object> newest_first;
  std::size_t octets = 0;
  bool complete = true;
  std::uint64_t seen = 0;
  std::uint64_t damaged = 0;
  const auto scanned = call.services.log.scan(
      since.value_or(WallTime::min()), until.value_or(WallTime::max()),
      [&](const LogRow& row) {
        if (++seen % 65536 == 0 && call.responder.is_gone()) return complete = false;
        auto shown = reader.read(row, *filter);
        if (!shown) return true;
        octets += json::serialize(*shown).size() + 1;
        if (newest_first.size() >= limit || octets > kMaxReplyOctets) return complete = false;
        newest_first.push_back(std::move(*shown));
        return true;
      },
      &damaged);
  if (!scanned) return scanned.error();
  std::reverse(newest_first.begin(), newest_first.end());
  // Blocks of several workers overlap in time. Times are written in equal width, so they compare as text.
  std::stable_sort(newest_first.begin(), newest_first.end(), [](const json::object& a, const json::object& b) {
    return a.at("time").as_string() < b.at("time").as_string();
  });
  json::array rows;
  rows.reserve(newest_first.size());
  for (json::object& row : newest_first) rows.push_back(std::move(row));
  json::object out{{"rows", std::move(rows)}, {"complete", complete}};
  if (damaged > 0) out["damaged_blocks"] = damaged;
  std::string note = note_on_list(call.services, filter->list);
  if (const std::string more = note_on_client(call.services, filter->client_prefix); !more.empty())
    note += (note.empty() ? "" : "; ") + more;
  if (!note.empty()) out["note"] = note;
  return out;
}

VerbResult tail_log(Call& call) {
  const auto filter = read_filter(call.arguments);
  if (!filter) return filter.error();
  const auto watcher = call.services.feed.watch();
  std::uint64_t missed_in_all = 0;
  while (!call.services.stop.load(std::memory_order_relaxed) && !call.responder.is_gone()) {
    std::uint64_t missed = 0;
    const std::vector<LogRow> rows = watcher->take(kTailWait, missed);
    missed_in_all += missed;
    if (rows.empty()) continue;
    RowReader reader(call.services.log, generation_or_none(call.services));
    for (const LogRow& row : rows) {
      const auto shown = reader.read(row, *filter);
      if (shown && !call.responder.progress(encode_progress(*shown))) break;
    }
  }
  return json::object{{"missed", missed_in_all}};
}

}  // namespace weir::sidecar
