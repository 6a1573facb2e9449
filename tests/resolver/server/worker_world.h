// A worker with everything around it that a test decides: the rules (a generation made by hand) and the internet
// (one server on loopback that is authoritative for the root and everything below).
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/server/worker.h"
#include "tests/support/scratch_folder.h"
#include "zones/dns/message.h"
#include "zones/dns/writer.h"
#include "zones/special_names.h"

namespace weir::test {

inline Name name_of(std::string_view text) {
  return *Name::parse(text);
}

// Rules by name: blocks (or allows) of one list, of subtrees unless a test says otherwise.
class HandMadeGeneration final : public Generation {
 public:
  HandMadeGeneration(std::uint64_t number, std::uint64_t epoch) : number_{number}, epoch_{epoch} {
    ListDefinition list;
    list.id = kFirstDefinedList;
    list.name = "ads";
    set.lists.push_back(list);
    set.policies[0].lists = {kFirstDefinedList};
  }
  HandMadeGeneration& block(std::string_view name, Action action = Action::block, RuleDetail detail = {},
                            ListId list = kFirstDefinedList, PatternKind kind = PatternKind::subtree) {
    Match match;
    match.list = list.value;
    match.kind = kind;
    match.action = action;
    if (!detail.empty()) {
      details_.push_back(std::move(detail));
      match.detail = static_cast<std::uint32_t>(details_.size());
    }
    rules_[name_of(name).to_text()].push_back(match);
    return *this;
  }
  HandMadeGeneration& block_exactly(std::string_view name) {
    return block(name, Action::block, {}, kFirstDefinedList, PatternKind::exact);
  }
  HandMadeGeneration& block_address(std::string_view prefix) {
    prefixes_.push_back(*Prefix::parse(prefix));
    return *this;
  }

  const RuleDetail* detail(PayloadId id) const override {
    return id.value == 0 || id.value > details_.size() ? nullptr : &details_[id.value - 1];
  }
  void match(const ReversedName& name, MatchSet& out) const override {
    ++lookups;
    out.clear();
    for (unsigned labels = name.label_count(); labels > 0; --labels) {
      const auto suffix = ReversedName::to_name(name.key_of_suffix(labels));
      const auto rule = rules_.find(suffix->to_text());
      if (rule == rules_.end()) continue;
      for (Match match : rule->second) {
        if (match.kind == PatternKind::exact && labels != name.label_count()) continue;
        match.labels = static_cast<std::uint8_t>(labels);
        out.matches.push_back(match);
        out.shared_suffix_labels = match.labels;
      }
    }
  }
  void match_address(const IpAddress& address, MatchSet& out) const override {
    out.clear();
    for (const Prefix& prefix : prefixes_) {
      if (!prefix.contains(address)) continue;
      Match match;
      match.list = kFirstDefinedList.value;
      match.kind = PatternKind::address;
      match.labels = prefix.length;
      out.matches.push_back(match);
    }
  }
  bool has_address_rules() const override { return !prefixes_.empty(); }
  bool denies_from_memory() const override { return filters; }
  const PolicySet& policies() const override { return set; }
  const LocalData* local_data() const override { return local_data_.get(); }
  const LocalData* local_data_of(std::uint32_t group) const override {
    const auto own = group_data_.find(group);
    return own == group_data_.end() ? nullptr : own->second.get();
  }
  HandMadeGeneration& serve_group(std::uint32_t group, const std::vector<LocalZone>& zones) {
    group_data_[group] = std::make_unique<const LocalData>(zones);
    return *this;
  }
  HandMadeGeneration& serve(std::vector<LocalZone> zones) {
    local_data_ = with_test(std::move(zones));
    return *this;
  }
  GenerationNumber number() const override { return number_; }
  NamesEpoch names_epoch() const override { return epoch_; }
  WallTime published_at() const override { return {}; }
  const std::string& fingerprint() const override { return fingerprint_; }
  const std::vector<ListId>& never_loaded() const override { return unloaded; }
  std::uint64_t rule_count() const override { return rules_.size(); }
  using Generation::triggers;
  Triggers triggers() const override { return all_triggers; }

  PolicySet set = PolicySet::with_defaults();
  std::vector<ListId> unloaded;
  Triggers all_triggers;
  mutable std::atomic<unsigned> lookups{0};
  bool filters = false;  // as a small generation, which knows in memory what has no rules

 private:
  static std::unique_ptr<const LocalData> with_test(std::vector<LocalZone> zones) {
    zones.push_back({name_of("test"), LocalZoneType::resolve, {}});
    return std::make_unique<const LocalData>(zones);
  }

  GenerationNumber number_;
  NamesEpoch epoch_;
  std::map<std::string, std::vector<Match>> rules_;
  std::deque<RuleDetail> details_;
  std::vector<Prefix> prefixes_;
  // The fake internet is below `test`, which is special by default.
  std::unique_ptr<const LocalData> local_data_ = with_test({});
  std::map<std::uint32_t, std::unique_ptr<const LocalData>> group_data_;
  std::string fingerprint_ = "f00d";
};

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

// Answers whatever `answers` says with AA, everything else with an empty NOERROR; counts what it was asked.
class FakeInternet {
 public:
  // Type and text: "192.0.2.1" for A, a name for CNAME.
  using Records = std::vector<std::pair<RecordType, std::string>>;

  FakeInternet() {
    socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    stop_ = eventfd(0, EFD_CLOEXEC);
    sockaddr_in local = loopback(0);
    socklen_t size = sizeof local;
    if (bind(socket_, reinterpret_cast<sockaddr*>(&local), size) != 0) std::abort();
    getsockname(socket_, reinterpret_cast<sockaddr*>(&local), &size);
    port_ = ntohs(local.sin_port);
  }
  ~FakeInternet() {
    const std::uint64_t one = 1;
    if (write(stop_, &one, sizeof one) < 0) std::abort();
    if (thread_.joinable()) thread_.join();
    close(socket_);
    close(stop_);
  }
  void add(std::string_view name, RecordType type, std::string text, std::uint32_t ttl = 300) {
    records_[name_of(name).folded().to_text()].push_back({type, std::move(text)});
    ttls_[name_of(name).folded().to_text()] = ttl;
  }
  void fail(std::string_view name) { failing_.push_back(name_of(name)); }  // SERVFAIL
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  std::uint16_t port() const { return port_; }
  unsigned asked(std::string_view name) const { return asked_for(name_of(name).folded().to_text()); }

 private:
  void run() {
    for (;;) {
      pollfd ready[2] = {{socket_, POLLIN, 0}, {stop_, POLLIN, 0}};
      if (poll(ready, 2, -1) < 0 || ready[1].revents != 0) return;
      std::uint8_t query[2048];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      const ssize_t got = recvfrom(socket_, query, sizeof query, 0, reinterpret_cast<sockaddr*>(&from), &size);
      if (got <= 0) continue;
      const auto message = read_message({query, static_cast<std::size_t>(got)});
      if (!message || !message->start.has_question) continue;
      std::uint8_t reply[4096];
      const std::size_t length = answer(*message, reply);
      sendto(socket_, reply, length, 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  std::size_t answer(const Message& query, std::span<std::uint8_t> out) {
    const Name& qname = query.start.qname;
    {
      const std::lock_guard lock(mutex_);
      ++asked_[qname.folded().to_text()];
    }
    const bool fails = std::find(failing_.begin(), failing_.end(), qname) != failing_.end();
    Writer writer(out);
    writer.u16(query.start.id);
    writer.u16(fails ? 0x8402 : 0x8400);
    writer.u16(1);
    for (int i = 0; i < 3; ++i) writer.u16(0);
    writer.name(qname);
    writer.u16(static_cast<std::uint16_t>(query.start.qtype));
    writer.u16(1);
    unsigned answers = 0;
    Name owner = qname;
    for (bool more = !fails; more;) {
      more = false;
      const auto found = records_.find(owner.folded().to_text());
      if (found == records_.end()) break;
      const Name here = owner;
      for (const auto& [type, text] : found->second) {
        if (type != query.start.qtype && type != RecordType::cname) continue;
        writer.name(here);
        writer.u16(static_cast<std::uint16_t>(type));
        writer.u16(1);
        writer.u32(ttls_[here.folded().to_text()]);
        const std::size_t length_at = writer.size();
        writer.u16(0);
        if (type == RecordType::a || type == RecordType::aaaa) {
          writer.octets(IpAddress::parse(text)->bytes());
        } else if (type == RecordType::txt) {
          writer.u8(static_cast<std::uint8_t>(text.size()));
          writer.octets({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
        } else {
          writer.name_uncompressed(name_of(text));
          if (type == RecordType::cname) {
            owner = name_of(text);
            more = true;
          }
        }
        writer.patch_u16(length_at, static_cast<std::uint16_t>(writer.size() - length_at - 2));
        ++answers;
      }
    }
    out[7] = static_cast<std::uint8_t>(answers);
    if (answers == 0 && !fails) {
      const bool soa_owned_by_root = true;
      writer.name(soa_owned_by_root ? Name() : qname);
      writer.u16(static_cast<std::uint16_t>(RecordType::soa));
      writer.u16(1);
      writer.u32(60);
      const std::size_t length_at = writer.size();
      writer.u16(0);
      writer.name_uncompressed(name_of("ns.test"));
      writer.name_uncompressed(name_of("hostmaster.test"));
      for (const std::uint32_t number : {1U, 3600U, 600U, 86400U, 60U}) writer.u32(number);
      writer.patch_u16(length_at, static_cast<std::uint16_t>(writer.size() - length_at - 2));
      out[9] = 1;
    }
    return writer.size();
  }

  unsigned asked_for(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto at = asked_.find(name);
    return at == asked_.end() ? 0 : at->second;
  }

  int socket_ = -1;
  int stop_ = -1;
  std::uint16_t port_ = 0;
  std::map<std::string, Records> records_;
  std::map<std::string, std::uint32_t> ttls_;
  std::vector<Name> failing_;
  mutable std::mutex mutex_;
  std::map<std::string, unsigned> asked_;
  std::thread thread_;
};

struct WorldOptions {
  unsigned workers = 1;
  std::vector<Prefix> allow_clients = {*Prefix::parse("127.0.0.0/8"), *Prefix::parse("::1")};
  std::string listen = "127.0.0.1:0";
};

// Workers on loopback; everything is stopped and removed at the end.
class World {
 public:
  explicit World(FakeInternet& internet, WorldOptions options = {})
      : answers_(std::move(*AnswerCache::make(4 << 20))),
        rrsets_(4 << 20),
        generations_(directory_.path(), nullptr, options.workers),
        keys_(directory_.path()),
        metrics_(std::make_unique<WorkerMetrics[]>(options.workers)) {
    const WorkerShared shared{.answers = *answers_,
                              .rrsets = rrsets_,
                              .servers = servers_,
                              .generations = generations_,
                              .tcp_quota = std::make_shared<TcpQuota>(TcpLimits{}),
                              .special_names = &special_names_};
    Endpoint listen = *Endpoint::parse(options.listen, 0);
    std::vector<Worker*> peers;
    for (unsigned i = 0; i < options.workers; ++i) {
      sinks_.push_back(std::move(*DecisionSink::open(directory_.path(), i, keys_, metrics_[i], 1 << 20)));
      WorkerOptions worker;
      worker.index = i;
      worker.listen = {listen};
      worker.allow_clients = options.allow_clients;
      worker.match_cache_bytes = 64 << 10;
      worker.engine.root_hints = {{name_of("a.root-servers.test"), {IpAddress::ipv4(INADDR_LOOPBACK)}}};
      worker.engine.upstream_port = internet.port();
      worker.engine.use_ipv6 = false;
      auto made = Worker::make(worker, shared, metrics_[i], *sinks_.back());
      // The port that UDP was given may be in use by a TCP connection: then another one.
      for (unsigned tries = 0; !made && i == 0 && tries < 50; ++tries)
        made = Worker::make(worker, shared, metrics_[i], *sinks_.back());
      if (!made) std::abort();
      workers_.push_back(std::move(*made));
      peers.push_back(workers_.back().get());
      listen = workers_.front()->udp_endpoints().front();  // the others share the first one's port
      generations_.set_wake(i, [waking = peers.back()] { waking->wake(); });
    }
    for (auto& worker : workers_) worker->set_peers(peers);
    for (auto& worker : workers_) worker->start();
  }
  ~World() {
    for (auto& worker : workers_) worker->stop();
    workers_.clear();
  }

  void install(std::shared_ptr<const Generation> generation) {
    generations_.install(std::move(generation));
    if (!generations_.await_workers(std::chrono::seconds(10))) std::abort();
  }
  Endpoint udp() const { return workers_.front()->udp_endpoints().front(); }
  Endpoint tcp() const { return workers_.front()->tcp_endpoints().front(); }
  AnswerCache& answers() { return *answers_; }
  std::uint64_t metric(Metric metric) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < workers_.size(); ++i) sum += metrics_[i].get(metric);
    return sum;
  }
  const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  const test::ScratchFolder directory_;
  std::unique_ptr<AnswerCache> answers_;
  RrsetCache rrsets_;
  ServerCache servers_;
  const LocalData special_names_{special_zones()};
  GenerationHolder generations_;
  PseudonymKeys keys_;
  std::unique_ptr<WorkerMetrics[]> metrics_;
  std::vector<std::unique_ptr<DecisionSink>> sinks_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

struct Asking {
  std::string name;
  RecordType type = RecordType::a;
  bool edns = false;
  std::uint16_t payload = 1232;
  bool dnssec_ok = false;
  bool recursion_desired = true;
  std::uint16_t id = 0x1234;
};

inline std::vector<std::uint8_t> encode_query(const Asking& asking) {
  std::vector<std::uint8_t> out(512);
  Writer writer(out);
  writer.u16(asking.id);
  writer.u16(asking.recursion_desired ? 0x0100 : 0);
  writer.u16(1);
  writer.u16(0);
  writer.u16(0);
  writer.u16(asking.edns ? 1 : 0);
  writer.name_uncompressed(name_of(asking.name));
  writer.u16(static_cast<std::uint16_t>(asking.type));
  writer.u16(1);
  if (asking.edns) {
    writer.u8(0);
    writer.u16(41);
    writer.u16(asking.payload);
    writer.u16(0);
    writer.u16(asking.dnssec_ok ? 0x8000 : 0);
    writer.u16(0);
  }
  out.resize(writer.size());
  return out;
}

class Client {
 public:
  explicit Client(const Endpoint& server, const char* source = nullptr) {
    const bool ipv6 = server.address.family == AddressFamily::ipv6;
    socket_ = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (source != nullptr) {
      sockaddr_in local = loopback(0);
      const auto bytes = IpAddress::parse(source)->octets;
      std::memcpy(&local.sin_addr, bytes.data(), 4);
      if (bind(socket_, reinterpret_cast<sockaddr*>(&local), sizeof local) != 0) std::abort();
    }
    if (ipv6) {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      to.sin6_port = htons(server.port);
      std::memcpy(&to.sin6_addr, server.address.octets.data(), 16);
      if (connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) std::abort();
    } else {
      sockaddr_in to = loopback(server.port);
      std::memcpy(&to.sin_addr, server.address.octets.data(), 4);
      if (connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) std::abort();
    }
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;

  void send(std::span<const std::uint8_t> octets) const {
    if (::send(socket_, octets.data(), octets.size(), 0) < 0) std::abort();
  }
  // Empty: nothing within the bound.
  std::vector<std::uint8_t> receive(int bound_ms = 10000) const {
    pollfd ready{socket_, POLLIN, 0};
    if (poll(&ready, 1, bound_ms) <= 0) return {};
    std::vector<std::uint8_t> out(4096);
    const ssize_t got = recv(socket_, out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
  }
  std::vector<std::uint8_t> ask(const Asking& asking) const {
    send(encode_query(asking));
    return receive();
  }

 private:
  int socket_ = -1;
};

}  // namespace weir::test
