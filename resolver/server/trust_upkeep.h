// What is trusted, as time passes: trust anchors that follow their zones' keys (RFC 5011), negative trust anchors that
// end (RFC 7646), and both over restarts, in the resolver's state folder.
//
// One thread at a time: who makes it, then the control thread. It reads no clock and owns no socket: what has to be
// looked up it asks its environment for, and what came of it is taken in by the next tick().
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "resolver/dnssec/anchor_roll.h"
#include "resolver/dnssec/chain_of_trust.h"
#include "resolver/dnssec/negative_anchor_file.h"
#include "resolver/engine/engine.h"
#include "resolver/server/metrics.h"
#include "zones/config/config.h"

namespace weir {

struct TrustUpkeepOptions {
  std::vector<TrustAnchor> anchors;    // as configured
  std::string source = "weir itself";  // of them, for people
  std::filesystem::path state_folder;  // empty: nothing outlives a restart
  std::chrono::seconds recheck{0};     // how often it is tried whether a negative anchor is still needed; 0: never
  bool every_algorithm = false;        // TrustRules
  AnchorTimes times = {};
};

class TrustUpkeep {
 public:
  struct Environment {
    // Puts rules in force on every worker and forgets what the caches hold at and below these names.
    std::function<void(std::shared_ptr<const TrustRules>, const std::vector<Name>&)> apply;
    // Resolves with empty caches, by `rules`; without any the answer is not validated. `done` on any thread.
    using Done = std::function<void(const ResolutionResult&)>;
    std::function<void(const Question&, std::shared_ptr<const TrustRules>, Done)> look_up;
  };

  // Reads the state; a file that cannot be used is told of, set aside, and what was configured holds.
  TrustUpkeep(TrustUpkeepOptions options, const std::vector<NegativeTrustAnchorConfig>& negative, Now now);

  // To begin with, before there is anybody to apply to.
  std::shared_ptr<const TrustRules> rules() const { return rules_; }
  void start(Environment environment) { environment_ = std::move(environment); }
  void tick(Now now);  // about once a second

  // Of the configuration, in the place of those before; see check().
  void define(const std::vector<NegativeTrustAnchorConfig>& negative, Now now);
  // Errors: invalid where one would hold for more than a week, as file:line.
  static Result<void> check(const std::vector<NegativeTrustAnchorConfig>& negative, WallTime now);

  // Errors: as of NegativeTrustAnchors::add; too_large; io where it could not be kept.
  Result<NegativeTrustAnchor> add_negative(const Name& name, std::chrono::seconds time, const std::string& reason,
                                           const std::string& who, Now now);
  // Errors: not_found; invalid where the configuration defines it.
  Result<void> remove_negative(const Name& name, const std::string& who, Now now);

  struct ZoneView {
    Name zone;
    const AnchorRoll* roll = nullptr;
    TrustAnchor configured;
    std::string error;  // of the last look; empty: it was good, or there was none
  };
  struct NegativeView {
    NegativeTrustAnchor anchor;
    std::string source;  // "command", or file:line
  };
  std::vector<ZoneView> zones() const;
  std::vector<NegativeView> negative(WallTime now) const;
  const std::string& source() const { return options_.source; }
  const std::string& state_error() const { return state_error_; }  // why the last writing failed
  std::vector<Figure> figures(WallTime now) const;

 private:
  struct Defined {
    NegativeTrustAnchor anchor;
    std::string where;
  };
  // What came back from a worker; outlives this object in the callbacks.
  struct Inbox {
    std::mutex mutex;
    std::vector<std::pair<std::size_t, ResolutionResult>> looks;  // by zone
    std::vector<std::pair<Name, ResolutionResult>> rechecks;
  };

  void restore(WallTime now);
  void make_rules(WallTime now);
  void put_in_force(const std::vector<Name>& changed, WallTime now);
  void keep_anchors();
  Result<void> keep_negative();
  void take_looks(Now now);
  void take_rechecks(Now now);
  void look(Now now);
  void recheck(Now now);
  void end_negative(Now now);

  TrustUpkeepOptions options_;
  Environment environment_;
  std::vector<AnchorRoll> rolls_;
  std::vector<std::string> errors_;  // beside rolls_
  std::vector<bool> looking_;        // beside rolls_
  NegativeTrustAnchors commanded_;
  std::vector<Defined> defined_;
  std::map<std::string, WallTime> rechecked_;  // by name: when it was last tried
  std::shared_ptr<const TrustRules> rules_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::string state_error_;
  // Resolutions in flight went by the old rules: what they left is forgotten when the last has ended.
  std::vector<Name> forget_again_;
  SteadyTime forget_at_{};
  std::uint64_t looks_ = 0, failed_looks_ = 0;
};

}  // namespace weir
