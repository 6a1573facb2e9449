// Which names the live database may hold, and which it may hold something below: the writer's own Bloom filter.
//
// A list of half a million names meets a database of millions: asking the database where each one would stand was two
// thirds of an import. Most names of a new list are neither there nor have anything below, and this says so from
// memory: twelve bits a name, and as many for each ancestor. It may say "perhaps" of a name that is gone, never "no" of
// one that is there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/store/bloom_filter.h"
#include "zones/store/database.h"

namespace weir::store {

class KnownNames {
 public:
  // Reads the family of names through. Errors: those of reading.
  Result<void> read(const Database& database);
  bool is_read() const { return read_; }

  // Before the name is written. `key`: ReversedName.
  void add(std::string_view key);
  bool may_exist(std::string_view key) const { return has(hash_of(key, kItself)); }
  bool may_have_below(std::string_view key) const { return has(hash_of(key, kAncestor)); }

 private:
  static constexpr std::uint64_t kItself = 0x9E3779B97F4A7C15ULL;
  static constexpr std::uint64_t kAncestor = 0xC2B2AE3D27D4EB4FULL;
  static std::uint64_t hash_of(std::string_view key, std::uint64_t kind);
  // A filter that is full stays as it is, and a larger one takes what comes.
  struct Part {
    BloomFilter filter;
    std::uint64_t keys = 0;
  };
  bool has(std::uint64_t hash) const;
  void insert(std::uint64_t hash);

  bool read_ = false;
  std::vector<Part> parts_;
  std::string last_;  // names come in their order: most have their ancestors from the one before
};

}  // namespace weir::store
