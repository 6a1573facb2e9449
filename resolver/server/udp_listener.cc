#include "resolver/server/udp_listener.h"

#include <linux/sock_diag.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "resolver/server/socket_address.h"

namespace weir {
namespace {

constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(in6_pktinfo));

Error socket_error(const Endpoint& address, const char* what) {
  const int error = errno;
  ErrorCode code = ErrorCode::io;
  std::string why = std::strerror(error);
  if (error == EADDRINUSE) {
    code = ErrorCode::busy;
    why = "the port is in use by another program";
  } else if (error == EACCES || error == EPERM) {
    code = ErrorCode::permission;
  } else if (error == EADDRNOTAVAIL) {
    code = ErrorCode::invalid;
    why = "this is not an address of this machine";
  }
  return {code, std::string("cannot ") + what + " " + address.to_text() + " (UDP): " + why};
}

void set_option(int descriptor, int level, int name, int value) {
  setsockopt(descriptor, level, name, &value, sizeof value);
}

socklen_t peer_size(const UdpRoute& route) {
  return route.is_ipv6() ? sizeof route.peer.ipv6 : sizeof route.peer.ipv4;
}

// Reads which of our addresses was asked.
void read_control(msghdr& message, UdpRoute& route) {
  for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr; item = CMSG_NXTHDR(&message, item)) {
    if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
      std::memcpy(&route.source.ipv4, CMSG_DATA(item), sizeof route.source.ipv4);
      // ipi_addr is where it was sent; a reply is sent from ipi_spec_dst.
      route.source.ipv4.ipi_spec_dst = route.source.ipv4.ipi_addr;
      route.source.ipv4.ipi_ifindex = 0;
      route.has_source = true;
    } else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
      std::memcpy(&route.source.ipv6, CMSG_DATA(item), sizeof route.source.ipv6);
      if (!IN6_IS_ADDR_LINKLOCAL(&route.source.ipv6.ipi6_addr)) route.source.ipv6.ipi6_ifindex = 0;
      route.has_source = true;
    }
  }
}

// Our address of the reply, into `control` of kControlSize octets.
void write_control(msghdr& message, const UdpRoute& route, std::uint8_t* control) {
  if (!route.has_source) {
    message.msg_control = nullptr;
    message.msg_controllen = 0;
    return;
  }
  message.msg_control = control;
  const std::size_t size = route.is_ipv6() ? sizeof(in6_pktinfo) : sizeof(in_pktinfo);
  message.msg_controllen = CMSG_SPACE(size);
  cmsghdr* item = CMSG_FIRSTHDR(&message);
  item->cmsg_level = route.is_ipv6() ? IPPROTO_IPV6 : IPPROTO_IP;
  item->cmsg_type = route.is_ipv6() ? IPV6_PKTINFO : IP_PKTINFO;
  item->cmsg_len = CMSG_LEN(size);
  std::memcpy(CMSG_DATA(item), &route.source, size);
}

void address_reply(msghdr& header, iovec& vector, std::span<std::uint8_t> octets, UdpRoute& route,
                   std::uint8_t* control) {
  vector = {octets.data(), octets.size()};
  header.msg_name = &route.peer;
  header.msg_namelen = peer_size(route);
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  write_control(header, route, control);
}

// Returns how many the system did not take.
unsigned send_all(int descriptor, std::span<mmsghdr> messages) {
  // A lone answer, as at some 20,000 a second: the system has less to copy.
  if (messages.size() == 1 && messages[0].msg_hdr.msg_control == nullptr) {
    const msghdr& header = messages[0].msg_hdr;
    const iovec& octets = *header.msg_iov;
    const ssize_t sent = ::sendto(descriptor, octets.iov_base, octets.iov_len, MSG_DONTWAIT,
                                  static_cast<const sockaddr*>(header.msg_name), header.msg_namelen);
    if (sent >= 0) return 0;
    if (errno != EINTR) return 1;
  }
  unsigned lost = 0;
  unsigned at = 0;
  while (at < messages.size()) {
    const int sent =
        ::sendmmsg(descriptor, messages.data() + at, static_cast<unsigned>(messages.size()) - at, MSG_DONTWAIT);
    if (sent > 0) {
      at += static_cast<unsigned>(sent);
      continue;
    }
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
      lost += static_cast<unsigned>(messages.size()) -
              at;  // the socket's buffer is full: clients ask again, waiting would stall the others
      break;
    }
    ++lost;  // this one cannot be sent (port 0, a firewall's refusal): the others can
    ++at;
  }
  return lost;
}

}  // namespace

Result<UdpSocket> UdpSocket::open(const Endpoint& address) {
  const bool ipv6 = address.address.family == AddressFamily::ipv6;
  const int descriptor = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return socket_error(address, "open a socket for");
  UdpSocket socket(Descriptor{descriptor}, address, address.address.is_unspecified());
  set_option(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
  if (ipv6) set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (socket.wildcard_) {
    set_option(descriptor, ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, ipv6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1);
  }
  // FORCE needs CAP_NET_ADMIN; without it net.core.rmem_max is the bound.
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof kReceiveBufferBytes) != 0)
    set_option(descriptor, SOL_SOCKET, SO_RCVBUF, kReceiveBufferBytes);
  UdpRoute bound;
  const socklen_t size = to_sockaddr(address, bound.peer.ipv6);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&bound.peer), size) != 0)
    return socket_error(address, "listen on");
  if (address.port == 0) {
    socklen_t length = size;
    if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound.peer), &length) == 0)
      socket.local_.port = bound.port();
  }
  return socket;
}

std::uint64_t UdpSocket::take_drops() {
  std::uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof memory;
  if (getsockopt(descriptor(), SOL_SOCKET, SO_MEMINFO, memory, &size) != 0) return 0;
  return memory[SK_MEMINFO_DROPS] - std::exchange(drops_, memory[SK_MEMINFO_DROPS]);
}

IpAddress UdpRoute::client() const {
  IpAddress address;
  if (is_ipv6()) {
    address.family = AddressFamily::ipv6;
    std::memcpy(address.octets.data(), &peer.ipv6.sin6_addr, 16);
  } else {
    std::memcpy(address.octets.data(), &peer.ipv4.sin_addr, 4);
  }
  return address;
}

std::uint16_t UdpRoute::port() const {
  return ntohs(is_ipv6() ? peer.ipv6.sin6_port : peer.ipv4.sin_port);
}

struct UdpBatch::Buffers {
  std::array<mmsghdr, kBatchSize> received{};
  std::array<mmsghdr, kBatchSize> sent{};
  std::array<iovec, kBatchSize> receive_vectors{};
  std::array<iovec, kBatchSize> send_vectors{};
  std::array<UdpRoute, kBatchSize> routes{};
  std::array<std::size_t, kBatchSize> sizes{};
  std::array<std::size_t, kBatchSize> reply_sizes{};
  alignas(64) std::array<std::array<std::uint8_t, kMaxUdpQuery>, kBatchSize> queries;
  alignas(64) std::array<std::array<std::uint8_t, kUdpReplyBuffer>, kBatchSize> replies;
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlSize>, kBatchSize> control;
  unsigned count = 0;
};

UdpBatch::UdpBatch() : buffers_(std::make_unique<Buffers>()) {
  for (unsigned i = 0; i < kBatchSize; ++i) {
    buffers_->receive_vectors[i] = {buffers_->queries[i].data(), kMaxUdpQuery};
    msghdr& header = buffers_->received[i].msg_hdr;
    header.msg_name = &buffers_->routes[i].peer;
    header.msg_iov = &buffers_->receive_vectors[i];
    header.msg_iovlen = 1;
  }
}

UdpBatch::~UdpBatch() = default;

unsigned UdpBatch::receive(const UdpSocket& socket, unsigned most) {
  Buffers& b = *buffers_;
  for (unsigned i = 0; i < most; ++i) {
    msghdr& header = b.received[i].msg_hdr;
    header.msg_namelen = sizeof(UdpRoute::peer);
    header.msg_control = socket.is_wildcard() ? b.control[i].data() : nullptr;
    header.msg_controllen = socket.is_wildcard() ? kControlSize : 0;
  }
  const int got = ::recvmmsg(socket.descriptor(), b.received.data(), most, MSG_DONTWAIT, nullptr);
  b.count = got > 0 ? static_cast<unsigned>(got) : 0;
  for (unsigned i = 0; i < b.count; ++i) {
    b.sizes[i] = b.received[i].msg_len;
    b.reply_sizes[i] = 0;
    b.routes[i].has_source = false;
    msghdr& header = b.received[i].msg_hdr;
    if (header.msg_controllen != 0) read_control(header, b.routes[i]);
  }
  return b.count;
}

std::span<const std::uint8_t> UdpBatch::message(unsigned index) const {
  return {buffers_->queries[index].data(), buffers_->sizes[index]};
}
const UdpRoute& UdpBatch::route(unsigned index) const {
  return buffers_->routes[index];
}
std::span<std::uint8_t> UdpBatch::reply_buffer(unsigned index) {
  return buffers_->replies[index];
}
void UdpBatch::set_reply(unsigned index, std::size_t size) {
  buffers_->reply_sizes[index] = size;
}

unsigned UdpBatch::send(const UdpSocket& socket) {
  Buffers& b = *buffers_;
  unsigned count = 0;
  for (unsigned i = 0; i < b.count; ++i) {
    if (b.reply_sizes[i] == 0) continue;
    address_reply(b.sent[count].msg_hdr, b.send_vectors[count], {b.replies[i].data(), b.reply_sizes[i]}, b.routes[i],
                  b.control[i].data());
    ++count;
  }
  return send_all(socket.descriptor(), std::span(b.sent).first(count));
}

struct UdpReplies::Buffers {
  std::array<mmsghdr, kBatchSize> sent{};
  std::array<iovec, kBatchSize> vectors{};
  std::array<UdpRoute, kBatchSize> routes{};
  alignas(64) std::array<std::array<std::uint8_t, kUdpReplyBuffer>, kBatchSize> replies;
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlSize>, kBatchSize> control;
  int descriptor = -1;
  unsigned count = 0;
  unsigned lost = 0;
};

UdpReplies::UdpReplies() : buffers_(std::make_unique<Buffers>()) {}

UdpReplies::~UdpReplies() = default;

void UdpReplies::add(int descriptor, const UdpRoute& route, std::span<const std::uint8_t> message) {
  Buffers& b = *buffers_;
  if (b.count == kBatchSize || (b.count != 0 && b.descriptor != descriptor)) {
    b.lost += send_all(b.descriptor, std::span(b.sent).first(std::exchange(b.count, 0)));
  }
  const unsigned at = b.count++;
  b.descriptor = descriptor;
  b.routes[at] = route;
  const std::size_t size = std::min(message.size(), kUdpReplyBuffer);
  std::copy_n(message.begin(), size, b.replies[at].begin());
  address_reply(b.sent[at].msg_hdr, b.vectors[at], {b.replies[at].data(), size}, b.routes[at], b.control[at].data());
}

unsigned UdpReplies::send() {
  Buffers& b = *buffers_;
  if (b.count != 0) b.lost += send_all(b.descriptor, std::span(b.sent).first(std::exchange(b.count, 0)));
  return std::exchange(b.lost, 0);
}

}  // namespace weir
