#include "tools/sidecar/log_rows.h"

#include <boost/json.hpp>

#include "tools/log/log_filter.h"
#include "tools/log/row_text.h"
#include "tools/log/top.h"
#include "tools/sidecar/explain.h"
#include "tools/sidecar/shown_name.h"
#include "zones/base/text.h"
#include "zones/store/history.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

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

RowReader::RowReader(const log::DecisionLog& log, std::shared_ptr<const Generation> generation)
    : log_(log), generation_(std::move(generation)) {}

const PolicySet* RowReader::names(GenerationNumber generation) {
  const auto [at, is_new] = names_.try_emplace(generation.value);
  if (is_new) at->second = log_.names(generation);
  return at->second.get();
}

std::string RowReader::list_name(const PolicySet* names, const Match& match) const {
  if (match.list == 0) return {};
  if (names != nullptr && names->find_list(match.list_id()) != nullptr) return log::list_name(names, match.list);
  const auto last = log_.list(match.list);
  return last ? last->name : log::list_name(generation_ ? &generation_->policies() : nullptr, match.list);
}

std::optional<json::object> RowReader::show_event(log::RecordSort sort, std::int64_t time_ms,
                                                  std::span<const std::uint8_t> record) {
  if (sort == log::RecordSort::lost) {
    log::LostRecord lost;
    if (!log::decode(record, lost)) return std::nullopt;
    return json::object{{"time", time_text(time_ms)},
                        {"class", "dropped"},
                        {"since", lost.since_ms ? json::value(time_text(*lost.since_ms)) : json::value(nullptr)},
                        {"worker", lost.worker},
                        {"dropped", lost.dropped},
                        {"damaged_bytes", lost.damaged_bytes}};
  }
  const auto counters = decode_counters(record);
  if (!counters) return std::nullopt;
  // One of before names no generation: the newest one's names are the best there is.
  const PolicySet* known = names(counters->generation);
  if (known == nullptr && generation_) known = &generation_->policies();
  return json::object{{"time", time_text(time_ms)},
                      {"class", "counters"},
                      {"group", log::group_name(known, counters->group)},
                      {"queries", counters->queries},
                      {"blocked", counters->blocked},
                      {"cached", counters->cached},
                      {"failed", counters->failed}};
}

json::object RowReader::show(const Decision& decision) {
  const PolicySet* known = names(decision.generation);
  const bool has_winner = decision.winner.list != 0;
  json::object out;
  out["time"] = time_text(log::to_ms(decision.time));
  out["class"] = log::to_text(decision.decision_class);
  // In small letters, as the log keeps them: sinks are handed names as they were asked for, in any mixture.
  put_name(out, "name", decision.qname.folded().to_text());
  out["type"] = to_text(decision.qtype);
  out["client"] = log::describe(decision.client);
  out["group"] = log::group_name(known, decision.group);
  out["list"] = list_name(known, decision.winner);
  put_name(out, "pattern", has_winner ? pattern_of(generation_.get(), decision, decision.winner) : std::string());
  out["action"] = to_text(decision.action);
  out["mode"] = log::mode_text(decision.decision_class, decision.action, decision.mode);
  out["link"] = log::to_text(decision.link);
  put_name(out, "link_name",
           decision.link == LinkKind::alias     ? decision.link_name.folded().to_text()
           : decision.link == LinkKind::address ? decision.link_address.to_text()
                                                : std::string());
  if (decision.link == LinkKind::default_deny && !decision.link_name.is_root())
    put_name(out, "referring", decision.link_name.folded().to_text());
  out["generation"] = decision.generation.value;
  out["import"] = nullptr;
  out["line"] = nullptr;
  if (has_winner && generation_) {
    if (const auto source = source_of(*generation_, decision, decision.winner)) {
      out["import"] = source->import.value;
      out["line"] = source->line;
    }
  }
  out["latency_us"] = decision.latency_us;
  out["transport"] = log::to_text(decision.transport);
  json::array losers;
  for (unsigned i = 0; i < decision.loser_count && i < decision.losers.size(); ++i) {
    const Match& loser = decision.losers[i];
    json::object shown{{"list", list_name(known, loser)}};
    put_name(shown, "pattern", pattern_of(generation_.get(), decision, loser));
    shown["kind"] = to_text(loser.kind);
    shown["action"] = to_text(loser.action);
    losers.push_back(std::move(shown));
  }
  out["losers"] = std::move(losers);
  return out;
}

}  // namespace weir::sidecar
