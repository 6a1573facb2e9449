// Octets to and from one client, plain or over TLS, each step against a deadline. One thread.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "tools/support/tls.h"
#include "zones/base/descriptor.h"
#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::http {

class Channel {
 public:
  enum class Outcome : std::uint8_t { done, closed, timed_out, stopping };

  // `socket` does not block. `stop` is readable once the server ends. `tls`: none for plain HTTP.
  Channel(Descriptor socket, int stop, std::shared_ptr<const TlsContext> tls);

  Outcome shake_hands(SteadyTime until);  // at once where it is plain
  // At least one octet, `size` of them.
  Outcome read(std::span<char> out, std::size_t& size, SteadyTime until);
  Outcome write(std::string_view octets, SteadyTime until);
  // False once the client has closed its side, or the server ends.
  bool is_there() const;
  // Says that nothing more comes, and throws away what the client still sends, for a moment: a socket that is closed
  // with octets unread takes the last response with it.
  void linger();

 private:
  Outcome wait(short events, SteadyTime until) const;
  Outcome wait_for(const TlsChannel::Step& step, SteadyTime until) const;

  Descriptor socket_;
  const int stop_;
  std::unique_ptr<TlsChannel> tls_;  // over socket_, which it goes before
};

}  // namespace weir::http
