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

#include "resolver/server/access.h"
#include "resolver/server/answer_builder.h"
#include "resolver/server/local_names.h"
#include "resolver/server/loop_clock.h"
#include "resolver/server/policy_stage.h"
#include "resolver/server/resolutions.h"
#include "resolver/server/udp_listener.h"
#include "resolver/wire/reply.h"

namespace weir {
namespace {

using boost::asio::posix::descriptor_base;
using boost::asio::posix::stream_descriptor;
using ErrorValue = boost::system::error_code;

// A turn of the loop ends after so many batches: 2 of 32 at 3 to 5 microseconds leave everything else its turn.
constexpr unsigned kBatchesPerTurn = 2;
// A look-up in a cold store (after a start, or a swap to new files) reads and unpacks three blocks, some 20
// microseconds where a warm one takes 4. So a turn with this many look-ups ends, and the next takes fewer queries at a
// time: 128 cold ones in one turn were measured at 2.3 ms.
constexpr std::uint64_t kColdLookups = 8;
constexpr unsigned kColdBatch = 8;
constexpr unsigned kFewQueries = 2;  // so few cached answers are no long turn
constexpr std::uint32_t kHitSample = 64;
constexpr std::size_t kMaxHandedOver = 4096;
constexpr std::size_t kTcpReplyBuffer = 65535;
constexpr std::chrono::microseconds kWithinTheBatch{0};

constexpr ExtendedError kProhibited{EdeCode::prohibited, "this client may not ask here"};
constexpr ExtendedError kNotReady{EdeCode::not_ready, "no policy is loaded yet"};
constexpr ExtendedError kNotRecursive{EdeCode::not_authoritative, "recursion was not asked for"};
constexpr ExtendedError kOverloaded{EdeCode::other, "too many queries are waiting"};

// One query on its way through the packet path.
struct Asked {
  ParsedQuery parsed;
  AnswerKey key;
  AnswerCache::Probe probe;
  IpAddress client;
  Transport transport = Transport::udp;
  // The way back, for what is not answered at once.
  const UdpSocket* socket = nullptr;
  const UdpRoute* route = nullptr;
  const TcpReply* tcp = nullptr;
};

class SocketWorker final : public Worker {
 public:
  SocketWorker(WorkerOptions options, const WorkerShared& shared, WorkerMetrics& metrics, DecisionSink& sink)
      : options_(std::move(options)),
        shared_(shared),
        metrics_(metrics),
        sink_(sink),
        loop_(1),
        reader_(shared.generations, options_.index),
        clients_(options_.allow_clients),
        policy_(options_.match_cache_bytes, sink, metrics),
        mailbox_(kMaxHandedOver),
        second_(loop_),
        scratch_(kMaxCachedAnswer),
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
                                          TcpReply reply) { serve_tcp(message, client, std::move(reply)); });
      if (!tcp) return tcp.error();
      tcp_.push_back(std::move(*tcp));
    }
    auto opened = mailbox_.open();
    if (!opened) return opened.error();
    mailbox_readiness_.emplace(loop_, mailbox_.descriptor());
    resolutions_ = Resolutions::make(
        {.engine = options_.engine, .outgoing = options_.outgoing, .max_outstanding = options_.max_outstanding},
        {.loop = loop_,
         .clock = clock_,
         .answers = shared_.answers,
         .rrsets = shared_.rrsets,
         .servers = shared_.servers,
         .policy = policy_,
         .sink = sink_,
         .metrics = metrics_,
         .refresh_generation = [this] { refresh_generation(); },
         .answer_tcp = [this](unsigned worker, std::uint64_t ticket,
                              std::span<const std::uint8_t> message) { peers_[worker]->answer_tcp(ticket, message); }});
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
    read_clocks();
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
      Miss* next = mailbox_.take_all();
      while (next != nullptr) {
        std::unique_ptr<Miss> miss(next);
        next = miss->next;
        resolutions_->accept(std::move(miss));
      }
      resolutions_->pump();
      wait_for_misses();
    });
  }

  void wait_for_second() {
    second_.expires_after(std::chrono::seconds(1));
    second_.async_wait([this](const ErrorValue& error) {
      if (error) return;
      clock_.measure_turn();
      read_clocks();
      refresh_generation();
      sink_.tick(now_.wall);
      resolutions_->publish_metrics();
      for (auto& listener : udp_) metrics_.add(Metric::receive_drops, listener->socket.take_drops());
      wait_for_second();
    });
  }

  void read_clocks() {
    now_ = LoopClock::now();
    seconds_ = to_cache_seconds(now_.steady);
  }

  void refresh_generation() {
    if (!reader_.refresh()) return;
    clock_.measure_turn();
    policy_.set_generation(reader_.get(), std::chrono::system_clock::now());
    batch_limit_ = kColdBatch;
    clients_.reset();
  }

  // --- queries in ----------------------------------------------------------------------------------------------

  void serve(UdpListener& listener) {
    const std::uint64_t lookups = policy_.store_lookups();
    for (unsigned i = 0; i < kBatchesPerTurn; ++i) {
      const unsigned count = batch_.receive(listener.socket, batch_limit_);
      if (count == 0) break;
      serve_batch(listener.socket, count);
      if (count < batch_limit_) break;  // drained
      if (policy_.store_lookups() - lookups >= kColdLookups) break;
    }
    batch_limit_ = policy_.store_lookups() - lookups >= kColdLookups ? kColdBatch : kBatchSize;
    if (std::exchange(missed_, false)) pump();
  }

  void pump() {
    clock_.measure_turn();
    resolutions_->pump();
  }

  void serve_batch(const UdpSocket& socket, unsigned count) {
    if (count > kFewQueries) clock_.measure_turn();
    read_clocks();
    refresh_generation();
    for (unsigned i = 0; i < count; ++i) {
      Asked& asked = asked_[i];
      asked.socket = &socket;
      asked.route = &batch_.route(i);
      asked.client = asked.route->client();
      prepare(asked, batch_.message(i));
    }
    for (unsigned i = 0; i < count; ++i) {
      Asked& asked = asked_[i];
      if (!asked.parsed.fault && !shared_.answers.locate(asked.probe)) policy_.prefetch_match_entry(asked.parsed.query);
    }
    for (unsigned i = 0; i < count; ++i) {
      const std::size_t room = asked_[i].parsed.query.udp_payload_size;
      const std::span<std::uint8_t> out = batch_.reply_buffer(i).first(room);
      const std::size_t size = answer(asked_[i], out);
      if (size != 0) count_answer(out);
      batch_.set_reply(i, size);
    }
    metrics_.add(Metric::queries_udp, count);
    const unsigned lost = batch_.send(socket);
    if (lost != 0) metrics_.add(Metric::send_failures, lost);
  }

  void serve_tcp(std::span<const std::uint8_t> message, const Endpoint& client, TcpReply reply) {
    clock_.measure_turn();
    read_clocks();
    refresh_generation();
    metrics_.add(Metric::queries_tcp);
    Asked asked;
    asked.transport = Transport::tcp;
    asked.client = client.address;
    asked.tcp = &reply;
    prepare(asked, message);
    if (!asked.parsed.fault) shared_.answers.locate(asked.probe);
    const std::size_t size = answer(asked, tcp_reply_);
    if (size != 0) {
      count_answer(tcp_reply_);
      reply.send(std::span(tcp_reply_).first(size));
    }
    if (std::exchange(missed_, false)) pump();
  }

  void prepare(Asked& asked, std::span<const std::uint8_t> message) {
    asked.parsed = parse_query(message);
    if (asked.parsed.fault) return;
    const Query& query = asked.parsed.query;
    asked.key = {.qname = query.qname,
                 .qname_hash = query.qname_hash,
                 .type = query.type,
                 .record_class = query.record_class,
                 .dnssec_ok = query.dnssec_ok,
                 .checking_disabled = query.checking_disabled};
    asked.probe = shared_.answers.prepare(asked.key);
    policy_.prefetch_matches(query);
  }

  void count_answer(std::span<const std::uint8_t> out) {
    metrics_.answered(static_cast<Rcode>(out[3] & 0xF));
    if ((out[2] & 0x02) != 0) metrics_.add(Metric::truncated);
  }

  // --- the packet path -----------------------------------------------------------------------------------------

  // The reply's size; 0: none now. The order is the security argument (DESIGN section 5).
  std::size_t answer(Asked& asked, std::span<std::uint8_t> out) {
    const Query& query = asked.parsed.query;
    const Generation* generation = policy_.generation();
    // Before any work: we are no open resolver.
    const ClientClass who = clients_.classify(asked.client, generation == nullptr ? nullptr : &generation->policies());
    if (!who.allowed) return refuse_client(asked, out);
    if (asked.parsed.fault) return answer_fault(asked.parsed, out);
    // Never unfiltered, not even for a moment at the start.
    if (generation == nullptr || policy_.group(who.group).not_ready) return not_ready(query, who.group, out);
    // Groups see different answers, so policy comes before the cache's word; the cache holds unfiltered data.
    const Asker asker = policy_.asker(who.group, asked.client, now_.wall);
    if (shared_.answers.read(asked.probe, asked.key, seconds_, out, cached_)) return answer_cached(asked, asker, out);
    // Before any recursion: a blocked name must not be asked for upstream.
    const AnswerMatches& parts = policy_.match_question(query);
    const FilterVerdict verdict = decide_question(parts, asker, query.type);
    if (verdict.blocked()) {
      const auto blocked = policy_.carry_out(verdict, parts, query, asker, asked.transport, kWithinTheBatch, out);
      if (blocked) return *blocked;
    }
    // Only from the cache for those who do not ask for recursion.
    if (!query.recursion_desired) return write_error_reply(out, query, Rcode::refused, &kNotRecursive);
    const std::size_t local = answer_local_name(out, query);
    if (local != 0) {
      sink_.count(who.group, AnswerKind::resolved);
      return local;
    }
    return miss(asked, who.group, out);
  }

  std::size_t answer_cached(Asked& asked, const Asker& asker, std::span<std::uint8_t> out) {
    const Query& query = asked.parsed.query;
    const GroupState& group = policy_.group(asker.group);
    const bool stale = cached_.epoch != asker.generation.names_epoch();
    // Most answers match no rule at all: nothing to decide on, unless what is not allowed is blocked.
    if (stale || !cached_.matches().empty() || group.default_deny || group.log_all) {
      const AnswerMatches* parts =
          stale ? match_again(asked, asker, out) : policy_.stored_matches(query, cached_.matches());
      if (parts == nullptr) return miss(asked, asker.group, out);
      const FilterVerdict verdict = decide_answer(*parts, asker, query.type);
      const auto blocked = policy_.carry_out(verdict, *parts, query, asker, asked.transport, kWithinTheBatch, out);
      if (blocked) return *blocked;
    }
    metrics_.add(Metric::cached);
    sink_.count(asker.group, AnswerKind::cached);
    if (++hits_ % kHitSample == 0) shared_.answers.add_hits(asked.probe, kHitSample);
    StoredReply stored;
    stored.flags = stored_flags(query, cached_.rcode, static_cast<Security>(cached_.security));
    stored.ttl_offsets = cached_.ttl_offsets();
    stored.age_seconds = seconds_ - cached_.inserted;
    if (cached_.ede) stored.error = ExtendedError{*cached_.ede, cached_.ede_text()};
    return finish_stored_reply(out, cached_.wire_size, query, stored);
  }

  // Rules changed since the entry was made: look its names and addresses up again (microseconds), and write that
  // back where our generation is the newer one. No flush, whatever changed.
  const AnswerMatches* match_again(Asked& asked, const Asker& asker, std::span<const std::uint8_t> out) {
    std::span<const std::uint8_t> wire = out.first(std::min(out.size(), cached_.wire_size));
    if (cached_.wire_size > out.size()) {
      // More than this client takes: the whole of it is needed here.
      asked.probe.slot = 0;
      if (!shared_.answers.read(asked.probe, asked.key, seconds_, scratch_, cached_)) return nullptr;
      wire = std::span(scratch_).first(std::min(scratch_.size(), cached_.wire_size));
    }
    const AnswerMatches* parts = policy_.rematch(asked.parsed.query, wire);
    if (parts == nullptr || asker.generation.names_epoch() < cached_.epoch || parts->size() > 255) return parts;
    encoded_.clear();
    const bool any = std::any_of(parts->begin(), parts->end(), [](const PartMatches& part) {
      return !part.matches.empty() || !part.matches.lists_below.empty();
    });
    if (any) encode_matches(*parts, encoded_);
    shared_.answers.put(asked.key,
                        {.wire = wire,
                         .ttl_offsets = cached_.ttl_offsets(),
                         .rcode = cached_.rcode,
                         .security = cached_.security,
                         .inserted = cached_.inserted,
                         .expires = cached_.expires,
                         .ede = cached_.ede,
                         .ede_text = cached_.ede_text(),
                         .epoch = asker.generation.names_epoch(),
                         .matches = encoded_},
                        PutMode::matches);
    return parts;
  }

  std::size_t miss(Asked& asked, std::uint32_t group, std::span<std::uint8_t> out) {
    const Query& query = asked.parsed.query;
    metrics_.add(Metric::missed);
    auto miss = std::make_unique<Miss>();
    miss->message.assign(query.message.begin(), query.message.end());
    miss->query = query;
    miss->query.message = miss->message;
    miss->query.qname = std::span(miss->message).subspan(kHeaderSize, query.qname.size());
    miss->client = asked.client;
    miss->group = group;
    miss->transport = asked.transport;
    miss->worker = options_.index;
    miss->received = now_.steady;
    if (asked.transport == Transport::udp) {
      miss->descriptor = asked.socket->descriptor();
      miss->route = *asked.route;
    } else {
      miss->tcp_ticket = ++last_ticket_;
      tcp_waiting_.emplace(last_ticket_, *asked.tcp);
    }
    const std::uint64_t owner = (query.qname_hash >> 17) + static_cast<std::uint64_t>(query.type);
    Worker* worker = peers_[owner % peers_.size()];
    if (worker == this) {
      resolutions_->accept(std::move(miss));
      missed_ = true;
      return 0;
    }
    metrics_.add(Metric::handed_over);
    const auto returned = worker->hand_over(std::move(miss));
    if (returned == nullptr) return 0;
    metrics_.add(Metric::overloaded);
    tcp_waiting_.erase(returned->tcp_ticket);
    return write_error_reply(out, query, Rcode::servfail, &kOverloaded);
  }

  std::size_t refuse_client(const Asked& asked, std::span<std::uint8_t> out) {
    metrics_.add(Metric::access_refused);
    if (asked.parsed.fault == QueryFault::drop) return 0;
    return write_error_reply(out, asked.parsed.query, Rcode::refused, &kProhibited);
  }

  std::size_t answer_fault(const ParsedQuery& parsed, std::span<std::uint8_t> out) {
    switch (*parsed.fault) {
      case QueryFault::drop:
        metrics_.add(Metric::malformed);
        return 0;
      case QueryFault::formerr:
        metrics_.add(Metric::malformed);
        return write_error_reply(out, parsed.query, Rcode::formerr, nullptr);
      case QueryFault::notimp:
        return write_error_reply(out, parsed.query, Rcode::notimp, nullptr);
      case QueryFault::badvers:
        return write_error_reply(out, parsed.query, Rcode::badvers, nullptr);
      case QueryFault::refused:
        break;
    }
    return write_error_reply(out, parsed.query, Rcode::refused, nullptr);
  }

  std::size_t not_ready(const Query& query, std::uint32_t group, std::span<std::uint8_t> out) {
    metrics_.add(Metric::not_ready);
    sink_.count(group, AnswerKind::failed);
    return write_error_reply(out, query, Rcode::servfail, &kNotReady);
  }

  const WorkerOptions options_;
  const WorkerShared shared_;
  WorkerMetrics& metrics_;
  DecisionSink& sink_;
  boost::asio::io_context loop_;
  GenerationReader reader_;
  ClientTable clients_;
  PolicyStage policy_;
  Mailbox mailbox_;
  std::vector<Worker*> peers_;
  std::vector<std::unique_ptr<UdpListener>> udp_;
  std::vector<std::unique_ptr<TcpListener>> tcp_;
  std::optional<stream_descriptor> mailbox_readiness_;
  boost::asio::steady_timer second_;
  std::unique_ptr<Resolutions> resolutions_;

  LoopClock clock_;
  Now now_{};
  CacheSeconds seconds_ = 0;
  UdpBatch batch_;
  std::array<Asked, kBatchSize> asked_;
  CachedAnswer cached_;
  std::vector<std::uint8_t> scratch_;
  std::vector<std::uint8_t> encoded_;
  std::vector<std::uint8_t> tcp_reply_;
  std::unordered_map<std::uint64_t, TcpReply> tcp_waiting_;
  std::uint64_t last_ticket_ = 0;
  std::uint32_t hits_ = 0;
  unsigned batch_limit_ = kBatchSize;
  bool missed_ = false;  // something was handed to our own engine in this turn

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
