// A worker's resolver without sockets, in virtual time: packet path, policy, caches and resolutions, rules made by
// hand, and one server that is authoritative for the root and everything below, as a test says.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "resolver/server/packet_path.h"
#include "resolver/server/resolutions.h"
#include "tests/resolver/server/worker_world.h"
#include "zones/link/decision.h"
#include "zones/link/ring.h"

namespace weir::test {

class VirtualWorker {
 public:
  // What the server does with a question for this name. A tree is a DNAME at the name's parent.
  struct Behaviour {
    enum class Kind : std::uint8_t { address, alias, tree, nxdomain, servfail, silent } kind = Kind::address;
    std::string address = "192.0.2.1";  // or the target of the alias or tree
    std::uint32_t ttl = 300;
    std::optional<EdeCode> ede = {};
  };

  explicit VirtualWorker(CacheConfig config = {}, AnswerConfig answer_config = {}, EngineOptions options = {})
      : cache(config), sink_(std::move(*DecisionSink::open(directory_.path(), 0, keys_, metrics, 64 << 10))) {
    policy.emplace(64 << 10, *sink_, metrics, nullptr, &referring_);
    path.emplace(PacketPathOptions{.allow_clients = {*Prefix::parse("127.0.0.0/8")},
                                   .cache = cache,
                                   .answers = answer_config,
                                   .cookies = &cookies},
                 *answers, *policy, *sink_, metrics);
    options.root_hints = {{name_of("a.root-servers.test"), {IpAddress::ipv4(INADDR_LOOPBACK)}}};
    options.qname_minimisation = false;
    options.randomise_case = false;
    options.random = [n = 0U]() mutable { return n += 0x9E3779B9U; };
    resolutions = Resolutions::make(
        std::move(options), {.cache = cache,
                             .answers = *answers,
                             .rrsets = rrsets,
                             .servers = servers,
                             .policy = *policy,
                             .sink = *sink_,
                             .metrics = metrics,
                             .send =
                                 [this](Exchange exchange) {
                                   wanted_.push_back(std::move(exchange));
                                   most_outstanding = std::max(most_outstanding, wanted_.size());
                                 },
                             .cancel =
                                 [this](ExchangeId id) {
                                   std::erase_if(wanted_, [&](const Exchange& exchange) { return exchange.id == id; });
                                 },
                             .arm_timer = [this](std::optional<SteadyTime> at) { timer_ = at; },
                             .reply =
                                 [this](const Miss& miss, std::span<const std::uint8_t> message) {
                                   replies_[miss.ticket] = {message.begin(), message.end()};
                                 },
                             .max_waiting = answer_config.max_waiting,
                             .refresh_generation = [] {}});
    install(std::make_unique<HandMadeGeneration>(1, 1));
  }

  HandMadeGeneration& install(std::unique_ptr<HandMadeGeneration> generation) {
    generations_.push_back(std::move(generation));
    policy->set_generation(generations_.back().get(), now.wall);
    path->generation_changed();
    return *generations_.back();
  }

  // The reply that is there without time passing; empty: none yet.
  std::vector<std::uint8_t> ask(const Asking& asking, Transport transport = Transport::udp) {
    const auto message = encode_query(asking);
    return ask(message, transport);
  }
  std::vector<std::uint8_t> ask(std::span<const std::uint8_t> message, Transport transport = Transport::udp) {
    path->set_time(now);
    AskedQuery asked;
    asked.client = IpAddress::ipv4(INADDR_LOOPBACK);
    asked.transport = transport;
    asked.tcp_idle = std::chrono::seconds(10);
    path->prepare(asked, message);
    path->locate(asked);
    std::vector<std::uint8_t> out(transport == Transport::udp ? asked.parsed.query.udp_payload_size : 65535);
    const auto size = path->answer(asked, out);
    last_ = ++ticket_;
    if (size) {
      out.resize(*size);
      replies_[last_] = out;
    }
    if (!size || asked.refresh) {
      auto miss = std::make_unique<Miss>();
      miss->ticket = ticket_;
      path->fill(*miss, asked);
      resolutions->accept(std::move(miss), now);
      resolutions->pump(now);
    }
    serve();
    return reply();
  }
  std::vector<std::uint8_t> reply() { return replies_[last_]; }  // to the last query

  // Timers that are due meanwhile go off at their time.
  void pass(std::chrono::milliseconds time) {
    const SteadyTime until = now.steady + time;
    while (timer_ && *timer_ <= until) {
      move_to(std::max(*timer_, now.steady));
      timer_.reset();
      resolutions->timeout(now);
      serve();
    }
    move_to(until);
  }

  // The server answers late what it has left open.
  void answer_late() {
    seen_.clear();
    serve();
  }
  // What was logged since the last call.
  std::vector<DecisionClass> logged() {
    std::vector<DecisionClass> out;
    for (const Decision& decision : decisions()) out.push_back(decision.decision_class);
    return out;
  }
  std::vector<Decision> decisions() {
    std::vector<Decision> out;
    const auto ring = RingConsumer::open(ring_file(directory_.path(), 0));
    std::array<std::uint8_t, kMaxRecordSize> record{};
    while (const std::size_t size = (*ring)->peek(record))
      out.push_back(*decode_decision(std::span(record).first(size)));
    (*ring)->release();
    return out;
  }
  unsigned asked(const std::string& name) { return asked_[name]; }
  void serve() {
    for (bool more = true; more;) {
      more = false;
      const auto wanted = wanted_;
      for (const Exchange& exchange : wanted) {
        if (!seen_.insert(exchange.id.value).second) continue;
        const auto query = read_message(exchange.message);
        const std::string name = query->start.qname.folded().to_text();
        ++asked_[name];
        const std::string with_type = name + " " + to_text(query->start.qtype);
        const Behaviour behaviour = server.contains(with_type) ? server.at(with_type)
                                    : server.contains(name)    ? server.at(name)
                                                               : Behaviour{Behaviour::Kind::nxdomain, {}, 60};
        if (behaviour.kind == Behaviour::Kind::silent) continue;
        const auto reply = answer(*query, behaviour);
        more = true;
        resolutions->receive(exchange.id, {ExchangeFailure::none, reply}, now);
        resolutions->pump(now);
      }
    }
  }

  const CacheConfig cache;
  CookieSecrets cookies{parse_cookie_secret("000102030405060708090a0b0c0d0e0f")};
  std::map<std::string, Behaviour> server;  // by name, or by name and type: "www.test AAAA"
  std::size_t most_outstanding = 0;         // of the exchanges, ever
  Now now{SteadyTime(std::chrono::hours(100)), WallTime(std::chrono::seconds(1'700'000'000))};
  WorkerMetrics metrics;
  std::unique_ptr<AnswerCache> answers = std::move(*AnswerCache::make(4 << 20));
  RrsetCache rrsets{4 << 20};
  ServerCache servers;
  std::optional<PolicyStage> policy;
  std::optional<PacketPath> path;
  std::unique_ptr<Resolutions> resolutions;

 private:
  ReferringNames referring_;
  void move_to(SteadyTime time) {
    now.wall += std::chrono::duration_cast<WallTime::duration>(time - now.steady);
    now.steady = time;
  }

  static std::vector<std::uint8_t> answer(const Message& query, const Behaviour& behaviour) {
    using Kind = Behaviour::Kind;
    std::vector<std::uint8_t> out(512);
    Writer writer(out);
    writer.u16(query.start.id);
    const bool denied = behaviour.kind == Kind::nxdomain;
    const bool failed = behaviour.kind == Kind::servfail;
    writer.u16(denied ? 0x8403 : failed ? 0x8002 : 0x8400);
    const bool tree = behaviour.kind == Kind::tree;
    const bool aliased = behaviour.kind == Kind::alias || tree;
    const bool positive = aliased || (behaviour.kind == Kind::address && query.start.qtype == RecordType::a);
    for (const int count : {1, positive ? 1 : 0, positive || failed ? 0 : 1, behaviour.ede ? 1 : 0})
      writer.u16(static_cast<std::uint16_t>(count));
    writer.name(query.start.qname);
    writer.u16(static_cast<std::uint16_t>(query.start.qtype));
    writer.u16(1);
    if (positive) {
      writer.name(tree && query.start.qtype != RecordType::dname ? query.start.qname.parent() : query.start.qname);
      writer.u16(static_cast<std::uint16_t>(tree ? RecordType::dname : aliased ? RecordType::cname : RecordType::a));
      writer.u16(1);
      writer.u32(behaviour.ttl);
      const Name target = aliased ? name_of(behaviour.address) : Name();
      const IpAddress address = aliased ? IpAddress() : *IpAddress::parse(behaviour.address);
      const auto rdata = aliased ? target.wire() : address.bytes();
      writer.u16(static_cast<std::uint16_t>(rdata.size()));
      writer.octets(rdata);
    } else if (!failed) {
      writer.name(Name());
      writer.u16(static_cast<std::uint16_t>(RecordType::soa));
      writer.u16(1);
      writer.u32(behaviour.ttl);
      const std::size_t length_at = writer.size();
      writer.u16(0);
      writer.name_uncompressed(name_of("ns.test"));
      writer.name_uncompressed(name_of("hostmaster.test"));
      for (const std::uint32_t number : {1U, 3600U, 600U, 86400U, behaviour.ttl}) writer.u32(number);
      writer.patch_u16(length_at, static_cast<std::uint16_t>(writer.size() - length_at - 2));
    }
    if (behaviour.ede) {
      writer.name(Name());
      for (const unsigned value : {41U, 1232U, 0U, 0U, 6U, 15U, 2U, static_cast<unsigned>(*behaviour.ede)})
        writer.u16(static_cast<std::uint16_t>(value));
    }
    out.resize(writer.size());
    return out;
  }

  const ScratchFolder directory_;
  PseudonymKeys keys_{directory_.path()};
  std::unique_ptr<DecisionSink> sink_;
  std::vector<std::unique_ptr<HandMadeGeneration>> generations_;
  std::vector<Exchange> wanted_;
  std::set<std::uint64_t> seen_;
  std::map<std::string, unsigned> asked_;
  std::optional<SteadyTime> timer_;
  std::map<std::uint64_t, std::vector<std::uint8_t>> replies_;
  std::uint64_t ticket_ = 0;
  std::uint64_t last_ = 0;
};

}  // namespace weir::test
