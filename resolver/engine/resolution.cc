#include "resolver/engine/resolution.h"

#include <algorithm>

#include "resolver/engine/asking.h"
#include "resolver/engine/tracing.h"

namespace weir {

std::string_view name_of(const Step& step) {
  static constexpr std::string_view kNames[] = {"FindZoneCut", "AskServers", "AwaitAddresses",
                                                "FollowAlias", "Validate",   "Finished"};
  static_assert(std::size(kNames) == std::variant_size_v<Step>);
  return kNames[step.index()];
}

namespace {

constexpr std::size_t kOwnCacheBytes = 8 << 20;  // one resolution receives 100 kB at most
constexpr std::size_t kOwnCacheEntries = 4096;

}  // namespace

OwnCaches::OwnCaches(const EngineOptions& shared)
    : rrsets(kOwnCacheBytes),
      servers(kOwnCacheEntries),
      zone_trust(kOwnCacheEntries),
      denials(kOwnCacheEntries),
      options(shared) {
  if (options.zone_trust != nullptr) options.zone_trust = &zone_trust;
  if (options.denials != nullptr) options.denials = &denials;
}

Resolution::Resolution(WorkId id, const Question& question, const Origin& origin, Signatures signatures,
                       SteadyTime deadline)
    : id_(id), question_(question), origin_(origin), signatures_(signatures), budget_(deadline) {
  push(question.name, question.type, Purpose::answer);
  lookups_.front()->record_class = question.record_class;
}

void Resolution::push(const Name& name, RecordType type, Purpose purpose) {
  auto lookup = std::make_unique<Lookup>();
  lookup->purpose = purpose;
  lookup->name = name;
  lookup->type = type;
  lookups_.push_back(std::move(lookup));
}

bool Resolution::depends_on(const Name& name, RecordType type) const {
  return std::ranges::any_of(lookups_, [&](const auto& lookup) {
    return lookup->type == type &&
           (lookup->name == name ||
            std::ranges::any_of(lookup->chain, [&](const ChainLink& link) { return link.owner == name; }));
  });
}

void Resolution::note_answer(const ServerAddress& server, const Name& zone_cut, const Lookup& lookup, Others others) {
  using Blame = Validated::Blame;
  if (signatures_ != Signatures::needed) return;
  const Blame of_chain = lookup.type == RecordType::dnskey ? Blame::keys : Blame::delegation;
  const bool trust = lookup.purpose == Purpose::trust;
  answered_by_.push_back({server, zone_cut, trust ? of_chain : Blame::answer, trust ? lookup.name : Name(), others});
}

bool Resolution::ask_anew(const Validated& bogus) {
  using Blame = Validated::Blame;
  if (!bogus.blamed || bogus.blame == Blame::settled) return false;
  if (!budget_.has(Limit::failed_signature_checks) || !budget_.has(Limit::bogus_retries)) return false;
  const Name& zone_cut = *bogus.blamed;
  const auto gave = [&](Blame what) {
    return [&zone_cut, what, owner = bogus.broken](const AnsweredBy& by) {
      return by.zone_cut == zone_cut && by.gave == what && (what == Blame::answer || !owner || by.owner == *owner);
    };
  };
  // A DS that nobody was asked for came with the referral for the answer.
  const bool with_referral =
      bogus.blame == Blame::delegation && std::ranges::none_of(answered_by_, gave(Blame::delegation));
  const auto gave_it = gave(with_referral ? Blame::answer : bogus.blame);
  const bool others = std::ranges::any_of(answered_by_, [&](const AnsweredBy& by) {
    return gave_it(by) && by.others == Others::left && !distrusts(by.server, by.zone_cut);
  });
  // Once: from then on nothing of it comes from the cache.
  const bool from_cache = std::ranges::none_of(answered_by_, gave_it);
  if (from_cache ? doubts(zone_cut) : !others) return false;
  budget_.charge(Limit::bogus_retries);
  std::ranges::copy_if(answered_by_, std::back_inserter(distrusted_), gave_it);
  if (!doubts(zone_cut)) doubted_.push_back(zone_cut);
  answered_by_.clear();
  return true;
}

bool Resolution::distrusts(const ServerAddress& server, const Name& zone_cut) const {
  return std::ranges::any_of(distrusted_,
                             [&](const AnsweredBy& by) { return by.server == server && by.zone_cut == zone_cut; });
}

bool Resolution::distrusts_any(const Name& zone_cut) const {
  return std::ranges::find(distrusted_, zone_cut, &AnsweredBy::zone_cut) != distrusted_.end();
}

bool Resolution::exhausted() const {
  return budget_.reached() || !budget_.has(Limit::silent_servers) || !budget_.has(Limit::failing_servers) ||
         !budget_.has(Limit::failing_address_lookups);
}

namespace {

// All of it was validated before, and comes from the cache or is made of what lies there.
bool is_known_secure(const Finished& finished, const Lookup& lookup) {
  return finished.security == Security::secure && std::ranges::all_of(lookup.chain, [](const ChainLink& link) {
           return link.alias.security == Security::secure;
         });
}

// What there is to check: an answer, or the links that lead to what is remembered to be bogus.
bool is_to_be_checked(const Finished& finished, const Lookup& lookup) {
  if (finished.cause == Finished::Cause::resolved) return !is_known_secure(finished, lookup);
  return finished.cause == Finished::Cause::cached_failure && finished.security == Security::bogus &&
         !lookup.chain.empty();
}

}  // namespace

void Resolution::enter(Context& context, Lookup& lookup, Step next) {
  if (auto* asking = std::get_if<AskServers>(&lookup.step)) leave_outstanding(*asking, id_, context);
  auto* finished = std::get_if<Finished>(&next);
  if (finished != nullptr && finished->since == SteadyTime()) finished->since = context.now.steady;
  if (finished != nullptr && validates(lookup, context) && !std::holds_alternative<Validate>(lookup.step) &&
      is_to_be_checked(*finished, lookup)) {
    next = begin_validation(std::move(*finished), lookup, context);
  }
  if (trace() != nullptr) trace_step(next, lookup, *this, context);
  lookup.step = std::move(next);
}

bool Resolution::validates(const Lookup& lookup, const Context& context) const {
  return lookup.purpose == Purpose::answer && context.options.trust != nullptr && !origin_.checking_disabled &&
         origin_.kind != OriginKind::priming;
}

void Resolution::run(Context& context) {
  while (!finished()) {
    if (!budget_.spend(Limit::steps)) {
      context.counters.limits.reach(Limit::steps);
      return fail(context, EdeCode::other, "limit reached: steps");
    }
    Lookup& top = *lookups_.back();
    if (std::holds_alternative<Finished>(top.step)) {
      pop(context);
      continue;
    }
    if (auto* waiting = std::get_if<AwaitAddresses>(&top.step)) {
      push(waiting->server_name, waiting->type, Purpose::addresses);
      continue;
    }
    if (const auto* validating = std::get_if<Validate>(&top.step); validating != nullptr && validating->awaited) {
      push(validating->awaited->name, validating->awaited->type, Purpose::trust);
      continue;
    }
    std::optional<Step> next;
    if (auto* find = std::get_if<FindZoneCut>(&top.step)) {
      next = advance(*find, top, *this, context);
    } else if (auto* ask = std::get_if<AskServers>(&top.step)) {
      next = advance(*ask, top, *this, context);
    } else if (auto* alias = std::get_if<FollowAlias>(&top.step)) {
      next = top.purpose == Purpose::trust ? alias_in_the_way(std::move(*alias)) : advance(*alias, top, *this, context);
    } else if (auto* validate = std::get_if<Validate>(&top.step)) {
      next = advance(*validate, top, *this, context);
      if (!next) continue;  // it awaits a record: the look-up for it comes next
    }
    if (!next) return;
    enter(context, top, std::move(*next));
  }
}

// The top lookup is finished: the one below it waits for its addresses, or for its records.
void Resolution::pop(Context& context) {
  const std::unique_ptr<Lookup> done = std::move(lookups_.back());
  lookups_.pop_back();
  Lookup& below = *lookups_.back();
  if (auto* validating = std::get_if<Validate>(&below.step)) {
    auto& found = *std::get_if<Finished>(&done->step);
    // It was this resolution that could not ask; of the zone that says nothing.
    const bool unknown = found.cause != Finished::Cause::resolved && (origin_.cache_only || exhausted());
    if (unknown) {
      keep_good_links(*validating->validator, below, *this, context);
      enter(context, below, std::move(found));
      return;
    }
    validating->validator->give(*validating->awaited, trust_records(found));
    validating->awaited.reset();
    return;
  }
  // Throws where it is not so; the engine counts that (EngineCounters::broken_invariants).
  Step next = on_addresses(std::get<AwaitAddresses>(below.step), std::get<Finished>(done->step), *this, context);
  below.step = std::move(next);
}

void Resolution::on_exchange(Context& context, const ExchangeEvent& event) {
  Lookup& top = *lookups_.back();
  auto* asking = std::get_if<AskServers>(&top.step);
  if (asking == nullptr) return;
  if (event.octets > 0 && !budget_.spend(Limit::upstream_octets, event.octets)) {
    context.counters.limits.reach(Limit::upstream_octets);
    return fail(context, EdeCode::other, "limit reached: upstream_octets");
  }
  if (trace() != nullptr) trace_exchange(event, top, *this, context);
  auto next = weir::on_exchange(*asking, top, *this, context, event);
  if (next) enter(context, top, std::move(*next));
  run(context);
}

void Resolution::look_again(Context& context) {
  Lookup& top = *lookups_.back();
  const auto* asking = std::get_if<AskServers>(&top.step);
  if (asking != nullptr && asking->outstanding.empty()) top.step = FindZoneCut{};
  run(context);
}

void Resolution::fail(Context& context, EdeCode ede, std::string text) {
  leave_exchanges(context);
  lookups_.resize(1);
  Lookup& bottom = *lookups_.front();
  bottom.step = failure(ede, std::move(text));
}

void Resolution::leave_exchanges(Context& context) {
  for (const auto& lookup : lookups_) {
    if (auto* asking = std::get_if<AskServers>(&lookup->step)) leave_outstanding(*asking, id_, context);
  }
}

std::string Resolution::to_text() const {
  std::string out;
  for (const auto& lookup : lookups_) {
    if (!out.empty()) out += " > ";
    out += lookup->name.to_text() + "/" + weir::to_text(lookup->type) + " " + std::string(name_of(lookup->step));
  }
  return out;
}

}  // namespace weir
