// The exchanges that are outstanding upstream: who waits for each, what would answer it, when to give up.
//
// Equal questions to one server over one transport share one exchange, so that an attacker never gets several
// chances at once to guess an ID (birthday attacks, CVE-2025-5994). Owned and used by one engine.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "resolver/cache/server_address.h"
#include "resolver/engine/engine.h"
#include "resolver/engine/query_builder.h"

namespace weir {

using WorkId = Id<struct WorkIdTag, std::uint64_t>;  // one Resolution; several clients may wait for it

struct OutstandingExchange {
  ExchangeId id;
  ServerAddress server;
  UpstreamTransport transport = UpstreamTransport::udp;
  UpstreamQuery query;  // qname in the case that was sent
  Name plain_name;      // as it was asked for, before 0x20
  bool case_randomised = false;
  SteadyTime sent;
  SteadyTime retry_at;
  SteadyTime expires;
  bool retried = false;  // retry_at has passed and the waiters were told
  unsigned wrong_ids = 0;
  bool folds_case = false;      // a response that was right but for the case of QNAME came, and was ignored
  bool headless_error = false;  // a FORMERR or the like without question came, and was ignored
  std::vector<WorkId> waiters;  // in the order in which they came
};

struct TimerKey {
  enum class Kind : std::uint8_t { retry, expiry, deadline };
  SteadyTime at;
  Kind kind = Kind::retry;
  std::uint64_t id = 0;  // ExchangeId, or WorkId for deadlines
  auto operator<=>(const TimerKey&) const = default;
};

class Exchanges {
 public:
  explicit Exchanges(std::uint16_t upstream_port) : port_(upstream_port) {}

  // An outstanding exchange that asks the same, for `work` to wait for; nullptr where there is none.
  OutstandingExchange* join(const ServerAddress& server, UpstreamTransport transport, const UpstreamQuery& query,
                            WorkId work);
  // Begins one; `draft` comes without id and waiters.
  OutstandingExchange& open(OutstandingExchange draft, WorkId work);
  OutstandingExchange* find(ExchangeId id);
  void leave(ExchangeId id, WorkId work);  // the last to leave ends it
  void close(ExchangeId id);

  std::size_t size() const { return outstanding_.size(); }
  std::set<TimerKey>& timers() { return timers_; }
  const std::set<TimerKey>& timers() const { return timers_; }
  std::vector<Exchange> take_wanted() { return std::exchange(wanted_, {}); }
  std::vector<ExchangeId> take_ended() { return std::exchange(ended_, {}); }

 private:
  std::uint16_t port_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<ExchangeId, OutstandingExchange> outstanding_;
  std::map<std::string, ExchangeId> by_question_;
  std::set<TimerKey> timers_;
  std::vector<Exchange> wanted_;
  std::vector<ExchangeId> ended_;
};

}  // namespace weir
