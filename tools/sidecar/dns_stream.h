// DNS messages over TCP (RFC 7766) or TLS (RFC 7858, 9103) with one peer: written and read against a deadline.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/support/tls.h"
#include "zones/base/descriptor.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::sidecar {

inline constexpr std::chrono::seconds kConnectPatience{10};
inline constexpr std::chrono::seconds kMessagePatience{15};  // for the next message, from its first octet to its last

// One thread. Errors of all: unavailable (refused, closed, told to stop), timed_out; each names the server.
class DnsStream {
 public:
  // `stop` set by somebody ends every call within a second; it outlives the stream.
  static Result<DnsStream> connect(const Endpoint& server, SteadyTime deadline, const std::atomic<bool>& stop);

  // A connection that `peer` made to us.
  static DnsStream accepted(Descriptor socket, const Endpoint& peer, SteadyTime deadline,
                            const std::atomic<bool>& stop) {
    return {std::move(socket), peer, deadline, stop};
  }

  // From here on over TLS: as who has asked (the certificate must be for `name`, or for the peer's address), or as who
  // was asked.
  Result<void> secure(std::shared_ptr<const TlsContext> context, const std::string& name);
  Result<void> secure_accepted(std::shared_ptr<const TlsContext> context);

  Result<void> send(std::span<const std::uint8_t> message);
  Result<std::vector<std::uint8_t>> receive();
  std::uint64_t received_bytes() const { return received_bytes_; }

 private:
  DnsStream(Descriptor socket, const Endpoint& server, SteadyTime deadline, const std::atomic<bool>& stop)
      : socket_(std::move(socket)),
        peer_(server.address),
        server_(server.to_text()),
        deadline_(deadline),
        stop_(&stop) {}
  Result<void> wait(short events, SteadyTime until, const char* what) const;
  Result<void> read_exactly(std::uint8_t* out, std::size_t size, SteadyTime until);
  // One step of each; 0 octets: not now, and what it waits for has come.
  Result<std::size_t> read_some_of(std::span<std::uint8_t> out, SteadyTime until);
  Result<std::size_t> write_some_of(std::span<const std::uint8_t> octets, SteadyTime until);
  Result<void> shake_hands();
  Result<void> wait_for(TlsChannel::Want want, SteadyTime until, const char* what) const;
  Error about_peer(Error error) const;

  Descriptor socket_;
  std::unique_ptr<TlsChannel> tls_;  // over socket_, which it goes before
  IpAddress peer_;
  std::string server_;
  SteadyTime deadline_;
  const std::atomic<bool>* stop_;
  std::uint64_t received_bytes_ = 0;
};

}  // namespace weir::sidecar
