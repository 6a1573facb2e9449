// The load generator: spins on its core (a client that sleeps costs the server an interrupt an answer), open loop at a
// fixed rate or closed loop with a window, every answer checked, latency counted from the moment a query was due.
//
//   bench_load --server ADDRESS:PORT --names FILE [--rate N | --window N] --seconds S [--sockets N] [--expect KIND]
//              [--warmup] [--edns | --dnssec] [--once]
//
// FILE: one name a line. KIND: echo (any answer with our question), answer (NOERROR with an A record), secure (that,
// and AD), blocked (0.0.0.0, an empty NOERROR or NXDOMAIN), any. --dnssec sends EDNS with DO. --warmup asks every name
// once, slowly, and retries until each was answered. --once asks each name once, with the window, and ends then.
// Prints one JSON object. Bounded by --seconds; exits 1 when an answer was wrong.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned kBatch = 32;
constexpr std::size_t kBufferSize = 2048;

struct Options {
  std::string server, names, expect = "answer";
  double rate = 0;
  unsigned window = 64;
  double seconds = 5;
  unsigned sockets = 4;
  bool warmup = false;
  bool edns = false;
  bool dnssec = false;
  bool once = false;
};

struct Outstanding {
  std::uint32_t name = 0;
  Clock::time_point due;
  bool used = false;
};

struct Socket {
  int descriptor = -1;
  std::vector<Outstanding> slots = std::vector<Outstanding>(65536);
  std::uint16_t next_id = 0;
};

std::vector<unsigned char> encode_query(const std::string& name, bool edns, bool dnssec) {
  std::vector<unsigned char> out = {0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, static_cast<unsigned char>(edns ? 1 : 0)};
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    out.push_back(static_cast<unsigned char>(dot - at));
    out.insert(out.end(), name.begin() + static_cast<long>(at), name.begin() + static_cast<long>(dot));
    at = dot + 1;
  }
  out.insert(out.end(), {0, 0, 1, 0, 1});
  const auto flags = static_cast<unsigned char>(dnssec ? 0x80 : 0);
  if (edns) out.insert(out.end(), {0, 0, 41, 0x04, 0xD0, 0, 0, flags, 0, 0, 0});
  return out;
}

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)) {
    read_names();
    open_sockets();
    for (unsigned i = 0; i < kBatch; ++i) vectors_[i] = {buffers_[i], kBufferSize};
  }

  int run() {
    if (options_.warmup && !warm_up()) {
      std::fprintf(stderr, "bench_load: warm-up: some names were never answered as expected\n");
      return 1;
    }
    const auto start = Clock::now();
    const auto end =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options_.seconds));
    sent_ = received_ = wrong_ = 0;
    latencies_.clear();
    latencies_.reserve(1 << 22);
    if (options_.rate > 0) {
      open_loop(start, end);
    } else {
      closed_loop(end, options_.once ? queries_.size() : UINT64_MAX);
    }
    const auto stop = Clock::now();
    // What is under way may still come: up to a second, or until nothing is missing.
    while (received_ + wrong_ < sent_ && Clock::now() < stop + std::chrono::seconds(1)) receive_all();
    report(std::chrono::duration<double>(stop - start).count());
    return wrong_ == 0 ? 0 : 1;
  }

 private:
  void read_names() {
    std::ifstream file(options_.names);
    for (std::string line; std::getline(file, line);) {
      if (!line.empty()) queries_.push_back(encode_query(line, options_.edns, options_.dnssec));
    }
    if (queries_.empty()) {
      std::fprintf(stderr, "bench_load: %s: no names\n", options_.names.c_str());
      std::exit(2);
    }
  }

  void open_sockets() {
    const auto colon = options_.server.rfind(':');
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(static_cast<unsigned short>(std::atoi(options_.server.c_str() + colon + 1)));
    if (colon == std::string::npos ||
        inet_pton(AF_INET, options_.server.substr(0, colon).c_str(), &peer.sin_addr) != 1) {
      std::fprintf(stderr, "bench_load: --server must be ADDRESS:PORT\n");
      std::exit(2);
    }
    sockets_.resize(options_.sockets);
    for (Socket& entry : sockets_) {
      entry.descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      const int size = 8 << 20;
      if (setsockopt(entry.descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) {
        setsockopt(entry.descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
      }
      if (connect(entry.descriptor, reinterpret_cast<sockaddr*>(&peer), sizeof peer) != 0) {
        std::perror("bench_load: connect");
        std::exit(6);
      }
    }
  }

  // Sends the query for `name` on `target`, due at `due`. False: the socket takes no more now.
  bool send_one(Socket& target, std::uint32_t name, Clock::time_point due) {
    std::uint16_t id = target.next_id++;
    for (unsigned tries = 0; target.slots[id].used && tries < 65535; ++tries) id = target.next_id++;
    target.slots[id] = {name, due, true};
    std::vector<unsigned char>& query = queries_[name];
    query[0] = static_cast<unsigned char>(id >> 8);
    query[1] = static_cast<unsigned char>(id);
    if (send(target.descriptor, query.data(), query.size(), 0) < 0) {
      target.slots[id].used = false;
      return false;
    }
    ++sent_;
    return true;
  }

  std::uint32_t next_name() {
    if (options_.once) return next_in_order_++ % static_cast<std::uint32_t>(queries_.size());
    // A fixed linear congruence: every run asks the same names in the same order.
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>((state_ >> 33) % queries_.size());
  }

  void open_loop(Clock::time_point start, Clock::time_point end) {
    const double interval_ns = 1e9 / options_.rate;
    std::uint64_t number = 0;
    while (true) {
      const auto now = Clock::now();
      if (now >= end) return;
      const auto due_count = static_cast<std::uint64_t>(static_cast<double>((now - start).count()) / interval_ns);
      for (unsigned burst = 0; number < due_count && burst < kBatch; ++number, ++burst) {
        const auto due =
            start + std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(number) * interval_ns));
        while (!send_one(sockets_[number % sockets_.size()], next_name(), due)) receive_all();
      }
      receive_all();
    }
  }

  void closed_loop(Clock::time_point end, std::uint64_t most) {
    std::uint64_t number = 0;
    while (true) {
      const auto now = Clock::now();
      if (now >= end || received_ + wrong_ + forgotten_ >= most) return;
      // A lost query must not shrink the window for ever.
      if (number % 1024 == 0) forgotten_ = expired(now);
      while (number < most && sent_ - received_ - wrong_ - forgotten_ < options_.window) {
        if (!send_one(sockets_[number % sockets_.size()], next_name(), now)) break;
        ++number;
      }
      receive_all();
    }
  }

  std::uint64_t expired(Clock::time_point now) const {
    std::uint64_t count = 0;
    for (const Socket& entry : sockets_) {
      for (const Outstanding& slot : entry.slots)
        count += slot.used && now - slot.due > std::chrono::seconds(1) ? 1 : 0;
    }
    return count;
  }

  void receive_all() {
    for (Socket& entry : sockets_) {
      for (unsigned i = 0; i < kBatch; ++i) {
        std::memset(&messages_[i], 0, sizeof messages_[i]);
        messages_[i].msg_hdr.msg_iov = &vectors_[i];
        messages_[i].msg_hdr.msg_iovlen = 1;
      }
      const int count = recvmmsg(entry.descriptor, messages_, kBatch, MSG_DONTWAIT, nullptr);
      const auto now = Clock::now();
      for (int i = 0; i < count; ++i) take(entry, buffers_[i], messages_[i].msg_len, now);
    }
  }

  void take(Socket& from, const unsigned char* message, std::size_t size, Clock::time_point now) {
    if (size < 12) return void(++wrong_);
    Outstanding& slot = from.slots[static_cast<std::size_t>(message[0] << 8 | message[1])];
    if (!slot.used) return void(++unexpected_);
    slot.used = false;
    if (!is_expected(message, size, queries_[slot.name])) {
      if (wrong_++ == 0)
        first_wrong_ =
            "rcode " + std::to_string(message[3] & 15) + ", answers " + std::to_string(message[6] << 8 | message[7]);
      return;
    }
    if (!answered_.empty()) answered_[slot.name] = true;
    ++received_;
    latencies_.push_back(
        static_cast<std::uint32_t>(std::min<std::int64_t>((now - slot.due).count() / 100, UINT32_MAX)));
  }

  bool is_expected(const unsigned char* message, std::size_t size, const std::vector<unsigned char>& query) const {
    const std::size_t question_end = query.size() - (options_.edns ? 11 : 0);
    if ((message[2] & 0x80) == 0 || size < question_end ||
        std::memcmp(message + 12, query.data() + 12, question_end - 12) != 0)
      return false;
    const unsigned rcode = message[3] & 15;
    const unsigned answers = static_cast<unsigned>(message[6] << 8 | message[7]);
    if (options_.expect == "answer") return rcode == 0 && answers > 0;
    if (options_.expect == "secure") return rcode == 0 && answers > 0 && (message[3] & 0x20) != 0;
    if (options_.expect == "blocked") {
      if (answers == 0) return rcode == 0 || rcode == 3;
      return rcode == 0 && size >= question_end + 16 && std::memcmp(message + question_end + 12, "\0\0\0\0", 4) == 0;
    }
    return true;
  }

  bool warm_up() {
    answered_.assign(queries_.size(), false);
    for (unsigned round = 0; round < 10; ++round) {
      for (std::uint32_t name = 0; name < queries_.size(); ++name) {
        if (answered_[name]) continue;
        while (sent_ - received_ - wrong_ > 32 && !stalled()) receive_all();
        send_one(sockets_[name % sockets_.size()], name, Clock::now());
        last_send_ = Clock::now();
      }
      while (sent_ > received_ + wrong_ && !stalled()) receive_all();
      for (Socket& entry : sockets_) {
        for (Outstanding& slot : entry.slots) slot.used = false;
      }
      sent_ = received_ + wrong_;
      if (std::all_of(answered_.begin(), answered_.end(), [](bool answered) { return answered; })) {
        answered_.clear();
        return true;
      }
    }
    return false;
  }
  bool stalled() const { return Clock::now() - last_send_ > std::chrono::seconds(3); }

  void report(double seconds) {
    std::sort(latencies_.begin(), latencies_.end());
    const auto at = [&](double share) {
      if (latencies_.empty()) return 0.0;
      return latencies_[std::min(latencies_.size() - 1,
                                 static_cast<std::size_t>(share * static_cast<double>(latencies_.size())))] /
             10.0;
    };
    std::printf(
        "{\"seconds\": %.3f, \"sent\": %llu, \"received\": %llu, \"lost\": %llu, \"wrong\": %llu, \"unexpected\": "
        "%llu, \"rate\": %.0f, "
        "\"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f, \"first_wrong\": \"%s\"}\n",
        seconds, static_cast<unsigned long long>(sent_), static_cast<unsigned long long>(received_),
        static_cast<unsigned long long>(sent_ - received_ - wrong_), static_cast<unsigned long long>(wrong_),
        static_cast<unsigned long long>(unexpected_), static_cast<double>(received_) / seconds, at(0.5), at(0.99),
        at(0.999), at(1.0), first_wrong_.c_str());
  }

  Options options_;
  std::vector<std::vector<unsigned char>> queries_;
  std::vector<Socket> sockets_;
  std::vector<bool> answered_;
  std::vector<std::uint32_t> latencies_;  // in units of 100 ns
  std::uint64_t sent_ = 0, received_ = 0, wrong_ = 0, unexpected_ = 0, forgotten_ = 0;
  std::uint64_t state_ = 1;
  std::uint32_t next_in_order_ = 0;
  Clock::time_point last_send_ = Clock::now();
  std::string first_wrong_;
  mmsghdr messages_[kBatch];
  iovec vectors_[kBatch];
  unsigned char buffers_[kBatch][kBufferSize];
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= argc) std::exit(2);
      return argv[++i];
    };
    if (option == "--server")
      options.server = value();
    else if (option == "--names")
      options.names = value();
    else if (option == "--rate")
      options.rate = std::stod(value());
    else if (option == "--window")
      options.window = static_cast<unsigned>(std::stoul(value()));
    else if (option == "--seconds")
      options.seconds = std::stod(value());
    else if (option == "--sockets")
      options.sockets = static_cast<unsigned>(std::stoul(value()));
    else if (option == "--expect")
      options.expect = value();
    else if (option == "--warmup")
      options.warmup = true;
    else if (option == "--edns")
      options.edns = true;
    else if (option == "--dnssec")
      options.edns = options.dnssec = true;
    else if (option == "--once")
      options.once = true;
    else {
      std::fprintf(stderr, "bench_load: unknown option %s\n", option.c_str());
      return 2;
    }
  }
  static Load load(options);
  return load.run();
}
