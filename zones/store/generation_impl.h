// The one implementation of Generation; history.cc and the writer's tests reach its database through it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "zones/group_zones.h"
#include "zones/store/database.h"
#include "zones/store/files.h"
#include "zones/store/generation.h"
#include "zones/store/name_filter.h"
#include "zones/store/payload_table.h"
#include "zones/store/store_cache.h"

namespace weir::store {

// Which prefix lengths the rules of one space have, longest first.
struct PrefixesInUse {
  std::vector<std::uint8_t> ipv4;
  std::vector<std::uint8_t> ipv6;
  bool any() const { return !ipv4.empty() || !ipv6.empty(); }
};

// Who can tell what was true when. Errors: those of opening a database.
class HistoryKeeper {
 public:
  virtual ~HistoryKeeper() = default;
  virtual Result<const Database*> history() const = 0;
};

class GenerationImpl final : public Generation, public HistoryKeeper {
 public:
  static Result<std::shared_ptr<const Generation>> open(const std::filesystem::path& checkpoint,
                                                        std::shared_ptr<StoreCache> cache);

  void match(const ReversedName& name, MatchSet& out) const override;
  void match_address(const IpAddress& address, MatchSet& out) const override;
  bool has_address_rules() const override { return triggers_.address; }
  std::string files() const override { return info_.files; }
  bool denies_from_memory() const override { return filter_.is_certain(); }
  void match_client(const IpAddress& address, MatchSet& out) const override;
  void match_ns_name(const ReversedName& name, MatchSet& out) const override;
  void match_ns_address(const IpAddress& address, MatchSet& out) const override;
  Triggers triggers(ListId list) const override;
  Triggers triggers() const override { return triggers_; }
  const RuleDetail* detail(PayloadId id) const override { return payloads_->detail(id.value); }
  std::string_view pattern(PayloadId id) const override { return payloads_->pattern(id.value); }
  const PolicySet& policies() const override { return policies_; }
  const LocalData* local_data() const override { return zones_ ? zones_->of_everybody() : nullptr; }
  const LocalData* local_data_of(std::uint32_t group) const override {
    return zones_ ? zones_->of_group(group) : nullptr;
  }
  GenerationNumber number() const override { return {info_.number}; }
  NamesEpoch names_epoch() const override { return {info_.record.names_epoch}; }
  WallTime published_at() const override { return published_at_; }
  const std::string& fingerprint() const override { return info_.record.fingerprint; }
  const std::vector<ListId>& never_loaded() const override { return never_loaded_; }
  std::uint64_t rule_count() const override { return rules_; }
  std::uint64_t damaged_reads() const override { return damaged_reads_.load(std::memory_order_relaxed); }

  // All families, opened at the first call. Errors as Generation::open; not_found once the checkpoint was removed.
  Result<const Database*> history() const override;

 private:
  GenerationImpl() = default;
  Result<void> load();
  Result<void> load_lists();
  Result<void> load_prefixes(RuleSpace space, PrefixesInUse& out);
  void match_prefixes(RuleSpace space, const PrefixesInUse& lengths, const IpAddress& address, MatchSet& out) const;
  void add_entries(std::string_view octets, bool readable, unsigned labels, MatchSet& out) const;
  void match_entries(ByteReader entries, unsigned labels, struct NameScan& scan, MatchSet& out) const;

  std::filesystem::path path_;
  std::shared_ptr<StoreCacheImpl> cache_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<PayloadTable> payloads_;
  GenerationInfo info_;
  WallTime published_at_;
  PolicySet policies_;
  std::optional<GroupZones> zones_;  // where there are local zones
  std::vector<ListId> never_loaded_;
  std::uint64_t rules_ = 0;
  std::vector<std::uint8_t> depths_;  // label counts that exist in `names`, deepest first
  NameFilter filter_;
  PrefixesInUse answer_prefixes_, client_prefixes_, ns_prefixes_;
  Triggers triggers_;
  std::vector<std::pair<ListId, Triggers>> list_triggers_;  // of lists that have any
  mutable std::atomic<std::uint64_t> damaged_reads_{0};
  mutable std::mutex history_mutex_;
  mutable std::unique_ptr<Database> history_;
};

}  // namespace weir::store
