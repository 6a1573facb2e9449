// Carries the engine's exchanges out: one socket each, closed when the engine says that the exchange is over.
//
// A UDP query leaves from a fresh port, drawn by a cryptographic generator from the whole range whichever worker
// asks (CVE-2026-50252), on a connected socket: the kernel then drops other senders, and ICMP errors come back.
// One thread: that of the io_context.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "resolver/engine/engine.h"
#include "resolver/server/secure_random.h"
#include "zones/base/result.h"

namespace boost::asio {
class io_context;
}

namespace weir {

class Upstream {
 public:
  // Never called from within send() or cancel().
  struct Handlers {
    std::function<void(ExchangeId exchange, const Response& response)> received;  // `message` is valid during the call
    std::function<void()> drained;  // after one or several of them: nothing more in this turn
  };

  // `outgoing`: addresses of ours that queries leave from, drawn at random; none of a family: the system's choice.
  // `max_outstanding`: sockets at once; more fail at once.
  // Errors: io, where the system gives no epoll instance.
  static Result<std::unique_ptr<Upstream>> make(boost::asio::io_context& loop, SecureRandom& random,
                                                const std::vector<IpAddress>& outgoing, std::size_t max_outstanding,
                                                Handlers handlers);
  virtual ~Upstream() = default;  // closes all sockets; nothing is received any more
  virtual void send(Exchange exchange) = 0;
  virtual void cancel(ExchangeId exchange) = 0;  // unknown ones are ignored
  virtual std::size_t outstanding() const = 0;
};

}  // namespace weir
