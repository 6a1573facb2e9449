// The floor under every DNS server on this machine: what it costs to receive a datagram and send one back.
//
//   bench_echo ADDRESS PORT blocking|loop
//
// blocking: one thread in recvmmsg(MSG_WAITFORONE); loop: readiness from Asio, as weir's workers have it.
// Batches of 32, one sendmmsg a turn. It sets QR so that the load generator takes it for an answer. Stops at SIGTERM.
#include <arpa/inet.h>
#include <boost/asio.hpp>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr unsigned kBatch = 32;
constexpr unsigned kBufferSize = 2048;

struct Batch {
  mmsghdr messages[kBatch];
  iovec vectors[kBatch];
  sockaddr_storage peers[kBatch];
  unsigned char buffers[kBatch][kBufferSize];

  void prepare() {
    for (unsigned i = 0; i < kBatch; ++i) {
      vectors[i] = {buffers[i], kBufferSize};
      std::memset(&messages[i], 0, sizeof messages[i]);
      messages[i].msg_hdr.msg_name = &peers[i];
      messages[i].msg_hdr.msg_namelen = sizeof peers[i];
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
  void answer(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      vectors[i].iov_len = messages[i].msg_len;
      if (messages[i].msg_len > 2) buffers[i][2] |= 0x80;
    }
  }
};

int open_socket(const char* address, int port) {
  const int descriptor = socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in bound{};
  bound.sin_family = AF_INET;
  bound.sin_port = htons(static_cast<unsigned short>(port));
  const int size = 4 << 20;
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) {
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  }
  if (inet_pton(AF_INET, address, &bound.sin_addr) != 1 ||
      bind(descriptor, reinterpret_cast<sockaddr*>(&bound), sizeof bound) != 0) {
    std::perror("bench_echo: bind");
    std::exit(6);
  }
  return descriptor;
}

// Receives with `flags` and sends back; returns the number received.
int turn(int descriptor, Batch& batch, int flags) {
  batch.prepare();
  const int received = recvmmsg(descriptor, batch.messages, kBatch, flags, nullptr);
  if (received <= 0) return received;
  batch.answer(static_cast<unsigned>(received));
  for (int sent = 0; sent < received;) {
    const int now = sendmmsg(descriptor, batch.messages + sent, static_cast<unsigned>(received - sent), 0);
    if (now <= 0) break;
    sent += now;
  }
  return received;
}

void run_loop(int descriptor, Batch& batch) {
  boost::asio::io_context context(1);
  boost::asio::ip::udp::socket socket(context, boost::asio::ip::udp::v4(), descriptor);
  socket.non_blocking(true);
  std::function<void()> wait = [&] {
    socket.async_wait(boost::asio::socket_base::wait_read, [&](const boost::system::error_code& error) {
      if (error) return;
      while (turn(descriptor, batch, MSG_DONTWAIT) == static_cast<int>(kBatch)) {
      }
      wait();
    });
  };
  wait();
  context.run();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_echo ADDRESS PORT blocking|loop\n");
    return 2;
  }
  static Batch batch;
  const int descriptor = open_socket(argv[1], std::atoi(argv[2]));
  if (std::string(argv[3]) == "loop") {
    run_loop(descriptor, batch);
  } else {
    while (turn(descriptor, batch, MSG_WAITFORONE) >= 0) {
    }
  }
}
