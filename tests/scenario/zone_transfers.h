// Policy zones that a scenario takes from their primaries: asked for by AXFR once, a second after its beginning, with
// the sidecar's own reading of transfers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "resolver/engine/engine.h"
#include "tests/scenario/settings.h"

namespace weir::scenario {

class ZoneTransfers {
 public:
  // `zones`: in the order of their lists.
  explicit ZoneTransfers(const std::vector<PolicyZone>& zones);

  std::optional<SteadyTime> due() const { return due_; }
  // The clock of the first query; later calls do nothing.
  void begin_at(SteadyTime now);
  // Once due: the queries for them.
  std::vector<Exchange> ask();

  bool owns(ExchangeId exchange) const { return asked_.contains(exchange.value); }
  struct Transferred {
    std::size_t zone = 0;  // index into `zones`
    std::string text;      // of its records, the SOA first
  };
  // Nothing where no whole zone came.
  std::optional<Transferred> receive(ExchangeId exchange, const Response& response);

 private:
  struct Wanted {
    std::size_t zone = 0;
    Name name;
    IpAddress primary;
  };
  std::vector<Wanted> wanted_;
  std::map<std::uint64_t, Wanted> asked_;  // by exchange
  std::optional<SteadyTime> due_;
  bool begun_ = false;
};

}  // namespace weir::scenario
