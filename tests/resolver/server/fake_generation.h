// A generation of which only the number matters, for tests of who holds which.
#pragma once

#include <atomic>

#include "zones/store/generation.h"

namespace weir {

class FakeGeneration final : public Generation {
 public:
  // `alive` counts those that exist.
  FakeGeneration(std::uint64_t number, std::atomic<int>& alive) : number_{number}, alive_(alive) {
    ++alive_;
    ListDefinition list;
    list.id = kFirstDefinedList;
    list.name = "ads";
    policies_.lists.push_back(list);
    never_loaded_ = {kFirstDefinedList};
  }
  ~FakeGeneration() override { --alive_; }
  const RuleDetail* detail(PayloadId) const override { return nullptr; }
  void match(const ReversedName&, MatchSet& out) const override { out.clear(); }
  void match_address(const IpAddress&, MatchSet& out) const override { out.clear(); }
  bool has_address_rules() const override { return false; }
  const PolicySet& policies() const override { return policies_; }
  GenerationNumber number() const override { return number_; }
  NamesEpoch names_epoch() const override { return {number_.value + 100}; }
  WallTime published_at() const override { return WallTime(std::chrono::seconds(1783298432)); }
  const std::string& fingerprint() const override { return fingerprint_; }
  const std::vector<ListId>& never_loaded() const override { return never_loaded_; }
  std::uint64_t rule_count() const override { return 3; }

 private:
  GenerationNumber number_;
  std::atomic<int>& alive_;
  PolicySet policies_ = PolicySet::with_defaults();
  std::string fingerprint_ = "f00d";
  std::vector<ListId> never_loaded_;
};

}  // namespace weir
