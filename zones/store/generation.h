// One immutable published version of the policy store: rules *and* the policy that reads them.
//
// Opened read-only from a checkpoint directory; nothing in it ever changes, so any number of threads
// may call every const member without locking. Lives as long as the last shared_ptr to it: a worker
// finishes its batch on the generation it began with.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "zones/base/ids.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/dns/reversed_name.h"
#include "zones/local_data.h"
#include "zones/match.h"
#include "zones/policy.h"
#include "zones/verdict.h"

namespace weir {

// The block cache that all generations of one process share: its keys belong to the SST files, which
// generations share, so a swap does not go cold.
class StoreCache {
 public:
  static std::shared_ptr<StoreCache> make(std::size_t size_bytes);
  virtual ~StoreCache() = default;
};

// The rules of one moment, and the policies that read them: of a generation that is in force, or of one that was.
// Any thread.
class RulesInForce : public DetailSource {
 public:
  // Every rule that matches `name`, most specific first. One filter probe per suffix at most (127,
  // RFC 1035 section 2.3.4); no heap allocation when nothing matches. `out` is cleared first.
  // Globs and regular expressions are evaluated with the suffix that they are filed under; where one was on the way,
  // shared_suffix_labels stays 0. A shared suffix speaks for itself and for every name below it.
  virtual void match(const ReversedName& name, MatchSet& out) const = 0;
  // Every address rule whose prefix holds `address`, longest first. `out` is cleared first.
  virtual void match_address(const IpAddress& address, MatchSet& out) const = 0;
  // The same of the client's address, and of the names and addresses of the servers that gave an answer.
  virtual void match_client(const IpAddress&, MatchSet& out) const { out.clear(); }
  virtual void match_ns_name(const ReversedName&, MatchSet& out) const { out.clear(); }
  virtual void match_ns_address(const IpAddress&, MatchSet& out) const { out.clear(); }

  virtual const PolicySet& policies() const = 0;
  // policies().local_zones as the packet path asks them: those of everybody, and those of one group (an index into
  // policies().groups) alone; nullptr: none.
  virtual const LocalData* local_data() const { return nullptr; }
  virtual const LocalData* local_data_of([[maybe_unused]] std::uint32_t group) const { return nullptr; }
  // The text of a glob or a regular expression (without its slashes), by the detail of its match; empty: unknown.
  // Valid as long as the rules.
  virtual std::string_view pattern([[maybe_unused]] PayloadId id) const { return {}; }
  virtual GenerationNumber number() const = 0;  // rises by one with every publish, also on rollback
  // Blocks or records that could not be read since open (checksum, disk): their rules did not match. Open checks
  // every block of the tables that no generation before had, up to 64 MiB, and of others all but the data blocks;
  // whoever sees this rise keeps the previous generation and raises an alarm.
  virtual std::uint64_t damaged_reads() const { return 0; }
};

class Generation : public RulesInForce {
 public:
  // Errors: not_found, corrupt (checksum), incompatible (written by another weir), permission.
  static Result<std::shared_ptr<const Generation>> open(const std::filesystem::path& checkpoint,
                                                        std::shared_ptr<StoreCache> cache);
  // What `<store>/policy/current` names. not_found where nothing was ever published.
  static Result<std::shared_ptr<const Generation>> open_current(const std::filesystem::path& store,
                                                                std::shared_ptr<StoreCache> cache);
  // The number that `<store>/policy/current` names, without opening anything (a small file, read once).
  static Result<GenerationNumber> read_current_number(const std::filesystem::path& store);

  // Whether `held` is what `<store>/policy/current` names, with the tables that it has now: they may have been merged
  // since (PolicyStore::renew), which changes no rule. Errors: as read_current_number.
  static Result<bool> is_current(const std::filesystem::path& store, const Generation& held);

  virtual bool has_address_rules() const = 0;
  // Whether it knows in memory of most names that no rule matches them: then that is not worth remembering.
  virtual bool denies_from_memory() const { return false; }
  // Which of the checkpoints that its number had it was opened from; empty: there is one.
  virtual std::string files() const { return {}; }
  // What rules a list has beside those on names (all: any list at all). Known at open.
  struct Triggers {
    bool client = false;
    bool address = false;
    bool name_server = false;
    bool operator==(const Triggers&) const = default;
  };
  virtual Triggers triggers(ListId) const { return {}; }
  virtual Triggers triggers() const { return {}; }
  virtual NamesEpoch names_epoch() const = 0;  // rises only when rules change
  virtual WallTime published_at() const = 0;
  virtual const std::string& fingerprint() const = 0;  // over canonical rules and policies: hex
  // Lists (of those defined) that never had a successful import: status and metrics say so.
  virtual const std::vector<ListId>& never_loaded() const = 0;
  virtual std::uint64_t rule_count() const = 0;
};

}  // namespace weir
