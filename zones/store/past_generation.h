// What held at a generation that may be long gone, read from the validity intervals of the writer's database.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/group_zones.h"
#include "zones/store/generation_impl.h"
#include "zones/store/payload_table.h"

namespace weir::store {

// Slower than a generation: it looks at each list at each suffix. Any thread; the database, which outlives it, may be
// written meanwhile: a closed interval never changes, and of what was closed between two looks both agree.
class PastGeneration final : public RulesInForce, public HistoryKeeper {
 public:
  // Errors: not_found (nothing was published under that number), corrupt, io.
  static Result<std::shared_ptr<const RulesInForce>> open(const Database& live, GenerationNumber number);

  void match(const ReversedName& name, MatchSet& out) const override;
  void match_address(const IpAddress& address, MatchSet& out) const override;
  void match_client(const IpAddress& address, MatchSet& out) const override;
  const RuleDetail* detail(PayloadId id) const override { return payloads_.detail(id.value); }
  std::string_view pattern(PayloadId id) const override { return payloads_.pattern(id.value); }
  const PolicySet& policies() const override { return policies_; }
  const LocalData* local_data() const override { return zones_ ? zones_->of_everybody() : nullptr; }
  const LocalData* local_data_of(std::uint32_t group) const override {
    return zones_ ? zones_->of_group(group) : nullptr;
  }
  GenerationNumber number() const override { return number_; }
  std::uint64_t damaged_reads() const override { return damaged_reads_.load(std::memory_order_relaxed); }
  Result<const Database*> history() const override { return &live_; }

 private:
  PastGeneration(const Database& live, GenerationNumber number, PolicySet policies);

  class Intervals;
  void match_prefixes(RuleSpace space, const IpAddress& address, MatchSet& out) const;
  std::vector<Entry> entries_on(Intervals& intervals, RuleSpace space, std::string_view target) const;
  bool opens_below(Intervals& intervals, ListId list, std::string_view target) const;

  const Database& live_;
  const GenerationNumber number_;
  const PolicySet policies_;
  std::optional<GroupZones> zones_;  // where there are local zones
  mutable std::atomic<std::uint64_t> damaged_reads_{0};
  PayloadTable payloads_;
};

// The definitions that held at a generation. Errors: corrupt, io.
Result<PolicySet> policies_at(const Database& live, GenerationNumber number);
// The generation that was in force at a moment. not_found: nothing was published yet.
Result<GenerationNumber> generation_at(const Database& database, WallTime time);

}  // namespace weir::store
