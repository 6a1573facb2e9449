#include "zones/store/targets.h"

#include <array>
#include <string>

#include "zones/store/interval_pass.h"
#include "zones/store/past_generation.h"
#include "zones/store/policy_store.h"

namespace weir {
namespace {

using namespace store;

Result<const Database*> database_of(const Generation& generation) {
  const auto* ours = dynamic_cast<const HistoryKeeper*>(&generation);
  if (ours == nullptr) return Error{ErrorCode::invalid, "this generation keeps no history"};
  return ours->history();
}

std::string space_prefix(RuleSpace space) {
  std::string out;
  put_u8(out, static_cast<std::uint8_t>(space));
  return out;
}

}  // namespace

Result<void> visit_names(const Generation& generation, const Name& top, const std::function<bool(const Name&)>& each) {
  const auto database = database_of(generation);
  if (!database) return database.error();
  const ReversedName reversed(top);
  const auto at = (*database)->iterate(Family::names);
  for (at->Seek(slice(reversed.key())); at->Valid() && view(at->key()).starts_with(reversed.key()); at->Next()) {
    const auto name = ReversedName::to_name(view(at->key()));
    if (!name) return corrupt("names");
    if (!each(*name)) break;
  }
  return at->status().ok() ? Result<void>() : to_error(at->status(), "names");
}

Result<void> visit_changed_names(const Generation& generation, ListId list, GenerationNumber before,
                                 const std::function<bool(const Name&)>& each) {
  const auto database = database_of(generation);
  if (!database) return database.error();
  const std::uint64_t now = generation.number().value;
  std::string told;
  bool damaged = false;
  bool any = false;
  const auto passed = for_each_rule(**database, list, space_prefix(RuleSpace::name), [&](const RuleHistory& rule) {
    const Interval* then = rule.at(before.value);
    const Interval* here = rule.at(now);
    if ((then == nullptr) == (here == nullptr)) return true;  // what a rule says is part of its key
    const auto key = decode_rule_key(rule.key);
    const auto name = key ? ReversedName::to_name(key->target) : std::nullopt;
    damaged = !name;
    if (damaged) return false;
    if (any && key->target == told) return true;
    any = true;
    told = key->target;
    return each(*name);
  });
  if (damaged) return corrupt("sources");
  return passed;
}

Result<void> visit_triggers(const Generation& generation, ListId list, GenerationNumber at,
                            const std::function<bool(const Rule&)>& each) {
  const auto database = database_of(generation);
  if (!database) return database.error();
  bool more = true;
  for (const RuleSpace space : {RuleSpace::address, RuleSpace::ns_address, RuleSpace::client, RuleSpace::ns_name}) {
    std::optional<Error> failed;
    const auto passed = for_each_rule(**database, list, space_prefix(space), [&](const RuleHistory& rule) {
      const Interval* interval = rule.at(at.value);
      if (interval == nullptr) return true;
      const auto sourced = make_sourced(**database, rule.key, *interval);
      if (!sourced) failed = sourced.error();
      more = sourced && each(sourced->rule);
      return more;
    });
    if (failed) return *failed;
    if (!passed || !more) return passed;
  }
  return {};
}

Result<void> visit_peculiar(const Generation& generation, ListId list, const std::function<bool(const Rule&)>& each) {
  const auto database = database_of(generation);
  if (!database) return database.error();
  std::optional<Error> failed;
  const auto passed = for_each_rule(**database, list, space_prefix(RuleSpace::name), [&](const RuleHistory& rule) {
    const Interval* interval = rule.at(generation.number().value);
    const auto key = decode_rule_key(rule.key);
    if (interval == nullptr || !key) return true;
    if (!key->has_payload() && key->action() != Action::refused) return true;
    const auto sourced = make_sourced(**database, rule.key, *interval);
    if (!sourced) failed = sourced.error();
    return sourced && each(sourced->rule);
  });
  if (failed) return *failed;
  return passed;
}

Result<std::shared_ptr<const RulesInForce>> open_past(const Generation& generation, GenerationNumber number) {
  const auto database = database_of(generation);
  if (!database) return database.error();
  return PastGeneration::open(**database, number);
}

}  // namespace weir
