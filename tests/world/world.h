// A generated world that can be asked: a seed makes the plan, and answer() is every server in it, honest or not.
// Sans-I/O and without a clock: a simulation carries the octets in virtual time, a program on real sockets in real
// time.
//
//   auto world = World::make(7, {});
//   for (const Delivery& delivery : world.answer(server, UpstreamTransport::udp, query, time)) ...
//
// Equal calls in equal order give equal octets. One thread.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/world/plan.h"
#include "tests/world/random.h"
#include "tests/world/zone_data.h"
#include "zones/dns/message.h"

namespace weir::world {

// What comes back `delay` after the query left. Without octets the TCP connection is closed, or cannot be made.
struct Delivery {
  Time delay{0};
  Octets octets;
  bool from_forger = false;  // does not come from the server, though it says so
};

struct WorldCounters {
  std::uint64_t queries = 0;
  std::uint64_t faults = 0;  // queries that something was done to
};

class World {
 public:
  static World make(std::uint64_t seed, const WorldOptions& options) { return World(generate(seed, options)); }
  explicit World(WorldPlan plan);

  const WorldPlan& plan() const { return *plan_; }
  std::vector<IpAddress> addresses() const;  // of all servers, IPv4 and IPv6
  std::vector<RootServer> root_hints() const;
  Octets anchor_ds() const;         // RDATA of the root's DS
  std::string anchor_line() const;  // the same as a zone file's line
  const std::vector<Question>& questions() const { return plan_->questions; }
  const WorldCounters& counters() const { return counters_; }

  // `server` is one of addresses(); `time` since the world began. Nothing comes back: silence, or a lost packet.
  std::vector<Delivery> answer(const IpAddress& server, UpstreamTransport transport,
                               std::span<const std::uint8_t> query, Time time);

  // The zone as it is then.
  const ZoneData& zone_at(unsigned zone, Time time) const;
  const std::vector<Time>& moments(unsigned zone) const { return moments_[zone]; }

 private:
  struct Asked;
  std::vector<Delivery> deliver(const ServerPlan& server, const Asked& asked, Octets octets, Random& random) const;
  std::optional<Octets> respond(unsigned server, const Asked& asked, Random& random);
  std::optional<Octets> misbehave(const Faults& faults, const Asked& asked);
  std::optional<Octets> answer_edns(const Faults& faults, const Asked& asked, bool& understood);
  Octets forge(const Asked& asked) const;
  std::optional<unsigned> zone_for(unsigned server, const Asked& asked) const;

  std::shared_ptr<const WorldPlan> plan_;
  std::map<IpAddress, unsigned> servers_;
  std::vector<std::vector<Time>> moments_;
  mutable std::map<std::pair<unsigned, Time>, std::unique_ptr<ZoneData>> data_;
  std::vector<std::uint64_t> asked_count_;  // of each server: its next random numbers
  WorldCounters counters_;
};

}  // namespace weir::world
