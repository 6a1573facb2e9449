// Cache misses handed from the worker that received them to the worker that resolves them.
//
// A miss belongs to worker hash(QNAME, QTYPE) mod workers, so that each engine stays single-threaded and equal
// questions meet. Any thread pushes, one takes; no lock, and one wake-up for many.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resolver/server/udp_listener.h"
#include "resolver/wire/query.h"
#include "zones/base/time.h"
#include "zones/dns/rrset.h"
#include "zones/link/decision.h"

namespace weir {

// What a client is answered with instead of what it asked for.
struct Substitution {
  Name target;
  std::uint32_t ttl_seconds = 0;  // of the CNAME that leads there
  std::optional<std::uint32_t> ttl_cap;
  std::optional<EdeCode> ede;
  std::string ede_text;
  std::vector<Rrset> links;    // the aliases that lead to the target; empty: one of the question's own name
  bool decides_again = false;  // the policy has its word on the target, too
};

// One client's query that waits for a resolution, with the way back to the client; or a question that is to be asked
// again because its answer expires soon, for which nobody waits.
struct Miss {
  enum class Kind : std::uint8_t { query, refresh } kind = Kind::query;
  std::uint32_t leeway_seconds = 0;   // of a refresh: the last tenth of the entry's life
  std::vector<std::uint8_t> message;  // `query` points into it
  Query query;
  IpAddress client;
  bool translated = false;  // AAAA may be made of A (RFC 6147)
  std::uint32_t group = 0;
  Transport transport = Transport::udp;
  unsigned worker = 0;       // that received it
  int descriptor = -1;       // UDP: the socket that it came in through; lives until all workers have stopped
  UdpRoute route;            // UDP
  std::uint64_t ticket = 0;  // TCP, and in tests: the receiving worker's number of the query
  SteadyTime received;
  std::shared_ptr<const Substitution> substitution;  // null: the question itself is resolved

  // Takes a query with its octets.
  void own(const Query& other) {
    const auto moved = [&](std::span<const std::uint8_t> part) {
      return part.empty() ? part
                          : std::span(message).subspan(static_cast<std::size_t>(part.data() - other.message.data()),
                                                       part.size());
    };
    const Query from = other;
    message.assign(from.message.begin(), from.message.end());
    query = from;
    query.message = message;
    query.cookie = {};  // it has been looked at
    query.qname = std::span<const std::uint8_t>(message).subspan(kHeaderSize, from.qname.size());
    query.options = moved(from.options);
  }

  Miss* next = nullptr;  // of the mailbox
};

class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity) : capacity_(capacity) {}
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Errors: io (no more descriptors).
  Result<void> open();
  // Any thread. Gives the miss back where the box is full.
  std::unique_ptr<Miss> push(std::unique_ptr<Miss> miss);
  // The owner: everything that is there, oldest first, as a list through `next` that it now owns.
  Miss* take_all();
  int descriptor() const { return event_; }  // readable when something was pushed; take_all() clears it

 private:
  const std::size_t capacity_;
  int event_ = -1;
  alignas(64) std::atomic<Miss*> head_{nullptr};
  std::atomic<std::size_t> size_{0};
};

}  // namespace weir
