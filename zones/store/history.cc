#include "zones/store/history.h"

#include "zones/store/fingerprint.h"
#include "zones/store/past_generation.h"
#include "zones/store/policy_store.h"

namespace weir {
namespace {

using namespace store;

Result<const Database*> history_of(const RulesInForce& rules) {
  const auto* ours = dynamic_cast<const HistoryKeeper*>(&rules);
  if (ours == nullptr) return Error{ErrorCode::invalid, "these rules keep no history"};
  return ours->history();
}

RuleSource source_of(const Interval& interval) {
  RuleSource source{{interval.import}, interval.line, {interval.first}, std::nullopt};
  if (interval.last != 0) source.last = GenerationNumber{interval.last};
  return source;
}

// `target`: everything of the rule key before the kind.
Result<RuleSource> find_rule(const Database& database, const Match& match, std::string target, std::uint64_t at) {
  put_u8(target, static_cast<std::uint8_t>(match.kind));
  const auto fits = [&match](std::string_view rule_key, std::uint32_t detail) {
    const auto key = decode_rule_key(rule_key);
    if (!key) return false;
    const Entry entry = make_entry(*key, match.list_id(), detail);
    const std::uint8_t shown = entry.flags & (Match::kImportant | Match::kException);
    return entry.kind == match.kind && entry.action == match.action &&
           shown == (match.flags & (Match::kImportant | Match::kException)) && entry.detail == match.detail;
  };
  // The rule's own key first: the same rule may have had another detail id when it was in the list before.
  const std::string open_prefix = sources_prefix(match.list_id(), kOpenIntervals);
  const std::string closed_prefix = sources_prefix(match.list_id(), kClosedIntervals);
  std::string key;
  const auto open = database.iterate(Family::sources);
  for (open->Seek(open_prefix + target); open->Valid() && view(open->key()).starts_with(open_prefix + target);
       open->Next()) {
    const auto interval = decode_open(view(open->value()));
    if (!interval) return corrupt("sources");
    const std::string_view rule_key = view(open->key()).substr(open_prefix.size());
    if (!fits(rule_key, interval->detail)) continue;
    if (interval->first <= at) return source_of(*interval);
    key = rule_key;
    break;
  }
  const auto closed = database.iterate(Family::sources);
  for (int pass = key.empty() ? 0 : 1; pass < 2; ++pass) {
    // Pass 0: find the key by the match's detail id. Pass 1: find the interval of that key that holds `at`.
    const std::string prefix = closed_prefix + (pass == 0 ? target : key);
    for (closed->Seek(prefix); closed->Valid() && view(closed->key()).starts_with(prefix); closed->Next()) {
      std::string_view rule_key;
      const auto interval =
          decode_closed(view(closed->key()).substr(closed_prefix.size()), view(closed->value()), rule_key);
      if (!interval) return corrupt("sources");
      if (pass == 0 && fits(rule_key, interval->detail)) {
        key = rule_key;
        break;
      }
      if (pass == 1 && rule_key == key && interval->first <= at && at <= interval->last) return source_of(*interval);
    }
    if (key.empty()) break;
  }
  if (!open->status().ok()) return to_error(open->status(), "sources");
  if (!closed->status().ok()) return to_error(closed->status(), "sources");
  return Error{ErrorCode::not_found, "generation " + std::to_string(at) + " had no such rule"};
}

}  // namespace

Result<RuleSource> find_source(const RulesInForce& rules, const Match& match, const ReversedName& name,
                               GenerationNumber at) {
  auto database = history_of(rules);
  if (!database) return database.error();
  std::string target;
  put_u8(target, static_cast<std::uint8_t>(space_of(match.kind)));
  target.append(name.key_of_suffix(std::min<unsigned>(match.labels, name.label_count())));
  put_u8(target, 0);
  return find_rule(**database, match, std::move(target), at.value);
}

Result<RuleSource> find_source(const RulesInForce& rules, const Match& match, const IpAddress& address,
                               GenerationNumber at) {
  auto database = history_of(rules);
  if (!database) return database.error();
  const IpAddress plain = address.unmapped();
  std::string target;
  put_u8(target, static_cast<std::uint8_t>(space_of(match.kind)));
  target.append(encode_prefix(Prefix::of(plain, std::min<unsigned>(match.labels, plain.bits()))));
  return find_rule(**database, match, std::move(target), at.value);
}

Result<RuleSource> find_source(const RulesInForce& rules, ListId list, const Rule& rule, GenerationNumber at) {
  auto database = history_of(rules);
  if (!database) return database.error();
  const auto payload = encode_payload(rule);
  const Digest digest = Hasher()(payload.value_or(std::string()));
  std::string key;
  append_rule_key(key, rule, payload.has_value(), {reinterpret_cast<const char*>(digest.data()), digest.size()});
  std::string value;
  const auto is_open = (*database)->find(Family::sources, sources_prefix(list, kOpenIntervals) + key, value);
  if (!is_open) return is_open.error();
  if (*is_open) {
    const auto interval = decode_open(value);
    if (!interval) return corrupt("sources");
    if (interval->first <= at.value) return source_of(*interval);
  }
  const std::string part = sources_prefix(list, kClosedIntervals);
  const auto closed = (*database)->iterate(Family::sources);
  for (closed->Seek(part + key); closed->Valid() && view(closed->key()).starts_with(part + key); closed->Next()) {
    std::string_view rule_key;
    const auto interval = decode_closed(view(closed->key()).substr(part.size()), view(closed->value()), rule_key);
    if (!interval) return corrupt("sources");
    if (rule_key == key && interval->first <= at.value && at.value <= interval->last) return source_of(*interval);
  }
  if (!closed->status().ok()) return to_error(closed->status(), "sources");
  return Error{ErrorCode::not_found, "generation " + std::to_string(at.value) + " had no such rule"};
}

Result<ImportRecord> find_import(const RulesInForce& rules, ListId list, ImportId import) {
  auto database = history_of(rules);
  if (!database) return database.error();
  const auto value = (*database)->get(Family::lists, import_key(list, import));
  if (!value) {
    if (value.error().code != ErrorCode::not_found) return value.error();
    return Error{ErrorCode::not_found, "the list has no import " + std::to_string(import.value)};
  }
  return import_record_from_json(*value);
}

Result<GenerationNumber> find_generation_at(const RulesInForce& rules, WallTime time) {
  auto database = history_of(rules);
  if (!database) return database.error();
  return generation_at(**database, time);
}

}  // namespace weir
