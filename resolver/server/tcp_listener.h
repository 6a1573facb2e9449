// DNS over TCP (RFC 7766, RFC 1035 section 4.2.2) for one address, on the worker's own loop.
//
// Queries are pipelined, answers go out in the order in which they are ready. Bounded against those who hold
// connections, send slowly or do not read: see TcpLimits. One thread: that of the io_context.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>

#include "resolver/server/metrics.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"

namespace boost::asio {
class io_context;
}

namespace weir {

struct TcpLimits {
  unsigned connections = 1024;                     // of all listeners that share a TcpQuota
  unsigned connections_per_prefix = 64;            // /32 and /56: what one customer usually has
  unsigned in_flight = 32;                         // queries of one connection without an answer; then it is not read
  std::size_t unsent_bytes = 64 * 1024;            // answers that the client has not read; then it is not read either
  std::chrono::milliseconds idle{7000};            // without a whole query or any answer octet taken by the client
  std::chrono::milliseconds idle_when_full{2000};  // the same while more than 3/4 of `connections` are in use
};

// Counts connections over all workers. Thread-safe; touched when connections come and go, not per query.
class TcpQuota {
 public:
  explicit TcpQuota(TcpLimits limits) : limits_(limits) {}
  const TcpLimits& limits() const { return limits_; }
  bool admit(const IpAddress& client);  // false: over a bound
  void leave(const IpAddress& client);
  bool nearly_full() const;
  unsigned connections() const;

 private:
  struct Hash {
    std::size_t operator()(const Prefix& prefix) const noexcept;
  };
  const TcpLimits limits_;
  mutable std::mutex mutex_;
  unsigned connections_ = 0;
  std::unordered_map<Prefix, unsigned, Hash> by_prefix_;
};

// Where the answer to one query goes. Copies share one query; the first send() answers it, later ones do nothing.
// The last copy that goes without send() means: no answer (a drop rule), the connection goes on. May outlive
// connection and listener; then send() does nothing. Only on the listener's thread.
class TcpReply {
 public:
  struct Pending;
  explicit TcpReply(std::shared_ptr<Pending> pending) : pending_(std::move(pending)) {}
  // `message` without the length prefix, at most 65535 octets (longer: nothing is sent). Copied.
  void send(std::span<const std::uint8_t> message) const;

 private:
  std::shared_ptr<Pending> pending_;
};

class TcpListener {
 public:
  // `message` is valid during the call only. It is any octets (1 to 65535). May call reply.send() at once.
  using Handler = std::function<void(std::span<const std::uint8_t> message, const Endpoint& client, TcpReply reply)>;

  // Binds with SO_REUSEPORT, so that each worker has its own, and starts to accept. Port 0 takes a free one.
  // `loop`, `quota` and `metrics` outlive it. Errors: busy (the port is in use), permission, invalid, io.
  static Result<std::unique_ptr<TcpListener>> open(boost::asio::io_context& loop, const Endpoint& address,
                                                   std::shared_ptr<TcpQuota> quota, WorkerMetrics& metrics,
                                                   Handler handler);
  virtual ~TcpListener() = default;  // closes the listener and its connections; on the loop's thread or after it
  virtual Endpoint local() const = 0;
};

}  // namespace weir
