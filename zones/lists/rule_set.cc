#include "zones/lists/rule_set.h"

#include <xxhash.h>

#include <algorithm>
#include <random>
#include <span>
#include <utility>

namespace weir {
namespace {

constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15ULL;

constexpr std::size_t kFirstFilterWords = 512;
constexpr std::size_t kFilterBits = 12;  // an element has at least; one in fifty is said to be there that is not
constexpr std::size_t kMostFiltered = 4'000'000;  // elements: a larger filter lies in no near cache either

// Of a word of the filter.
std::uint64_t filter_bits(std::uint64_t hash) {
  return 1ULL << (hash >> 32 & 63) | 1ULL << (hash >> 38 & 63) | 1ULL << (hash >> 44 & 63);
}

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

// By the hash's middle bits, scaled to any number of slots.
std::size_t RuleHashes::Part::first_slot_of(std::uint64_t hash) const {
  return static_cast<std::size_t>((hash << 6 >> 32) * slots.size() >> 32);
}

// Where it is or would be.
std::size_t RuleHashes::Part::slot_of(std::uint64_t hash) const {
  std::size_t slot = first_slot_of(hash);
  while (slots[slot] != 0 && slots[slot] != hash) slot = slot + 1 == slots.size() ? 0 : slot + 1;
  return slot;
}

void RuleHashes::Part::make_room() {
  if (size * 4 < slots.size() * 3) return;
  std::vector<std::uint64_t> old(slots.empty() ? 32 : slots.size() + slots.size() / 2);
  old.swap(slots);
  for (const std::uint64_t hash : old) {
    if (hash != 0) slots[slot_of(hash)] = hash;
  }
}

std::uint64_t& RuleHashes::filter_word(std::uint64_t hash) {
  return filter_[(hash & UINT32_MAX) * filter_.size() >> 32];
}

bool RuleHashes::may_hold(std::uint64_t hash) const {
  if (filter_.empty()) return true;
  const std::uint64_t bits = filter_bits(hash);
  return (filter_[(hash & UINT32_MAX) * filter_.size() >> 32] & bits) == bits;
}

bool RuleHashes::insert(std::uint64_t hash) {
  if (parts_.empty()) {
    parts_.resize(kParts);
    filter_.resize(kFirstFilterWords);
  }
  if (!may_hold(hash)) {
    filter_word(hash) |= filter_bits(hash);
    waiting_[waiting_count_++] = hash;
    if (waiting_count_ == kWaiting) settle();
  } else {
    settle();
    Part& part = parts_[part_of(hash)];
    part.make_room();
    std::uint64_t& slot = part.slots[part.slot_of(hash)];
    if (slot == hash) return false;
    slot = hash;
    ++part.size;
    if (!filter_.empty()) filter_word(hash) |= filter_bits(hash);
  }
  ++size_;
  if (size_ * kFilterBits > filter_.size() * 64 && !filter_.empty()) grow_filter();
  return true;
}

// None of those that wait is in its part, nor twice among them.
void RuleHashes::settle() {
  const std::span waiting(waiting_.data(), std::exchange(waiting_count_, 0));
  for (const std::uint64_t hash : waiting) {
    Part& part = parts_[part_of(hash)];
    part.make_room();
    ++part.size;
  }
  for (const std::uint64_t hash : waiting) {
    const Part& part = parts_[part_of(hash)];
    __builtin_prefetch(&part.slots[part.first_slot_of(hash)], 1);
  }
  for (const std::uint64_t hash : waiting) {
    Part& part = parts_[part_of(hash)];
    part.slots[part.slot_of(hash)] = hash;
  }
}

void RuleHashes::grow_filter() {
  settle();
  filter_.assign(size_ < kMostFiltered ? 2 * filter_.size() : 0, 0);
  if (filter_.empty()) filter_.shrink_to_fit();
  if (filter_.empty()) return;
  for (const Part& part : parts_) {
    for (const std::uint64_t hash : part.slots) {
      if (hash != 0) filter_word(hash) |= filter_bits(hash);
    }
  }
}

bool RuleHashes::contains(std::uint64_t hash) const {
  if (parts_.empty() || !may_hold(hash)) return false;
  const Part& part = parts_[part_of(hash)];
  if (!part.slots.empty() && part.slots[part.slot_of(hash)] == hash) return true;
  const auto waiting_end = waiting_.begin() + static_cast<std::ptrdiff_t>(waiting_count_);
  return std::find(waiting_.begin(), waiting_end, hash) != waiting_end;
}

void EnumerationProof::add(const Rule& rule) {
  ++names_;
  if ((rule.name.hash() >> 40 & 15) != 0) return;
  Rule ancestor = rule;
  bool any = false;
  for (unsigned labels = rule.name.label_count() - 1; labels >= 2; --labels) {
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
