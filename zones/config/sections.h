// The one table of all keys: what reads weir.toml, and what documents it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/config/config.h"
#include "zones/config/fields.h"

namespace weir::config {

enum class Need : std::uint8_t { optional, required };

template <class Section>
struct Key {
  std::string_view name;
  std::string_view meaning;
  std::string expected;
  std::string default_value;  // as TOML; empty where required
  Need need = Need::optional;
  std::function<void(const ConfigValue&, std::string_view label, Section&, Faults&)> read;
};

template <class Section>
using Keys = std::vector<Key<Section>>;

const Keys<ResolverConfig>& resolver_keys();
const Keys<ResolutionConfig>& resolution_keys();
const Keys<CacheConfig>& cache_keys();
const Keys<AnswerConfig>& answer_keys();
const Keys<RunConfig>& run_keys();
const Keys<StoreConfig>& store_keys();
const Keys<FetchConfig>& fetch_keys();
const Keys<TransferConfig>& transfer_keys();
const Keys<ApiConfig>& api_keys();
const Keys<TsigKeyConfig>& tsig_key_keys();
const Keys<ServeConfig>& serve_keys();
const Keys<ListConfig>& list_keys();
const Keys<PolicyConfig>& policy_keys();
const Keys<GroupConfig>& group_keys();
const Keys<ScheduleConfig>& schedule_keys();
const Keys<ForwardConfig>& forward_keys();
const Keys<NegativeTrustAnchorConfig>& negative_trust_anchor_keys();
const Keys<LocalConfig>& local_keys();
const Keys<Dns64Config>& dns64_keys();
const Keys<LocalZoneConfig>& local_zone_keys();
const Keys<LogConfig>& log_keys();
const Keys<SinkConfig>& sink_keys();
const Keys<SelfServiceConfig>& self_service_keys();

ResolverConfig default_resolver();
// "hostmaster@example.org" and "hostmaster.example.org" as an RNAME (RFC 1035 section 8: dots before the @ belong to
// the first label).
Result<Name> parse_contact(std::string_view text);

}  // namespace weir::config
