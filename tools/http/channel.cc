#include "tools/http/channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace weir::http {
namespace {

constexpr std::chrono::milliseconds kLinger{500};
constexpr std::size_t kMostLingered = 4 << 20;

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

std::span<std::uint8_t> as_octets(std::span<char> text) {
  return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Channel::Channel(Descriptor socket, int stop, std::shared_ptr<const TlsContext> tls)
    : socket_(std::move(socket)), stop_(stop) {
  if (!tls) return;
  auto secured = TlsChannel::accepting(std::move(tls), socket_.get());
  if (secured) {
    tls_ = std::move(*secured);
  } else {
    socket_ = Descriptor(-1);  // closed, and not in plain text
  }
}

Channel::Outcome Channel::wait(short events, SteadyTime until) const {
  pollfd waiting[2] = {{socket_.get(), events, 0}, {stop_, POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Outcome::timed_out;
    const int ready = ::poll(waiting, 2, static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000)));
    if (ready < 0 && errno != EINTR) return Outcome::closed;
    if (ready <= 0) continue;
    return waiting[1].revents != 0 ? Outcome::stopping : Outcome::done;
  }
}

Channel::Outcome Channel::wait_for(const TlsChannel::Step& step, SteadyTime until) const {
  if (step.want == TlsChannel::Want::nothing) return Outcome::closed;
  return wait(step.want == TlsChannel::Want::input ? POLLIN : POLLOUT, until);
}

Channel::Outcome Channel::shake_hands(SteadyTime until) {
  while (tls_) {
    const auto step = tls_->shake_hands();
    if (!step) return Outcome::closed;
    if (step->octets > 0) break;
    if (const Outcome waited = wait_for(*step, until); waited != Outcome::done) return waited;
  }
  return Outcome::done;
}

Channel::Outcome Channel::read(std::span<char> out, std::size_t& size, SteadyTime until) {
  for (;;) {
    if (tls_) {
      const auto step = tls_->read(as_octets(out));
      if (!step) return Outcome::closed;
      size = step->octets;
      if (size > 0) return Outcome::done;
      if (const Outcome waited = wait_for(*step, until); waited != Outcome::done) return waited;
      continue;
    }
    const ssize_t got = ::recv(socket_.get(), out.data(), out.size(), 0);
    if (got > 0) {
      size = static_cast<std::size_t>(got);
      return Outcome::done;
    }
    if (got == 0 || (errno != EINTR && !would_block())) return Outcome::closed;
    if (const Outcome waited = wait(POLLIN, until); waited != Outcome::done) return waited;
  }
}

Channel::Outcome Channel::write(std::string_view octets, SteadyTime until) {
  while (!octets.empty()) {
    if (tls_) {
      const auto step = tls_->write({reinterpret_cast<const std::uint8_t*>(octets.data()), octets.size()});
      if (!step) return Outcome::closed;
      octets.remove_prefix(step->octets);
      if (step->octets > 0) continue;
      if (const Outcome waited = wait_for(*step, until); waited != Outcome::done) return waited;
      continue;
    }
    const ssize_t sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      octets.remove_prefix(static_cast<std::size_t>(sent));
    } else if (would_block()) {
      if (const Outcome waited = wait(POLLOUT, until); waited != Outcome::done) return waited;
    } else if (errno != EINTR) {
      return Outcome::closed;
    }
  }
  return Outcome::done;
}

bool Channel::is_there() const {
  pollfd waiting[2] = {{socket_.get(), POLLRDHUP, 0}, {stop_, POLLIN, 0}};
  ::poll(waiting, 2, 0);
  return (waiting[0].revents & (POLLHUP | POLLERR | POLLRDHUP)) == 0 && waiting[1].revents == 0;
}

void Channel::linger() {
  if (!tls_) ::shutdown(socket_.get(), SHUT_WR);
  const SteadyTime until = std::chrono::steady_clock::now() + kLinger;
  std::array<char, 16384> thrown;
  std::size_t total = 0;
  std::size_t size = 0;
  while (total < kMostLingered && read(thrown, size, until) == Outcome::done) total += size;
}

}  // namespace weir::http
