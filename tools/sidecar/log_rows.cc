#include "tools/sidecar/log_rows.h"

#include <boost/json.hpp>

#include <cstdio>

#include "tools/sidecar/explain.h"
#include "tools/sidecar/shown_name.h"
#include "zones/base/text.h"
#include "zones/store/history.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

std::span<const std::uint8_t> octets(const std::string& record) {
  return {reinterpret_cast<const std::uint8_t*>(record.data()), record.size()};
}

// RFC 3339 with milliseconds: 2026-07-06T00:40:32.123Z.
std::string time_text(std::int64_t us) {
  const std::string seconds = format_time(from_us(us));
  char fraction[8];
  std::snprintf(fraction, sizeof fraction, ".%03dZ", static_cast<int>(us / 1000 % 1000));
  return seconds.substr(0, seconds.size() - 1) + fraction;
}

std::string_view text_of(LinkKind link) {
  switch (link) {
    case LinkKind::qname:
      return "qname";
    case LinkKind::alias:
      return "alias";
    case LinkKind::address:
      return "address";
    case LinkKind::default_deny:
      return "default_deny";
    case LinkKind::client:
      return "client";
    case LinkKind::name_server:
      return "name_server";
  }
  return "qname";
}

bool is_client(const ClientIdentity& client, const LogFilter& filter) {
  if (filter.client.empty()) return true;
  if (filter.client_prefix && (client.level == Privacy::full || client.level == Privacy::prefix)) {
    const Prefix kept{client.address, client.level == Privacy::full ? static_cast<std::uint8_t>(client.address.bits())
                                                                    : client.prefix_length};
    return filter.client_prefix->contains(kept) || kept.contains(*filter.client_prefix);
  }
  return describe(client) == filter.client;
}

const Name& linked_name(const Decision& decision) {
  const bool is_other = decision.link == LinkKind::alias || decision.link == LinkKind::name_server;
  return is_other ? decision.link_name : decision.qname;
}

bool is_address(PatternKind kind) {
  return kind == PatternKind::address || kind == PatternKind::ns_address;
}

std::string pattern_of(const Generation* generation, const Decision& decision, const Match& match) {
  if (is_address(match.kind)) return pattern_text(match, decision.link_address);
  // Whose address that was is for the log's privacy level to say.
  if (match.kind == PatternKind::client) return "client prefix of " + std::to_string(match.labels) + " bits";
  return pattern_text(generation, match, linked_name(decision));
}

std::optional<RuleSource> source_of(const Generation& generation, const Decision& decision, const Match& match) {
  if (match.kind == PatternKind::client) return std::nullopt;
  const auto found = is_address(match.kind)
                         ? find_source(generation, match, decision.link_address, decision.generation)
                         : find_source(generation, match, ReversedName(linked_name(decision)), decision.generation);
  if (!found) return std::nullopt;
  return *found;
}

}  // namespace

std::string_view to_text(DecisionClass decision_class) {
  switch (decision_class) {
    case DecisionClass::blocked:
      return "blocked";
    case DecisionClass::would_block:
      return "would_block";
    case DecisionClass::allowed_over_block:
      return "allowed_over_block";
    case DecisionClass::resolved:
      return "resolved";
    case DecisionClass::rebinding:
      return "rebinding";
    case DecisionClass::blocked_upstream:
      return "blocked_upstream";
  }
  return "unknown";
}

std::string describe(const ClientIdentity& client) {
  switch (client.level) {
    case Privacy::full:
      return client.address.to_text();
    case Privacy::prefix:
      return Prefix{client.address, client.prefix_length}.to_text();
    case Privacy::pseudonym: {
      char text[24];
      std::snprintf(text, sizeof text, "p-%016llx", static_cast<unsigned long long>(client.pseudonym));
      return text;
    }
    case Privacy::none:
      return {};
  }
  return {};
}

bool is_pseudonym(std::string_view text) {
  constexpr std::string_view kHexadecimal = "0123456789abcdef";
  return text.size() == 18 && text.starts_with("p-") &&
         text.find_first_not_of(kHexadecimal, 2) == std::string_view::npos;
}

RowReader::RowReader(const DecisionLog& log, std::shared_ptr<const Generation> generation)
    : log_(log), generation_(std::move(generation)) {}

const PolicySet* RowReader::names(GenerationNumber generation) {
  const auto [at, is_new] = names_.try_emplace(generation.value);
  if (is_new) at->second = log_.names(generation);
  return at->second.get();
}

std::string RowReader::list_name(const PolicySet* names, const Match& match) const {
  if (match.list == 0) return {};
  const ListDefinition* list = names != nullptr ? names->find_list(match.list_id()) : nullptr;
  // Ids are never reused, so a newer generation can only say the same.
  if (list == nullptr && generation_) list = generation_->policies().find_list(match.list_id());
  return list != nullptr ? list->name : "list " + std::to_string(match.list);
}

std::optional<json::object> RowReader::read(const LogRow& row, const LogFilter& filter) {
  if (row.kind == RowKind::decision) return read_decision(row, filter);
  const bool narrow = filter.name || !filter.client.empty() || !filter.list.empty();
  if (row.kind == RowKind::lost) {
    LostRecord lost;
    if (narrow || !filter.group.empty() || (!filter.row_class.empty() && filter.row_class != "dropped"))
      return std::nullopt;
    if (!decode(row.record, lost)) return std::nullopt;
    return json::object{{"time", time_text(row.time_us)},
                        {"class", "dropped"},
                        {"worker", lost.worker},
                        {"dropped", lost.dropped},
                        {"damaged_bytes", lost.damaged_bytes}};
  }
  if (row.kind != RowKind::counters || narrow || filter.row_class != "counters") return std::nullopt;
  const auto counters = decode_counters(octets(row.record));
  if (!counters) return std::nullopt;
  // A counter record names its group by index, but no generation: the newest one's names are the best there is.
  std::string group = "group " + std::to_string(counters->group);
  if (generation_ && counters->group < generation_->policies().groups.size()) {
    group = generation_->policies().groups[counters->group].name;
  }
  if (!filter.group.empty() && filter.group != group) return std::nullopt;
  return json::object{{"time", time_text(row.time_us)}, {"class", "counters"},          {"group", group},
                      {"queries", counters->queries},   {"blocked", counters->blocked}, {"cached", counters->cached},
                      {"failed", counters->failed}};
}

std::optional<json::object> RowReader::read_decision(const LogRow& row, const LogFilter& filter) {
  const auto decision = decode_decision(octets(row.record));
  if (!decision) return std::nullopt;
  const std::string_view row_class = to_text(decision->decision_class);
  // The cheap questions first: most rows of a search end here.
  if (!filter.row_class.empty() && filter.row_class != row_class) return std::nullopt;
  if (filter.name && !decision->qname.is_at_or_below(*filter.name)) return std::nullopt;
  if (!is_client(decision->client, filter)) return std::nullopt;
  const PolicySet* known = names(decision->generation);
  const std::string list = list_name(known, decision->winner);
  if (!filter.list.empty() && filter.list != list) return std::nullopt;
  const std::string group = known != nullptr && decision->group < known->groups.size()
                                ? known->groups[decision->group].name
                                : "group " + std::to_string(decision->group);
  if (!filter.group.empty() && filter.group != group) return std::nullopt;

  const bool has_winner = decision->winner.list != 0;
  const bool was_blocked = decision->decision_class == DecisionClass::blocked;
  json::object out;
  out["time"] = time_text(row.time_us);
  out["class"] = row_class;
  put_name(out, "name", decision->qname.to_text());
  out["type"] = to_text(decision->qtype);
  out["client"] = describe(decision->client);
  out["group"] = group;
  out["list"] = list;
  put_name(out, "pattern", has_winner ? pattern_of(generation_.get(), *decision, decision->winner) : std::string());
  out["action"] = to_text(decision->action);
  // A rule with an action of its own is answered with that, whatever the policy's mode.
  out["mode"] = !was_blocked                        ? std::string()
                : decision->action == Action::block ? std::string(to_text(decision->mode))
                                                    : std::string(to_text(decision->action));
  out["link"] = text_of(decision->link);
  put_name(out, "link_name",
           decision->link == LinkKind::alias     ? decision->link_name.to_text()
           : decision->link == LinkKind::address ? decision->link_address.to_text()
                                                 : std::string());
  if (decision->link == LinkKind::default_deny && !decision->link_name.is_root())
    put_name(out, "referring", decision->link_name.to_text());
  out["generation"] = decision->generation.value;
  out["import"] = nullptr;
  out["line"] = nullptr;
  if (has_winner && generation_) {
    if (const auto source = source_of(*generation_, *decision, decision->winner)) {
      out["import"] = source->import.value;
      out["line"] = source->line;
    }
  }
  out["latency_us"] = decision->latency_us;
  out["transport"] = decision->transport == Transport::tcp ? "tcp" : "udp";
  json::array losers;
  for (unsigned i = 0; i < decision->loser_count && i < decision->losers.size(); ++i) {
    const Match& loser = decision->losers[i];
    json::object shown{{"list", list_name(known, loser)}};
    put_name(shown, "pattern", pattern_of(generation_.get(), *decision, loser));
    shown["kind"] = to_text(loser.kind);
    shown["action"] = to_text(loser.action);
    losers.push_back(std::move(shown));
  }
  out["losers"] = std::move(losers);
  return out;
}

}  // namespace weir::sidecar
