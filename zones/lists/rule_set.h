// What a list has said so far, in eight octets a rule; and the proof that it enumerates.
#pragma once

#include <cstdint>
#include <vector>

#include "zones/rule.h"

namespace weir {

// Of pattern, action, importance and conditions. Two different rules of a list of 10 million get the same hash once
// in 400,000 such lists; the second would then count as a duplicate. Never zero; another in each process, so that no
// publisher can choose names whose hashes meet.
std::uint64_t hash_rule(const Rule& rule);
std::uint64_t hash_name(const Name& name);  // likewise, in any case

// The rules of one list, counted with what its lines say of each other ($badfilter, redirect): at eleven octets each
// and more while they grow, what a reading remembers stays below 200 MB.
inline constexpr std::size_t kMaxListRules = 12'000'000;

// A set of hashes: open addressing, in parts that grow one by one, so that no growth takes twice the memory. At most 16
// octets an element, and 16 KiB.
class RuleHashes {
 public:
  bool insert(std::uint64_t hash);  // false: was there
  bool contains(std::uint64_t hash) const;
  // Will be asked for soon: the place of a rule of a large list lies in no cache.
  void expect(std::uint64_t hash) const;
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kParts = 64;
  struct Part {
    std::vector<std::uint64_t> slots;  // 0: free
    std::size_t size = 0;
    std::size_t first_slot_of(std::uint64_t hash) const;
    std::size_t slot_of(std::uint64_t hash) const;
    void grow();
  };
  static std::size_t part_of(std::uint64_t hash) { return hash >> 58; }

  std::vector<Part> parts_;  // none before the first element
  std::size_t size_ = 0;
};

// How many names of a list have an ancestor in it: a high share proves that it names hosts one by one. One name
// in 16 is asked, when all rules have been seen: chosen by hash, since lists alternate `name` and `www.name`.
class EnumerationProof {
 public:
  // Of one name, the nearest: a hostile list of names of a hundred labels took 300 MB.
  static constexpr unsigned kMostAsked = 16;

  void add(const Rule& rule);
  std::size_t names() const { return names_; }
  double share_with_ancestor(const RuleHashes& rules) const;

 private:
  struct Asked {
    std::uint64_t ancestor;  // hash of the same rule for the ancestor; 0: it has none
    bool last;               // of this name
  };
  std::size_t names_ = 0;
  std::vector<Asked> asked_;
};

}  // namespace weir
