#include "zones/lists/rule_set.h"

#include <xxhash.h>

#include <random>
#include <span>

namespace weir {
namespace {

constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;

std::uint64_t mix(std::uint64_t state, std::uint64_t value) {
  state = (state ^ value) * kMultiplier;
  return state ^ (state >> 32);
}

std::uint64_t hash_octets(std::uint64_t state, std::span<const std::uint8_t> octets) {
  return XXH3_64bits_withSeed(octets.data(), octets.size(), state);
}

std::uint64_t process_seed() {
  static const std::uint64_t seed = [] {
    std::random_device random;
    return static_cast<std::uint64_t>(random()) << 32 | random();
  }();
  return seed;
}

std::uint64_t hash_detail(std::uint64_t state, const RuleDetail& detail) {
  const Conditions& conditions = detail.conditions;
  state = mix(state, conditions.types.size() * 2 + (conditions.types_excluded ? 1 : 0));
  for (const RecordType type : conditions.types) state = mix(state, static_cast<std::uint64_t>(type));
  for (const Prefix& prefix : conditions.clients) {
    state = hash_octets(mix(state, prefix.length), prefix.address.bytes());
  }
  for (const std::string& group : conditions.groups) {
    state = hash_octets(state, {reinterpret_cast<const std::uint8_t*>(group.data()), group.size()});
  }
  for (const Name& name : conditions.deny_allow) state = hash_octets(state, name.folded().wire());
  for (const IpAddress& address : detail.addresses) state = hash_octets(state, address.bytes());
  if (detail.target) state = hash_octets(mix(state, detail.target_below ? 1 : 0), detail.target->folded().wire());
  for (const AnswerData& record : detail.records) {
    state = hash_octets(mix(mix(state, static_cast<std::uint64_t>(record.type)), record.ttl_seconds), record.rdata);
  }
  return state;
}

}  // namespace

std::uint64_t hash_rule(const Rule& rule) {
  std::uint64_t state =
      mix(process_seed(), static_cast<std::uint64_t>(rule.kind) | static_cast<std::uint64_t>(rule.action) << 8 |
                              static_cast<std::uint64_t>(rule.important) << 16 |
                              static_cast<std::uint64_t>(rule.exception) << 17);
  state = hash_octets(state, rule.name.wire());  // parsers give lower case
  if (!rule.pattern.empty()) {
    state = hash_octets(state, {reinterpret_cast<const std::uint8_t*>(rule.pattern.data()), rule.pattern.size()});
  }
  if (rule.kind == PatternKind::address || rule.kind == PatternKind::ns_address || rule.kind == PatternKind::client) {
    state = hash_octets(mix(state, rule.prefix.length), rule.prefix.address.bytes());
  }
  if (!rule.detail.empty()) state = hash_detail(state, rule.detail);
  state = mix(state, 0xD6E8FEB86659FD93ULL);
  return state == 0 ? 1 : state;
}

std::uint64_t hash_name(const Name& name) {
  const std::uint64_t hash = hash_octets(process_seed(), name.folded().wire());
  return hash == 0 ? 1 : hash;
}

// The hash's middle bits, scaled to any number of slots.
std::size_t RuleHashes::Part::first_slot_of(std::uint64_t hash) const {
  return static_cast<std::size_t>((hash << 6 >> 32) * slots.size() >> 32);
}

// Where it is or would be.
std::size_t RuleHashes::Part::slot_of(std::uint64_t hash) const {
  std::size_t slot = first_slot_of(hash);
  while (slots[slot] != 0 && slots[slot] != hash) slot = slot + 1 == slots.size() ? 0 : slot + 1;
  return slot;
}

void RuleHashes::Part::grow() {
  std::vector<std::uint64_t> old(slots.empty() ? 32 : slots.size() + slots.size() / 2);
  old.swap(slots);
  for (const std::uint64_t hash : old) {
    if (hash != 0) slots[slot_of(hash)] = hash;
  }
}

bool RuleHashes::insert(std::uint64_t hash) {
  if (parts_.empty()) parts_.resize(kParts);
  Part& part = parts_[part_of(hash)];
  if (part.size * 4 >= part.slots.size() * 3) part.grow();
  std::uint64_t& slot = part.slots[part.slot_of(hash)];
  if (slot == hash) return false;
  slot = hash;
  ++part.size;
  ++size_;
  return true;
}

void RuleHashes::expect(std::uint64_t hash) const {
  if (parts_.empty()) return;
  const Part& part = parts_[part_of(hash)];
  if (!part.slots.empty()) __builtin_prefetch(&part.slots[part.first_slot_of(hash)], 1);
}

bool RuleHashes::contains(std::uint64_t hash) const {
  if (parts_.empty()) return false;
  const Part& part = parts_[part_of(hash)];
  return !part.slots.empty() && part.slots[part.slot_of(hash)] == hash;
}

void EnumerationProof::add(const Rule& rule) {
  ++names_;
  if ((rule.name.hash() >> 40 & 15) != 0) return;
  Rule ancestor = rule;
  bool any = false;
  const unsigned nearest = rule.name.label_count() - 1;
  for (unsigned labels = nearest; labels >= 2 && nearest - labels < kMostAsked; --labels) {
    ancestor.name = rule.name.suffix(labels);
    asked_.push_back({hash_rule(ancestor), false});
    any = true;
  }
  if (!any) asked_.push_back({0, true});
  asked_.back().last = true;
}

double EnumerationProof::share_with_ancestor(const RuleHashes& rules) const {
  std::size_t asked = 0;
  std::size_t found = 0;
  bool this_one = false;
  for (const Asked& entry : asked_) {
    this_one = this_one || (entry.ancestor != 0 && rules.contains(entry.ancestor));
    if (!entry.last) continue;
    ++asked;
    found += this_one ? 1 : 0;
    this_one = false;
  }
  return asked == 0 ? 0 : static_cast<double>(found) / static_cast<double>(asked);
}

}  // namespace weir
