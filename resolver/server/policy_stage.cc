#include "resolver/server/policy_stage.h"

#include <algorithm>

#include "resolver/filter/block_error.h"
#include "resolver/server/answer_builder.h"

namespace weir {

PolicyStage::PolicyStage(std::size_t match_cache_bytes, DecisionSink& sink, WorkerMetrics& metrics,
                         const LocalData* special_names, ReferringNames* referring)
    : cache_(match_cache_bytes), local_names_(special_names), sink_(sink), metrics_(metrics), referring_(referring) {
  set_generation(nullptr, {});
}

bool awaits_lists(const Generation& generation, const Policy& policy) {
  return policy.until_loaded == UntilLoaded::refuse && std::ranges::any_of(generation.never_loaded(), [&](ListId list) {
           return std::ranges::find(policy.lists, list) != policy.lists.end();
         });
}

void PolicyStage::set_generation(const Generation* generation, WallTime now) {
  generation_ = generation;
  groups_.assign(1, GroupState{.not_ready = true});
  what_if_policy_ = nullptr;
  has_client_rules_ = generation != nullptr && generation->triggers().client;
  denies_from_memory_ = generation != nullptr && generation->denies_from_memory();
  if (generation == nullptr) return;
  const PolicySet& policies = generation->policies();
  groups_.assign(std::max<std::size_t>(policies.groups.size(), 1), GroupState{});
  for (std::size_t i = 0; i < policies.groups.size(); ++i) {
    const Policy& policy = policies.policies[policies.groups[i].policy];
    groups_[i].default_deny = policy.default_action != DefaultAction::allow;
    groups_[i].notes_referring = referring_ != nullptr && groups_[i].default_deny && policy.privacy == Privacy::full;
    groups_[i].log_all = policy.log_all;
    groups_[i].privacy = policy.privacy;
    groups_[i].response_rank = first_response_rank(*generation, policy);
    groups_[i].not_ready = awaits_lists(*generation, policy);
  }
  mark_compared_groups();
  sink_.set_groups(groups_.size(), generation->number(), now);
}

void PolicyStage::mark_compared_groups() {
  what_if_policy_ = nullptr;
  what_if_response_ranks_.clear();
  if (generation_ == nullptr) return;
  const PolicySet& policies = generation_->policies();
  const PolicySet* candidate = what_if_ == nullptr ? nullptr : what_if_->plan().candidate.get();
  if (candidate != nullptr) {
    for (const Group& group : candidate->groups)
      what_if_response_ranks_.push_back(
          first_response_rank(*generation_, *candidate, candidate->policies[group.policy]));
  } else if (what_if_ != nullptr) {
    const auto found = std::ranges::find(policies.policies, what_if_->plan().policy, &Policy::name);
    if (found != policies.policies.end()) {
      what_if_policy_ = &*found;
      what_if_response_ranks_.push_back(first_response_rank(*generation_, *found));
    }
  }
  for (std::size_t i = 0; i < policies.groups.size(); ++i) {
    const Group& group = policies.groups[i];
    const bool differs =
        candidate != nullptr || (what_if_policy_ != nullptr && what_if_policy_ != &policies.policies[group.policy]);
    groups_[i].compared = differs && what_if_->plan().concerns(group.name);
    groups_[i].always_decides = groups_[i].default_deny || groups_[i].compared;
  }
}

std::shared_ptr<WhatIfCounts> PolicyStage::exchange_what_if(std::shared_ptr<WhatIfCounts> counts) {
  std::swap(counts, what_if_);
  mark_compared_groups();
  return counts;
}

// The client's address holds for the other policy as for its own; so do its group's schedules and pauses, as far as no
// candidate says otherwise.
void PolicyStage::compare_policies(const FilterVerdict& verdict, const AnswerMatches& parts, const Query& query,
                                   const Asker& asker, DecidedOn decided_on) {
  Asker other = asker;
  if (const PolicySet* candidate = what_if_->plan().candidate.get()) {
    other.candidate = candidate;
    other.group = candidate->group_of(asker.client);
    other.response_rank = what_if_response_ranks_[other.group];
  } else {
    other.instead = what_if_policy_;
    other.response_rank = what_if_response_ranks_.front();
  }
  const FilterVerdict then = decided_on == DecidedOn::question ? decide_question(parts, other, query.type)
                             : decided_on == DecidedOn::answer ? decide_answer(parts, other, query.type)
                                                               : decide_local_answer(parts, other, query.type);
  // What is answered now is a name that the log has only where it has all; where the policy wants nothing to be known
  // of its clients, no names are collected that nobody logs.
  const GroupState& group = groups_[asker.group];
  const NamesKept kept = group.log_all || group.privacy != Privacy::none ? NamesKept::yes : NamesKept::no;
  what_if_->count(verdict, then, query, decided_on == DecidedOn::question ? AnswerKnown::no : AnswerKnown::yes, kept);
}

Asker PolicyStage::asker(std::uint32_t group, const IpAddress& client, Transport transport, WallTime now) {
  if (has_client_rules_) generation_->match_client(client, client_matches_);
  return {.generation = *generation_,
          .group = group,
          .client = client,
          .now = now,
          .transport = transport,
          .client_matches = has_client_rules_ && !client_matches_.empty() ? &client_matches_ : nullptr,
          .response_rank = groups_[group].response_rank};
}

AnswerMatches& PolicyStage::parts_of(std::size_t count) {
  AnswerMatches& parts = parts_[std::min(count, parts_.size() - 1)];
  parts.resize(count);
  return parts;
}

AnswerMatches& PolicyStage::match_question(const Query& query) {
  AnswerMatches& parts = parts_of(1);
  PartMatches& question = parts.front();
  question.part = AnswerPart::qname;
  question.name = query.name();
  match_name(query.qname, query.qname_hash, question.matches);
  return parts;
}

void PolicyStage::match_name(std::span<const std::uint8_t> name, std::uint64_t hash, MatchSet& out) {
  const NamesEpoch epoch = generation_->names_epoch();
  if (cache_.find(name, hash, epoch, out)) {
    metrics_.add(Metric::match_hits);
    return;
  }
  metrics_.add(Metric::match_lookups);
  ++store_lookups_;
  generation_->match(ReversedName(name), out);
  const bool is_nothing = out.matches.empty() && out.lists_below.empty();
  if (!is_nothing || !denies_from_memory_) cache_.put(name, hash, epoch, out);
}

AnswerMatches& PolicyStage::match_local_target(const Query& query, std::span<const std::uint8_t> target) {
  AnswerMatches& parts = parts_of(2);
  parts[0].part = AnswerPart::qname;
  parts[0].name = query.name();
  parts[0].matches.clear();
  parts[1].part = AnswerPart::alias;
  parts[1].name = *Name::from_wire(target);
  match_name(target, hash_wire_name(target), parts[1].matches);
  return parts;
}

AnswerMatches* PolicyStage::stored_matches(const Query& query, std::span<const std::uint8_t> octets) {
  if (octets.empty()) {
    AnswerMatches& parts = parts_of(1);
    parts.front().part = AnswerPart::qname;
    parts.front().name = query.name();
    parts.front().matches.clear();
    return &parts;
  }
  AnswerMatches& parts = parts_of(count_parts(octets));
  return decode_matches(octets, parts) ? &parts : nullptr;
}

AnswerMatches* PolicyStage::rematch(const Query& query, std::span<const std::uint8_t> wire) {
  // Which servers gave it is not stored: it is asked for again.
  if (generation_->triggers().name_server) return nullptr;
  const auto answer = read_stored_answer(wire);
  if (!answer) return nullptr;
  rematched_ = match_question(query);
  match_answer(*answer, *generation_, rematched_);
  return &rematched_;
}

void PolicyStage::log(const Asker& asker, std::chrono::microseconds latency) {
  decision_.transport = asker.transport;
  decision_.latency_us = static_cast<std::uint32_t>(std::clamp<std::int64_t>(latency.count(), 0, UINT32_MAX));
  sink_.push(decision_, asker.client, group(asker.group).privacy);
}

PolicyStage::Carried PolicyStage::carry_out(const FilterVerdict& verdict, const AnswerMatches& parts,
                                            const Query& query, const Asker& asker, std::chrono::microseconds latency,
                                            std::span<std::uint8_t> out) {
  if (describe_decision(decision_, query, asker, parts, verdict)) {
    if (groups_[asker.group].notes_referring && decision_.link == LinkKind::default_deny)
      decision_.link_name = referring_->find(asker.client, asker.now);
    log(asker, latency);
    if (decision_.decision_class == DecisionClass::would_block) metrics_.add(Metric::would_block);
    if (decision_.decision_class == DecisionClass::allowed_over_block) metrics_.add(Metric::allowed_over_block);
  }
  if (!verdict.blocked()) {
    if (groups_[asker.group].notes_referring && verdict.winner != nullptr && verdict.part == 0)
      referring_->note(asker.client, query.qname, asker.now);
    return {};
  }
  metrics_.add(Metric::blocked);
  sink_.count(asker.group, AnswerKind::blocked);
  if (auto target = substitution_of(verdict, query, asker)) {
    auto substitution = std::make_shared<Substitution>();
    substitution->target = std::move(*target);
    substitution->ttl_seconds = block_ttl(verdict, asker);
    substitution->ttl_cap = ttl_left(verdict.until, asker.now);
    substitution->decides_again = asker.policy().aliases == AliasAnswers::shown;
    const BlockError error(query, asker, parts, verdict);
    if (error.error() != nullptr) {
      substitution->ede = error.error()->code;
      substitution->ede_text = error.error()->text;
    }
    return {{}, std::move(substitution)};
  }
  const std::size_t size = write_block_answer(out, query, asker, parts, verdict);
  if (size == 0) metrics_.add(Metric::dropped);
  return {size, nullptr};
}

}  // namespace weir
