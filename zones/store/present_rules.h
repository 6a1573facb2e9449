// Which rules a list has, as hashes of their keys: a reading leaves out what is there already, so that an import sorts
// and compares only what differs.
//
// They lie in a file beside the database, in blocks of the keys' order, each with its first key: of a rule that goes
// only its block is looked for in the database. The file helps and decides nothing: one that is not there, not whole or
// of another state of the list is left out, and everything is compared. The hashes are keyed by a random number, so
// that no publisher can make two rules of one hash; by chance two of two million have the same once in ten million
// lists.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "zones/store/keys.h"

namespace weir::store {

// A longer list is compared whole: it takes 13 octets a rule while it is read.
inline constexpr std::size_t kMaxPresentRules = 2'000'000;

// What is to be in a file.
class PresentRulesDraft {
 public:
  PresentRulesDraft();  // with a random key of its own
  explicit PresentRulesDraft(std::uint64_t seed) : seed_(seed) {}

  void add(std::string_view key);  // of all rules, in ascending order
  // The same by blocks whose rules are known as hashes.
  void begin_block(std::string_view first_key);
  void add_hash(std::uint64_t hash);

  // Of the list in state `of`. False: there is no file, because it would not help or cannot be written.
  bool write(const std::filesystem::path& file, const ListState& of) const;

 private:
  std::uint64_t seed_;
  bool too_many_ = false;
  std::vector<std::string> first_keys_;
  std::vector<std::uint32_t> sizes_;
  std::vector<std::uint64_t> hashes_;
};

class PresentRules {
 public:
  // Nothing where there is no whole file of this state.
  static std::shared_ptr<PresentRules> read(const std::filesystem::path& file, const ListState& of);

  // The rule is in the new version too. False: the list does not have it.
  bool mark(std::string_view key) { return mark(hash(key)); }
  // The same in steps, for who has other work in between: the hashes of a large list lie in no cache.
  std::uint64_t hash(std::string_view key) const;
  void expect_bucket(std::uint64_t hash) const;  // some rules before
  void expect_rule(std::uint64_t hash) const;    // fewer
  bool mark(std::uint64_t hash);
  bool is_marked(std::string_view key) const;
  std::uint64_t marked() const { return marked_; }
  std::uint64_t missing() const { return hashes_.size() - marked_; }
  bool is_of(const ListState& state) const { return rules_ == state.rules && sum_ == state.sum; }

  // Where keys lie that no rule has marked, ascending; `end` empty: to the end of the list.
  struct Range {
    std::string_view begin;
    std::string_view end;
  };
  std::vector<Range> ranges_with_missing() const;

  // A rule that comes, in ascending order.
  void add(std::string_view key);
  // What is marked, and what was added.
  PresentRulesDraft next() const;

 private:
  PresentRules() = default;
  static constexpr std::size_t kNowhere = SIZE_MAX;
  bool take(std::string_view text, const ListState& of);
  std::size_t bucket_of(std::uint64_t hash) const;
  std::size_t find(std::uint64_t hash) const;

  std::uint64_t seed_ = 0;
  std::uint64_t rules_ = 0;
  Sum sum_{};
  std::vector<std::string> first_keys_;
  // Of all rules, by buckets of their hashes.
  std::vector<std::uint32_t> starts_;
  std::vector<std::uint64_t> hashes_;
  std::vector<std::uint32_t> blocks_;
  std::vector<bool> marks_;
  std::uint64_t marked_ = 0;
  struct Added {
    std::uint32_t block;
    std::uint64_t hash;
  };
  std::vector<Added> added_;
  std::string lowest_added_;  // the first, where it comes before all that are there
};

}  // namespace weir::store
