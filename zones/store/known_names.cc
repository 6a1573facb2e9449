#include "zones/store/known_names.h"

#include <algorithm>
#include <functional>

namespace weir::store {
namespace {

constexpr std::uint64_t kBitsAKey = 12;
constexpr std::size_t kFirstWords = std::size_t{1} << 17;  // 1 MiB
constexpr std::size_t kMostWords = std::size_t{1} << 21;   // of one part: 16 MiB, for 11 million

}  // namespace

std::uint64_t KnownNames::hash_of(std::string_view key, std::uint64_t kind) {
  const std::uint64_t hash = (std::hash<std::string_view>{}(key) ^ kind) * kind;
  return hash ^ hash >> 32;
}

bool KnownNames::has(std::uint64_t hash) const {
  return std::any_of(parts_.begin(), parts_.end(), [hash](const Part& part) { return part.filter.has(hash); });
}

void KnownNames::insert(std::uint64_t hash) {
  if (has(hash)) return;
  if (parts_.empty() || parts_.back().keys * kBitsAKey >= parts_.back().filter.bits()) {
    const std::size_t words = parts_.empty() ? kFirstWords : std::min(parts_.back().filter.bits() / 64 * 4, kMostWords);
    parts_.push_back({BloomFilter(words), 0});
  }
  parts_.back().filter.set(hash);
  ++parts_.back().keys;
}

void KnownNames::add(std::string_view key) {
  insert(hash_of(key, kItself));
  for (std::size_t size = 0; size < key.size(); size += static_cast<std::uint8_t>(key[size]) + 1U) {
    const std::string_view ancestor = key.substr(0, size);
    if (size >= last_.size() || !last_.starts_with(ancestor)) insert(hash_of(ancestor, kAncestor));
  }
  last_.assign(key);
}

Result<void> KnownNames::read(const Database& database) {
  const auto at = database.iterate(Family::names);
  for (at->SeekToFirst(); at->Valid(); at->Next()) add(view(at->key()));
  if (!at->status().ok()) return to_error(at->status(), "names");
  read_ = true;
  return {};
}

}  // namespace weir::store
