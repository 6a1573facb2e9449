// Hears from primaries that a zone changed (RFC 1996), and answers them.
//
// A NOTIFY says "look now" and nothing else: what then comes is a transfer like any other. Only a list's own primaries
// are heard, and where the list has a key only with a good signature; others get no answer. Over UDP and TCP: Knot asks
// by TCP. What else comes to the same sockets is for the zone server: whoever may have a zone asks there.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "tools/sidecar/list_updater.h"
#include "tools/sidecar/zone_server.h"
#include "zones/base/descriptor.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/config/config.h"

namespace weir::sidecar {

inline constexpr std::size_t kMaxNotifySize = 4096;        // octets that are read of a datagram
inline constexpr std::chrono::seconds kNotifyPatience{2};  // with a primary that has connected

struct NotifyAnswer {
  std::vector<std::string> lists;    // of this zone and primary
  std::vector<std::uint8_t> octets;  // the answer, signed where the request was
};

// What is answered to a datagram. Errors (invalid): it is none of this, and why; then nothing is answered.
Result<NotifyAnswer> answer_notify(std::span<const std::uint8_t> message, const Endpoint& from, const Config& config,
                                   WallTime now);

class NotifyListener {
 public:
  // Listens where [transfer] listen says at this moment; zones, primaries and keys are those of the moment of a NOTIFY.
  // `hurry` is called with each list, on a thread of the listener's. `server` outlives it. Errors: busy, permission,
  // io.
  static Result<std::unique_ptr<NotifyListener>> start(ConfigSource config, ZoneServer& server,
                                                       std::function<void(const std::string&)> hurry);
  ~NotifyListener();

 private:
  struct Socket {
    Descriptor descriptor;
    enum class Kind : std::uint8_t { datagram, stream, tls } kind = Kind::datagram;
  };

  NotifyListener(ConfigSource config, ZoneServer& server, std::function<void(const std::string&)> hurry,
                 std::vector<Socket> sockets, Descriptor stop);
  static Result<Descriptor> bind_socket(const Endpoint& endpoint, Socket::Kind kind);
  void loop();
  void receive(const Descriptor& socket);
  void accept(const Socket& listener);
  // What goes back; nothing where nothing does.
  std::vector<std::uint8_t> take(std::span<const std::uint8_t> message, const Endpoint& from);
  void tell(const std::string& fault);

  const ConfigSource config_;
  ZoneServer& server_;
  const std::function<void(const std::string&)> hurry_;
  const std::vector<Socket> sockets_;
  const Descriptor stop_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  SteadyTime told_{};  // when a refusal was last logged
  std::thread thread_;
};

}  // namespace weir::sidecar
