// Whether one answer to a client is right: against the oracle, against the ledger, and as a DNS message.
#pragma once

#include <string>

#include "tests/simulation/ledger.h"
#include "tests/simulation/schedule.h"

namespace weir::simulation {

struct Checked {
  std::string wrong;  // empty: it is right
  bool truncated = false;
  Rcode rcode = Rcode::noerror;
  std::uint32_t ttl = 0;  // the smallest of what was answered
  bool failed = false;    // SERVFAIL, which was allowed
  bool authentic = false;
};

class Checker {
 public:
  Checker(const world::Oracle& oracle, const Ledger& ledger) : oracle_(oracle), ledger_(ledger) {}

  // `query` went out as `sent` at `asked`; `answer` came back at `time`.
  Checked check(const ClientQuery& query, std::span<const std::uint8_t> sent, std::span<const std::uint8_t> answer,
                Time asked, Time time) const;

 private:
  std::string compare(const ClientQuery& query, const Message& message, const world::Expected& expected,
                      Time time) const;

  const world::Oracle& oracle_;
  const Ledger& ledger_;
};

// The query's octets, with this ID.
std::vector<std::uint8_t> write_query(const ClientQuery& query, std::uint16_t id);

std::string to_text(const Message& message);

}  // namespace weir::simulation
