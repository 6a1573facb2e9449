#include "tests/scenario/zone_transfers.h"

#include <utility>

#include "tools/sidecar/transfer_stream.h"

namespace weir::scenario {
namespace {

constexpr std::uint64_t kFirstExchange = 1ULL << 62;  // the engine counts from 1
constexpr std::chrono::seconds kAfterTheBeginning{1};

std::uint16_t query_id(std::size_t zone) {
  return static_cast<std::uint16_t>(zone + 1);
}

}  // namespace

ZoneTransfers::ZoneTransfers(const std::vector<PolicyZone>& zones) {
  for (std::size_t i = 0; i < zones.size(); ++i) {
    auto name = Name::parse(zones[i].name);
    if (!zones[i].primaries.empty() && name) wanted_.push_back({i, std::move(*name), zones[i].primaries.front()});
  }
}

void ZoneTransfers::begin_at(SteadyTime now) {
  if (!std::exchange(begun_, true) && !wanted_.empty()) due_ = now + kAfterTheBeginning;
}

std::vector<Exchange> ZoneTransfers::ask() {
  std::vector<Exchange> out;
  due_.reset();
  for (Wanted& wanted : std::exchange(wanted_, {})) {
    const ExchangeId id{kFirstExchange + wanted.zone};
    auto message = sidecar::write_query({wanted.name, query_id(wanted.zone), std::nullopt});
    out.push_back({id, {wanted.primary, 53}, UpstreamTransport::tcp, std::move(message)});
    asked_.emplace(id.value, std::move(wanted));
  }
  return out;
}

std::optional<ZoneTransfers::Transferred> ZoneTransfers::receive(ExchangeId exchange, const Response& response) {
  const auto asked = asked_.extract(exchange.value);
  if (asked.empty() || response.failure != ExchangeFailure::none) return std::nullopt;
  const Wanted& wanted = asked.mapped();
  std::string records;
  const auto add = [&](const ZoneRecord& record) -> Result<void> {
    records += sidecar::record_line(record) + '\n';
    return {};
  };
  sidecar::TransferStream stream({wanted.name, query_id(wanted.zone), std::nullopt}, {add, add, add});
  if (!stream.read(response.message) || !stream.done()) return std::nullopt;
  return Transferred{wanted.zone, sidecar::record_line(stream.soa_record()) + '\n' + records};
}

}  // namespace weir::scenario
