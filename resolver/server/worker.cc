#include "resolver/server/worker.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <unordered_map>
#include <utility>

#include "resolver/server/loop_clock.h"
#include "resolver/server/packet_path.h"
#include "resolver/server/policy_stage.h"
#include "resolver/server/resolutions.h"
#include "resolver/server/secure_random.h"
#include "resolver/server/udp_listener.h"
#include "resolver/server/upstream.h"
#include "zones/base/thread_rank.h"

namespace weir {
namespace {

using boost::asio::posix::descriptor_base;
using boost::asio::posix::stream_descriptor;
using ErrorValue = boost::system::error_code;

// A turn of the loop ends after so many batches: 2 of 32 at 3 to 5 microseconds leave everything else its turn.
constexpr unsigned kBatchesPerTurn = 2;
constexpr std::chrono::microseconds kLongBatch(300);  // one that took so long, for whatever reason, is the turn's last
// A look-up in a cold store (after a start, or a swap to new files) reads and unpacks three blocks, some 20
// microseconds where a warm one takes 4. So a turn with this many look-ups ends, and the next takes fewer queries at a
// time: 128 cold ones in one turn were measured at 2.3 ms.
constexpr std::uint64_t kColdLookups = 8;
constexpr unsigned kColdBatch = 8;
constexpr unsigned kFewQueries = 2;  // so few cached answers are no long turn
constexpr std::size_t kMaxHandedOver = 4096;
constexpr std::size_t kTcpReplyBuffer = 65535;

class SocketWorker final : public Worker {
 public:
  SocketWorker(WorkerOptions options, const WorkerShared& shared, WorkerMetrics& metrics, DecisionSink& sink)
      : options_(std::move(options)),
        shared_(shared),
        metrics_(metrics),
        sink_(sink),
        loop_(1),
        reader_(shared.generations, options_.index),
        policy_(options_.match_cache_bytes, sink, metrics, shared.special_names, shared.referring_names),
        path_({.allow_clients = options_.allow_clients,
               .cache = options_.cache,
               .answers = options_.answers,
               .cookies = shared.cookies},
              shared.answers, policy_, sink, metrics),
        mailbox_(kMaxHandedOver),
        timer_(loop_),
        second_(loop_),
        tcp_reply_(kTcpReplyBuffer) {}

  ~SocketWorker() override {
    stop();
    for (auto& listener : udp_) listener->readiness.release();  // the socket closes it
    if (mailbox_readiness_) mailbox_readiness_->release();
  }

  Result<void> open() {
    for (const Endpoint& address : options_.listen) {
      auto socket = UdpSocket::open(address);
      if (!socket) return socket.error();
      const int descriptor = socket->descriptor();
      const Endpoint local = socket->local();
      udp_.push_back(std::make_unique<UdpListener>(std::move(*socket), stream_descriptor(loop_, descriptor)));
      auto tcp = TcpListener::open(loop_, address.port == 0 ? local : address, shared_.tcp_quota, metrics_,
                                   [this](std::span<const std::uint8_t> message, const Endpoint& client,
                                          const TcpReply& reply) { serve_tcp(message, client, reply); });
      if (!tcp) return tcp.error();
      tcp_.push_back(std::move(*tcp));
    }
    auto opened = mailbox_.open();
    if (!opened) return opened.error();
    mailbox_readiness_.emplace(loop_, mailbox_.descriptor());
    auto upstream = Upstream::make(loop_, random_, options_.outgoing, options_.max_outstanding,
                                   {.received =
                                        [this](ExchangeId id, const Response& response) {
                                          clock_.measure_turn();
                                          resolutions_->receive(id, response, LoopClock::now());
                                        },
                                    .drained = [this] { pump(); }});
    if (!upstream) return upstream.error();
    upstream_ = std::move(*upstream);
    EngineOptions engine = options_.engine;
    engine.max_exchanges = options_.max_outstanding;
    if (engine.in_flight != nullptr) engine.engine_number = engine.in_flight->enter([this] { wake_engine(); });
    engine.random = [this] { return random_.next(); };
    resolutions_ = Resolutions::make(
        std::move(engine),
        {.cache = options_.cache,
         .answers = shared_.answers,
         .rrsets = shared_.rrsets,
         .servers = shared_.servers,
         .policy = policy_,
         .sink = sink_,
         .metrics = metrics_,
         .send = [this](Exchange exchange) { upstream_->send(std::move(exchange)); },
         .cancel = [this](ExchangeId exchange) { upstream_->cancel(exchange); },
         .arm_timer = [this](std::optional<SteadyTime> at) { arm_timer(at); },
         .reply = [this](const Miss& miss, std::span<const std::uint8_t> message) { reply(miss, message); },
         .max_waiting = options_.answers.max_waiting,
         .drops_when_full = options_.answers.when_full == AnswerConfig::WhenFull::drop,
         .workers = options_.workers,
         .refresh_generation = [this] { refresh_generation(); }});
    peers_ = {this};
    return {};
  }

  void set_peers(std::vector<Worker*> peers) override { peers_ = std::move(peers); }

  void start() override {
    thread_ = std::thread([this] { run(); });
  }

  void stop() override {
    stopping_.store(true, std::memory_order_relaxed);
    boost::asio::post(loop_, [] {});  // comes round and sees it
    if (thread_.joinable()) thread_.join();
  }

  void wake() override {
    boost::asio::post(loop_, [this] { refresh_generation(); });
  }

  std::unique_ptr<Miss> hand_over(std::unique_ptr<Miss> miss) override { return mailbox_.push(std::move(miss)); }

  void run_on_thread(std::function<void(Resolutions&, Now)> task) override {
    boost::asio::post(loop_, [this, task = std::move(task)] {
      clock_.measure_turn();
      task(*resolutions_, LoopClock::now());
      resolutions_->pump(LoopClock::now());
    });
  }

  void answer_tcp(std::uint64_t ticket, std::span<const std::uint8_t> message) override {
    // Always later, never from within a resolution's end: the connection may come back with its next query.
    boost::asio::post(loop_, [this, ticket, octets = std::vector<std::uint8_t>(message.begin(), message.end())] {
      clock_.measure_turn();
      const auto at = tcp_waiting_.find(ticket);
      if (at == tcp_waiting_.end()) return;
      const TcpReply reply = std::move(at->second);
      tcp_waiting_.erase(at);
      if (!octets.empty()) reply.send(octets);
    });
  }

  std::vector<Endpoint> udp_endpoints() const override {
    std::vector<Endpoint> out;
    for (const auto& listener : udp_) out.push_back(listener->socket.local());
    return out;
  }
  std::vector<Endpoint> tcp_endpoints() const override {
    std::vector<Endpoint> out;
    for (const auto& listener : tcp_) out.push_back(listener->local());
    return out;
  }

 private:
  struct UdpListener {
    UdpListener(UdpSocket s, stream_descriptor r) : socket(std::move(s)), readiness(std::move(r)) {}
    UdpSocket socket;
    stream_descriptor readiness;
  };

  // --- the loop ------------------------------------------------------------------------------------------------

  void run() {
    if (options_.cpu) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(static_cast<unsigned>(*options_.cpu), &set);
      pthread_setaffinity_np(pthread_self(), sizeof set, &set);  // a sandbox may forbid it: then it is not pinned
    }
    rank_before_others();
    path_.set_time(LoopClock::now());
    refresh_generation();
    for (auto& listener : udp_) wait_for_queries(*listener);
    wait_for_misses();
    wait_for_second();
    while (!stopping_.load(std::memory_order_relaxed)) {
      if (options_.spin) {
        for (auto& listener : udp_) serve(*listener);
        loop_.poll();
      } else {
        loop_.run_one();
      }
      if (const unsigned lost = late_replies_.send(); lost != 0) metrics_.add(Metric::send_failures, lost);
      metrics_.add(Metric::turns);
      if (const auto took = clock_.end_turn())
        metrics_.raise_to(Metric::longest_turn_us, static_cast<std::uint64_t>(took->count()) / 1000);
    }
    sink_.flush_counters(std::chrono::system_clock::now());
  }

  void wait_for_queries(UdpListener& listener) {
    if (options_.spin) return;
    listener.readiness.async_wait(descriptor_base::wait_read, [this, &listener](const ErrorValue& error) {
      if (error) return;
      serve(listener);
      wait_for_queries(listener);
    });
  }

  void wait_for_misses() {
    mailbox_readiness_->async_wait(descriptor_base::wait_read, [this](const ErrorValue& error) {
      if (error) return;
      clock_.measure_turn();
      const Now now = LoopClock::now();
      Miss* next = mailbox_.take_all();
      while (next != nullptr) {
        std::unique_ptr<Miss> miss(next);
        next = miss->next;
        resolutions_->accept(std::move(miss), now);
      }
      resolutions_->pump(now);
      wait_for_misses();
    });
  }

  void wait_for_second() {
    second_.expires_after(std::chrono::seconds(1));
    second_.async_wait([this](const ErrorValue& error) {
      if (error) return;
      clock_.measure_turn();
      path_.set_time(LoopClock::now());
      refresh_generation();
      sink_.tick(path_.time().wall);
      resolutions_->publish_metrics();
      for (auto& listener : udp_) metrics_.add(Metric::receive_drops, listener->socket.take_drops());
      wait_for_second();
    });
  }

  void refresh_generation() {
    if (!reader_.refresh()) return;
    clock_.measure_turn();
    policy_.set_generation(reader_.get(), std::chrono::system_clock::now());
    batch_limit_ = kColdBatch;
    path_.generation_changed();
  }

  // --- queries in ----------------------------------------------------------------------------------------------

  void serve(UdpListener& listener) {
    const std::uint64_t lookups = policy_.store_lookups();
    for (unsigned i = 0; i < kBatchesPerTurn; ++i) {
      refresh_generation();  // before: the first batch behind a swap is a small one
      const unsigned count = batch_.receive(listener.socket, batch_limit_);
      if (count == 0) break;
      serve_batch(listener.socket, count);
      if (count < batch_limit_) break;  // drained
      if (policy_.store_lookups() - lookups >= kColdLookups) break;
      if (std::chrono::steady_clock::now() - path_.time().steady >= kLongBatch) break;
    }
    batch_limit_ = policy_.store_lookups() - lookups >= kColdLookups ? kColdBatch : kBatchSize;
    if (std::exchange(missed_, false)) resolutions_->pump(path_.time());
  }

  void serve_batch(const UdpSocket& socket, unsigned count) {
    if (count > kFewQueries) clock_.measure_turn();
    path_.set_time(LoopClock::now());
    for (unsigned i = 0; i < count; ++i) {
      asked_[i].client = batch_.route(i).client();
      path_.prepare(asked_[i], batch_.message(i));
    }
    for (unsigned i = 0; i < count; ++i) path_.locate(asked_[i]);
    for (unsigned i = 0; i < count; ++i) {
      const std::span<std::uint8_t> out = batch_.reply_buffer(i).first(asked_[i].parsed.query.udp_payload_size);
      auto size = path_.answer(asked_[i], out);
      if (!size) {
        auto miss = std::make_unique<Miss>();
        miss->descriptor = socket.descriptor();
        miss->route = batch_.route(i);
        size = resolve(asked_[i], std::move(miss), out);
      }
      batch_.set_reply(i, *size);
    }
    metrics_.add(Metric::queries_udp, count);
    const unsigned lost = batch_.send(socket);
    if (lost != 0) metrics_.add(Metric::send_failures, lost);
    // The clients have their answers.
    for (unsigned i = 0; i < count; ++i) {
      if (asked_[i].refresh) refresh(asked_[i]);
    }
  }

  void serve_tcp(std::span<const std::uint8_t> message, const Endpoint& client, const TcpReply& reply) {
    clock_.measure_turn();
    path_.set_time(LoopClock::now());
    refresh_generation();
    metrics_.add(Metric::queries_tcp);
    AskedQuery asked;
    asked.transport = Transport::tcp;
    const TcpLimits& limits = shared_.tcp_quota->limits();
    asked.tcp_idle = shared_.tcp_quota->nearly_full() ? limits.idle_when_full : limits.idle;
    asked.client = client.address;
    path_.prepare(asked, message);
    path_.locate(asked);
    auto size = path_.answer(asked, tcp_reply_);
    if (!size) {
      auto miss = std::make_unique<Miss>();
      miss->ticket = ++last_ticket_;
      tcp_waiting_.emplace(last_ticket_, reply);
      size = resolve(asked, std::move(miss), tcp_reply_);
    }
    if (*size != 0) reply.send(std::span(tcp_reply_).first(*size));
    if (asked.refresh) refresh(asked);
    if (std::exchange(missed_, false)) pump();
  }

  // --- what the engine has to resolve ----------------------------------------------------------------------------

  // Where it cannot be handed over it waits for its next query.
  void refresh(const AskedQuery& asked) { (void)resolve(asked, std::make_unique<Miss>(), {}); }

  // To the worker that owns the question; `miss` knows the way back alone. The size of a reply that is ready now after
  // all; 0: none.
  std::size_t resolve(const AskedQuery& asked, std::unique_ptr<Miss> miss, std::span<std::uint8_t> out) {
    const Query& query = asked.parsed.query;
    path_.fill(*miss, asked);
    miss->worker = options_.index;
    const std::uint64_t owner = (query.qname_hash >> 17) + static_cast<std::uint64_t>(query.type);
    Worker* worker = peers_[owner % peers_.size()];
    if (worker == this) {
      resolutions_->accept(std::move(miss), path_.time());
      missed_ = true;
      return 0;
    }
    metrics_.add(Metric::handed_over);
    const auto returned = worker->hand_over(std::move(miss));
    if (returned == nullptr) return 0;
    tcp_waiting_.erase(returned->ticket);
    if (asked.refresh) return 0;
    return path_.overloaded(asked, out);
  }

  void pump() {
    clock_.measure_turn();
    resolutions_->pump(LoopClock::now());
  }

  // Sends what a resolution has answered, at the end of this turn; an empty message: none is sent, but a TCP connection
  // learns that this query is over.
  void reply(const Miss& miss, std::span<const std::uint8_t> message) {
    if (miss.transport == Transport::tcp) return peers_[miss.worker]->answer_tcp(miss.ticket, message);
    if (!message.empty()) late_replies_.add(miss.descriptor, miss.route, message);
  }

  // Any thread.
  void wake_engine() {
    if (engine_woken_.exchange(true)) return;
    boost::asio::post(loop_, [this] {
      engine_woken_.store(false);
      clock_.measure_turn();
      resolutions_->wake(LoopClock::now());
    });
  }

  void arm_timer(std::optional<SteadyTime> at) {
    if (!at) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(*at);
    timer_.async_wait([this](const ErrorValue& error) {
      if (error) return;
      clock_.measure_turn();
      resolutions_->timeout(LoopClock::now());
    });
  }

  const WorkerOptions options_;
  const WorkerShared shared_;
  WorkerMetrics& metrics_;
  DecisionSink& sink_;
  boost::asio::io_context loop_;
  GenerationReader reader_;
  PolicyStage policy_;
  PacketPath path_;
  Mailbox mailbox_;
  std::vector<Worker*> peers_;
  std::vector<std::unique_ptr<UdpListener>> udp_;
  std::vector<std::unique_ptr<TcpListener>> tcp_;
  std::optional<stream_descriptor> mailbox_readiness_;
  boost::asio::steady_timer timer_;  // of the engine
  boost::asio::steady_timer second_;
  SecureRandom random_;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<Resolutions> resolutions_;

  LoopClock clock_;
  UdpBatch batch_;
  UdpReplies late_replies_;
  std::array<AskedQuery, kBatchSize> asked_;
  std::vector<std::uint8_t> tcp_reply_;
  std::unordered_map<std::uint64_t, TcpReply> tcp_waiting_;
  std::uint64_t last_ticket_ = 0;
  unsigned batch_limit_ = kBatchSize;
  bool missed_ = false;  // something was handed to our own engine in this turn

  std::atomic<bool> engine_woken_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Worker>> Worker::make(WorkerOptions options, const WorkerShared& shared, WorkerMetrics& metrics,
                                             DecisionSink& sink) {
  auto worker = std::make_unique<SocketWorker>(std::move(options), shared, metrics, sink);
  auto opened = worker->open();
  if (!opened) return opened.error();
  return std::unique_ptr<Worker>(std::move(worker));
}

}  // namespace weir
