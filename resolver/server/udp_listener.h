// UDP sockets of one worker and the batches that move over them: octets in, octets out, nothing of DNS.
//
// Behind this narrow interface another way to move datagrams (AF_XDP) can come later.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "zones/base/descriptor.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"

namespace weir {

inline constexpr unsigned kBatchSize = 32;            // 64 gains no more
inline constexpr std::size_t kMaxUdpQuery = 1536;     // longer datagrams are not queries: cut, and so malformed
inline constexpr std::size_t kUdpReplyBuffer = 1280;  // at least kServerUdpPayload
inline constexpr int kReceiveBufferBytes = 4 << 20;   // the default 208 KiB lost 0.7 to 1.5 % at 20,000 a second

// One socket. A wildcard one tells of each datagram to which of the machine's addresses it went (IP_PKTINFO).
class UdpSocket {
 public:
  // Binds with SO_REUSEPORT. Errors: busy, permission, invalid (not an address of this host), io.
  static Result<UdpSocket> open(const Endpoint& address);

  int descriptor() const { return descriptor_.get(); }
  bool is_wildcard() const { return wildcard_; }
  const Endpoint& local() const { return local_; }  // with the port that port 0 became
  // Datagrams that the kernel threw away because the socket's buffer was full, since the last call. Asked for now
  // and then: SO_RXQ_OVFL would tell with each datagram, and cost 4 % of a cached answer.
  std::uint64_t take_drops();

 private:
  UdpSocket(Descriptor descriptor, const Endpoint& local, bool wildcard)
      : descriptor_(std::move(descriptor)), local_(local), wildcard_(wildcard) {}
  Descriptor descriptor_;
  Endpoint local_;
  bool wildcard_ = false;
  std::uint32_t drops_ = 0;
};

// The way back to a client: its address, and for a wildcard socket the address of ours that it asked.
struct UdpRoute {
  union {
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
  } peer;
  bool has_source = false;
  union {
    in_pktinfo ipv4;
    in6_pktinfo ipv6;
  } source;

  bool is_ipv6() const { return peer.ipv6.sin6_family == AF_INET6; }
  IpAddress client() const;
  std::uint16_t port() const;
};

// Up to kBatchSize datagrams and their replies; buffers are made once. One thread.
class UdpBatch {
 public:
  UdpBatch();
  ~UdpBatch();
  UdpBatch(const UdpBatch&) = delete;
  UdpBatch& operator=(const UdpBatch&) = delete;

  // Takes what is there without waiting; replaces the batch before. Returns how many.
  // At most `most` (1 to kBatchSize) of them.
  unsigned receive(const UdpSocket& socket, unsigned most = kBatchSize);
  std::span<const std::uint8_t> message(unsigned index) const;
  const UdpRoute& route(unsigned index) const;
  std::span<std::uint8_t> reply_buffer(unsigned index);
  void set_reply(unsigned index, std::size_t size);  // 0: none
  // One sendmmsg for all replies. Returns how many the system did not take.
  unsigned send(const UdpSocket& socket);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

// Answers that were not ready within their batches, of one turn of the loop: they leave together. One thread.
class UdpReplies {
 public:
  UdpReplies();
  ~UdpReplies();
  UdpReplies(const UdpReplies&) = delete;
  UdpReplies& operator=(const UdpReplies&) = delete;

  // Copies both; at most kUdpReplyBuffer octets. Those before are sent where it is full or they leave elsewhere.
  void add(int descriptor, const UdpRoute& route, std::span<const std::uint8_t> message);
  // Returns how many the system did not take since the last call.
  unsigned send();

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace weir
