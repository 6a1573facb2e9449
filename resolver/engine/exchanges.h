// The exchanges that are outstanding upstream: who waits for each, what would answer it, when to give up.
//
// How many may be outstanding is bounded: in all, to one server, to one zone's servers, and for the clients of one
// prefix. A resolution that meets a full bound is held until there is room: of those that wait for a server, a zone or
// a prefix the newest goes first (the oldest has no time left to use its answer), of those that wait for any room the
// one whose clients' prefix has least outstanding.
//
// Equal questions to one server over one transport share one exchange, so that an attacker never gets several
// chances at once to guess an ID (birthday attacks, CVE-2025-5994). Owned and used by one engine.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "resolver/base/limits.h"
#include "resolver/cache/server_address.h"
#include "resolver/engine/engine.h"
#include "resolver/engine/in_flight.h"
#include "resolver/engine/query_builder.h"
#include "resolver/engine/response_classifier.h"

namespace weir {

using WorkId = Id<struct WorkIdTag, std::uint64_t>;  // one Resolution; several clients may wait for it

// A bound on what may be outstanding at once, and for whom: one server, zone or prefix; all for exchanges_in_flight.
struct Bound {
  Limit limit = Limit::exchanges_in_flight;
  std::uint64_t subject = 0;
  auto operator<=>(const Bound&) const = default;
};

// Those that one exchange counts for, beside that of all.
struct Bounds {
  Bound server;
  Bound zone;
  Bound client;
};
Bounds bounds_of(const ServerAddress& server, const Name& zone_cut, const Prefix& client);

struct OutstandingExchange {
  ExchangeId id;
  ServerAddress server;
  Bounds bounds;
  UpstreamTransport transport = UpstreamTransport::udp;
  UpstreamQuery query;  // qname in the case that was sent
  Name plain_name;      // as it was asked for, before 0x20
  bool case_randomised = false;
  SteadyTime sent;
  SteadyTime retry_at;
  SteadyTime expires;
  bool measures = false;  // the first to its server: open for its round trip when nobody waits any more
  bool retried = false;   // retry_at has passed and the waiters were told
  unsigned wrong_ids = 0;
  bool folds_case = false;      // a response that was right but for the case of QNAME came, and was ignored
  bool lacked_cookie = false;   // a response came with another cookie than ours, and was ignored
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
  // `in_flight`, where there are other engines, outlives this.
  Exchanges(std::uint16_t upstream_port, std::size_t max_outstanding, InFlight* in_flight, EngineNumber engine)
      : port_(upstream_port),
        max_outstanding_(std::min<std::size_t>(max_outstanding, limit_of(Limit::exchanges_in_flight))),
        in_flight_(in_flight),
        engine_(engine) {}

  // The bound that leaves no room for one more; nothing where there is room. Forwarders have as many as there are
  // sockets: all questions go there.
  std::optional<Bound> full_for(const Bounds& bounds, ServerRole role) const;
  bool is_full(const ServerAddress& server) const;
  bool is_asked(const ServerAddress& server) const;  // something is outstanding there, of whomever
  // `work` waits for room; next_held() names it again when there is some.
  void hold(WorkId work, const Bound& bound, const Bounds& bounds);
  void release(WorkId work);  // it waits no more
  // Bounds under which something has ended, and whose turn it then is; nothing where nobody waits or none has room.
  std::vector<Bound> take_freed() { return std::exchange(freed_, {}); }
  std::optional<WorkId> next_held(const Bound& bound);

  // Must be asked before open(). False where another engine has the same question out: hold_for_others() then.
  bool claim(const ServerAddress& server, UpstreamTransport transport, const UpstreamQuery& query);
  void hold_for_others(WorkId work) { for_others_.push_back(work); }
  std::vector<WorkId> take_held_for_others() { return std::exchange(for_others_, {}); }

  // An outstanding exchange that asks the same, for `work` to wait for; nullptr where there is none.
  OutstandingExchange* join(const ServerAddress& server, UpstreamTransport transport, const UpstreamQuery& query,
                            WorkId work);
  // Begins one; `draft` comes without id and waiters. WorkId{}: nobody waits for it, and nobody joins it, since it may
  // lack what an attacker would have to guess.
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
  std::size_t room_of(const Bound& bound) const;
  std::size_t in_use(const Bound& bound) const;
  bool is_full(const Bound& bound) const { return in_use(bound) >= room_of(bound); }

  std::uint16_t port_;
  std::size_t max_outstanding_;
  InFlight* in_flight_;
  EngineNumber engine_;
  struct BoundHash {
    std::size_t operator()(const Bound& bound) const noexcept {
      return bound.subject + static_cast<std::size_t>(bound.limit);
    }
  };
  std::unordered_map<Bound, std::size_t, BoundHash> in_use_;  // of servers, zones and prefixes
  struct Held {
    Bound bound;
    std::uint64_t rank = 0;
  };
  std::unordered_map<WorkId, Held> held_;
  std::map<Bound, std::set<std::pair<std::uint64_t, WorkId>>> waiting_;  // lowest rank first
  std::vector<Bound> freed_;
  std::vector<WorkId> for_others_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<ExchangeId, OutstandingExchange> outstanding_;
  std::map<std::string, ExchangeId> by_question_;
  std::set<TimerKey> timers_;
  std::vector<Exchange> wanted_;
  std::vector<ExchangeId> ended_;
};

}  // namespace weir
