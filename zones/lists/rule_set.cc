#include "zones/lists/rule_set.h"

namespace weir {
namespace {

constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;

std::uint64_t mix(std::uint64_t state, std::uint64_t value) {
  state = (state ^ value) * kMultiplier;
  return state ^ (state >> 29);
}

std::uint64_t hash_octets(std::uint64_t state, std::span<const std::uint8_t> octets) {
  for (const std::uint8_t octet : octets) state = (state ^ octet) * 0x100000001B3ULL;
  return mix(state, octets.size());
}

std::uint64_t hash_detail(std::uint64_t state, const RuleDetail& detail) {
  const Conditions& conditions = detail.conditions;
  state = mix(state, conditions.types.size() * 2 + (conditions.types_excluded ? 1 : 0));
  for (const RecordType type : conditions.types) state = mix(state, static_cast<std::uint64_t>(type));
  for (const Name& name : conditions.deny_allow) state = hash_octets(state, name.folded().wire());
  for (const IpAddress& address : detail.addresses) state = hash_octets(state, address.bytes());
  if (detail.target) state = hash_octets(state, detail.target->folded().wire());
  return state;
}

}  // namespace

std::uint64_t hash_rule(const Rule& rule) {
  std::uint64_t state =
      mix(kMultiplier, static_cast<std::uint64_t>(rule.kind) | static_cast<std::uint64_t>(rule.action) << 8 |
                           static_cast<std::uint64_t>(rule.important) << 16 |
                           static_cast<std::uint64_t>(rule.exception) << 17);
  state = hash_octets(state, rule.name.wire());  // parsers give lower case
  if (!rule.pattern.empty()) {
    state = hash_octets(state, {reinterpret_cast<const std::uint8_t*>(rule.pattern.data()), rule.pattern.size()});
  }
  if (rule.kind == PatternKind::address) {
    state = hash_octets(mix(state, rule.prefix.length), rule.prefix.address.bytes());
  }
  if (!rule.detail.empty()) state = hash_detail(state, rule.detail);
  state = mix(state, 0xD6E8FEB86659FD93ULL);
  return state == 0 ? 1 : state;
}

std::size_t RuleHashes::slot_of(std::uint64_t hash) const {
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != 0 && slots_[slot] != hash) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void RuleHashes::grow() {
  std::vector<std::uint64_t> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  for (const std::uint64_t hash : old) {
    if (hash != 0) slots_[slot_of(hash)] = hash;
  }
}

bool RuleHashes::insert(std::uint64_t hash) {
  if (size_ * 4 >= slots_.size() * 3) grow();
  std::uint64_t& slot = slots_[slot_of(hash)];
  if (slot == hash) return false;
  slot = hash;
  ++size_;
  return true;
}

bool RuleHashes::contains(std::uint64_t hash) const {
  return !slots_.empty() && slots_[slot_of(hash)] == hash;
}

void EnumerationProof::add(const Name& name) {
  const auto hash_of = [](const Name& part) {
    const std::uint64_t hash = hash_octets(kMultiplier, part.wire());
    return hash == 0 ? 1 : hash;
  };
  const std::uint64_t hash = hash_of(name);
  if (!names_.insert(hash) || (names_.size() & 15) != 0) return;
  bool any = false;
  for (unsigned labels = name.label_count() - 1; labels >= 2; --labels) {
    asked_.push_back({hash_of(name.suffix(labels)), false});
    any = true;
  }
  if (!any) asked_.push_back({0, true});
  asked_.back().last = true;
}

double EnumerationProof::share_with_ancestor() const {
  std::size_t asked = 0;
  std::size_t found = 0;
  bool this_one = false;
  for (const Asked& entry : asked_) {
    this_one = this_one || (entry.ancestor != 0 && names_.contains(entry.ancestor));
    if (!entry.last) continue;
    ++asked;
    found += this_one ? 1 : 0;
    this_one = false;
  }
  return asked == 0 ? 0 : static_cast<double>(found) / static_cast<double>(asked);
}

}  // namespace weir
