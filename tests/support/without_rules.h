// A policy generation without lists and rules: every answer goes to the client as it is, but for what local zones
// answer and DNS64 makes.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "zones/local_data.h"
#include "zones/store/generation.h"

namespace weir::test {

class WithoutRules final : public Generation {
 public:
  explicit WithoutRules(std::span<const LocalZone> zones = {}, std::optional<Dns64> dns64 = {}) : local_data_(zones) {
    policies_.dns64 = std::move(dns64);
  }
  const RuleDetail* detail(PayloadId) const override { return nullptr; }
  void match(const ReversedName&, MatchSet& out) const override { out.clear(); }
  void match_address(const IpAddress&, MatchSet& out) const override { out.clear(); }
  bool has_address_rules() const override { return false; }
  const PolicySet& policies() const override { return policies_; }
  const LocalData* local_data() const override { return &local_data_; }
  GenerationNumber number() const override { return {1}; }
  NamesEpoch names_epoch() const override { return {1}; }
  WallTime published_at() const override { return {}; }
  const std::string& fingerprint() const override { return fingerprint_; }
  const std::vector<ListId>& never_loaded() const override { return never_loaded_; }
  std::uint64_t rule_count() const override { return 0; }

 private:
  PolicySet policies_ = PolicySet::with_defaults();
  LocalData local_data_;
  std::string fingerprint_;
  std::vector<ListId> never_loaded_;
};

}  // namespace weir::test
