// Runs one scenario against a resolver in virtual time: steps in order, fake servers between them.
//
// Before each step all traffic that can flow does: a query of the resolver is taken by the next step where that is a
// CHECK_OUT_QUERY which matches, else answered by the first matching entry of the ranges alive at that step, else it
// stays outstanding. Nothing takes time by itself; time moves only where a step says so, or while a step waits for what
// cannot come otherwise: CHECK_ANSWER for its answer (a server was silent), TIMEOUT for the resolver to give up
// waiting.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "resolver/engine/engine.h"
#include "tests/scenario/scenario_file.h"
#include "zones/base/prefix.h"
#include "zones/base/time.h"

namespace weir::scenario {

// What the runner drives. Sans-I/O: octets and time go in, octets come out.
class ResolverUnderTest {
 public:
  virtual ~ResolverUnderTest() = default;

  // A client's query. `ticket` names it; answers come by take_answers(), at most one a ticket.
  virtual void query(std::uint64_t ticket, const IpAddress& client, MessageTransport transport,
                     std::span<const std::uint8_t> message, Now now) = 0;
  struct Answer {
    std::uint64_t ticket = 0;
    std::vector<std::uint8_t> message;
  };
  virtual std::vector<Answer> take_answers() = 0;

  // As of resolver/engine/engine.h.
  virtual std::vector<Exchange> take_exchanges() = 0;
  virtual std::vector<ExchangeId> take_abandoned() = 0;
  virtual void receive(ExchangeId exchange, const Response& response, Now now) = 0;
  virtual void timeout(Now now) = 0;
  virtual std::optional<SteadyTime> next_timeout() const = 0;

  // FLUSH_MESSAGE and EXPIRE_MESSAGE. False where the resolver cannot.
  virtual bool flush_message(const Name& name, RecordType type, Now now) = 0;
  virtual bool expire_message(const Name& name, RecordType type, Now now) = 0;
  // INFRA_RTT: this server was measured before the scenario began.
  virtual bool measure_server(const IpAddress& server, std::chrono::milliseconds round_trip, Now now) = 0;
};

struct Outcome {
  enum class Kind : std::uint8_t { passed, failed } kind = Kind::passed;
  std::string reason;   // why it failed: "file:line: answer: missing: ..."; one line
  std::string details;  // both messages as text, where messages differ
};

struct RunLimits {
  std::chrono::milliseconds wait{30'000};  // virtual time that one step may wait for what it wants
  unsigned events = 200'000;               // messages and timers of the whole run
};

// `wall` is where the clock begins. The trace gets a line an event where one is given.
Outcome run_scenario(const Scenario& scenario, ResolverUnderTest& resolver, WallTime wall, const RunLimits& limits = {},
                     std::string* trace = nullptr);

}  // namespace weir::scenario
