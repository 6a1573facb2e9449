#include "tools/log/block_index.h"

#include <algorithm>

#include "zones/store/codec.h"

namespace weir::log {
namespace {

std::optional<IndexEntry> decode_entry(std::string_view key, std::string_view value) {
  store::ByteReader in(value);
  IndexEntry entry;
  entry.header.rows = in.u32();
  entry.bytes = in.u64();
  entry.header.first_ms = static_cast<std::int64_t>(in.u64());
  entry.header.last_ms = static_cast<std::int64_t>(in.u64());
  entry.oldest_generation = in.u64();
  if (!in.ok() || !in.at_end() || key.size() != 17 || static_cast<std::uint8_t>(key[0]) >= kDecisionClasses)
    return std::nullopt;
  entry.header.decision_class = static_cast<DecisionClass>(key[0]);
  return entry;
}

}  // namespace

std::string encode(const IndexEntry& entry) {
  std::string out;
  store::put_u32(out, entry.header.rows);
  store::put_u64(out, entry.bytes);
  store::put_u64(out, static_cast<std::uint64_t>(entry.header.first_ms));
  store::put_u64(out, static_cast<std::uint64_t>(entry.header.last_ms));
  store::put_u64(out, entry.oldest_generation);
  return out;
}

std::uint64_t sequence_of(std::string_view block_key) {
  return number_of(block_key.substr(9));
}

std::string class_start(DecisionClass decision_class) {
  return std::string(1, static_cast<char>(decision_class));
}

Result<void> BlockIndex::load(const LogDatabase& database) {
  const auto at = database.iterate(Family::index);
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (const auto entry = decode_entry(view(at->key()), view(at->value()))) put(at->key().ToString(), *entry);
  }
  if (!at->status().ok()) return database.error(at->status());
  return {};
}

void BlockIndex::put(const std::string& key, const IndexEntry& entry) {
  erase(key);
  entries_[key] = entry;
  rows_ += entry.header.rows;
  bytes_ += entry.bytes;
}

void BlockIndex::erase(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  rows_ -= found->second.header.rows;
  bytes_ -= found->second.bytes;
  entries_.erase(found);
}

const IndexEntry* BlockIndex::find(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::optional<std::int64_t> BlockIndex::oldest_ms() const {
  std::optional<std::int64_t> oldest;
  for (std::size_t each = 0; each < kDecisionClasses; ++each) {
    const auto first = entries_.lower_bound(class_start(static_cast<DecisionClass>(each)));
    if (first == entries_.end() || static_cast<std::uint8_t>(first->first[0]) != each) continue;
    oldest = std::min(oldest.value_or(first->second.header.first_ms), first->second.header.first_ms);
  }
  return oldest;
}

std::optional<std::uint64_t> BlockIndex::oldest_generation() const {
  std::optional<std::uint64_t> oldest;
  for (const auto& [key, entry] : entries_)
    oldest = std::min(oldest.value_or(entry.oldest_generation), entry.oldest_generation);
  return oldest;
}

std::string BlockIndex::first_key(DecisionClass decision_class) const {
  const auto first = entries_.lower_bound(class_start(decision_class));
  const std::string next = std::string(1, static_cast<char>(static_cast<int>(decision_class) + 1));
  return first == entries_.end() || first->first >= next ? next : first->first;
}

}  // namespace weir::log
