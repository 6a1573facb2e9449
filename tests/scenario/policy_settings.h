// A scenario's policy lines (rpz:, access-control-tag, response-ip, private-address) as a generation of weir's own
// store: written, published and opened as the sidecar and the resolver do it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/scenario/settings.h"
#include "zones/dns64.h"
#include "zones/local_zone.h"
#include "zones/store/generation.h"
#include "zones/store/writer.h"

namespace weir::scenario {

// Whether something may be answered as a policy blocks.
bool has_block_answers(const ScenarioSettings& settings);
// Whether anything in the settings needs rules or groups.
bool has_policy(const ScenarioSettings& settings);

// The policy zones in the order in which they have a say, response-ip's among them.
std::vector<PolicyZone> policy_zones_of(const ScenarioSettings& settings);

// The store of one scenario, open for as long as it runs.
class PolicyUnderTest {
 public:
  // `folder`: empty, and left behind. Errors: what the list reader and the store say.
  static Result<std::unique_ptr<PolicyUnderTest>> make(const ScenarioSettings& settings,
                                                       const std::vector<weir::LocalZone>& zones,
                                                       const std::optional<Dns64>& dns64,
                                                       const std::filesystem::path& folder);
  std::shared_ptr<const Generation> generation() const { return generation_; }
  // A new version of one of policy_zones_of(): imported and published. Errors as above; then all stays as it is.
  Result<void> replace(std::size_t zone, const std::string& content);

 private:
  PolicyUnderTest(std::vector<PolicyZone> zones, std::filesystem::path folder, Now now)
      : zones_(std::move(zones)), folder_(std::move(folder)), now_(now) {}
  Result<void> import(std::size_t zone);
  Result<void> publish();

  std::vector<PolicyZone> zones_;
  std::filesystem::path folder_;
  Now now_;
  std::unique_ptr<PolicyStore> store_;
  std::shared_ptr<const Generation> generation_;
};

// In what Unbound's block answers differ from those of SEMANTICS section 4: they have AA, and no SOA where they are
// empty. The rest of what a file expects stays.
void expect_block_answers(Scenario& scenario);

// In what Unbound's local zones differ from weir's: its REFUSED has AA.
void expect_local_refusals(Scenario& scenario);

// What of the policy lines weir has no setting for; nothing: all of it can be had.
std::optional<std::string> missing_policy(const ScenarioSettings& settings);

}  // namespace weir::scenario
