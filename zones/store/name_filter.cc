#include "zones/store/name_filter.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace weir::store {
namespace {

constexpr std::uint64_t kKeysPerWord = 4;  // at most

std::uint64_t hash_of(std::string_view key) {
  return std::hash<std::string_view>{}(key);
}

}  // namespace

NameFilter::NameFilter(std::uint64_t keys)
    : words_(std::bit_ceil(std::max<std::uint64_t>(keys / kKeysPerWord + 1, 1))) {}

// Three bits a key.
std::uint64_t NameFilter::bits_of(std::uint64_t hash) const {
  return std::uint64_t{1} << (hash & 63) | std::uint64_t{1} << (hash >> 6 & 63) | std::uint64_t{1} << (hash >> 12 & 63);
}

Result<NameFilter> NameFilter::read(const Database& database, std::uint64_t keys) {
  if (keys > kMaxKeys) return NameFilter();
  NameFilter filter(keys);
  const auto at = database.iterate(Family::names);
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const std::uint64_t hash = hash_of(view(at->key()));
    filter.words_[filter.word_of(hash)] |= filter.bits_of(hash);
  }
  if (!at->status().ok()) return to_error(at->status(), "names");
  return filter;
}

bool NameFilter::may_have(std::string_view key) const {
  if (words_.empty()) return true;
  const std::uint64_t hash = hash_of(key);
  const std::uint64_t bits = bits_of(hash);
  return (words_[word_of(hash)] & bits) == bits;
}

}  // namespace weir::store
