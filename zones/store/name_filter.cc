#include "zones/store/name_filter.h"

#include <bit>
#include <functional>
#include <utility>

namespace weir::store {
namespace {

constexpr std::uint64_t kKeysPerWord = 4;  // at most

std::uint64_t hash_of_name(std::string_view key) {
  return std::hash<std::string_view>{}(key);
}

}  // namespace

Result<NameFilter> NameFilter::read(const Database& database, std::uint64_t keys) {
  if (keys > kMaxKeys) return NameFilter();
  BloomFilter names(std::bit_ceil(keys / kKeysPerWord + 1));
  const auto at = database.iterate(Family::names);
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    names.set(hash_of_name(view(at->key())));
  }
  if (!at->status().ok()) return to_error(at->status(), "names");
  NameFilter filter;
  filter.names_ = std::move(names);
  return filter;
}

bool NameFilter::may_have(std::string_view key) const {
  return !names_ || names_->has(hash_of_name(key));
}

}  // namespace weir::store
