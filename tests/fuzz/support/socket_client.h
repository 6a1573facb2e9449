// A client of a server under test that runs on a thread of its own: sends octets in pieces, takes all that comes back.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.h"

namespace weir::fuzz {

class SocketClient {
 public:
  SocketClient(int family, const sockaddr* address, socklen_t size)
      : descriptor_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    require(descriptor_ >= 0, "no socket is left");
    const bool connected = ::connect(descriptor_, address, size) == 0 || (errno == EINTR && wait_for(POLLOUT));
    require(connected, "the server takes no connection");
    // Gone at once when it is closed: a run makes more connections than there are ports to wait with.
    const linger reset{.l_onoff = 1, .l_linger = 0};
    (void)::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  SocketClient(const SocketClient&) = delete;
  SocketClient& operator=(const SocketClient&) = delete;
  ~SocketClient() { ::close(descriptor_); }

  // What does not fit, because the server reads no more or has closed, is left.
  void send(std::string_view text) const {
    while (!text.empty()) {
      if (!wait_for(POLLOUT)) return;
      const ssize_t sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Everything until the server closes; it has to, because this side is finished.
  std::string finish() const {
    (void)::shutdown(descriptor_, SHUT_WR);
    std::string out;
    for (;;) {
      require(wait_for(POLLIN), "the server neither answers nor closes");
      char buffer[16 * 1024];
      const ssize_t size = ::recv(descriptor_, buffer, sizeof buffer, MSG_DONTWAIT);
      if (size <= 0) return out;
      out.append(buffer, static_cast<std::size_t>(size));
    }
  }

 private:
  static constexpr int kPatienceMs = 15'000;

  bool wait_for(short event) const {
    pollfd ready{descriptor_, event, 0};
    for (;;) {
      const int count = ::poll(&ready, 1, kPatienceMs);
      if (count >= 0 || errno != EINTR) return count == 1;  // libFuzzer looks at its clock by a signal
    }
  }

  int descriptor_;
};

}  // namespace weir::fuzz
