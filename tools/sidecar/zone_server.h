// Gives what we filter by to other resolvers: SOA, AXFR and IXFR of the zones of [[serve]], with TSIG where the zone
// has a key (RFC 5936, 1995, 8945).
//
// What asks is hostile until its address and its signature fit; then it is bounded all the same: connections, the time
// of one, one transfer of a zone at a time for each address. Refusals are counted, and answered with REFUSED (who may
// not) or NOTAUTH and a TSIG that says what does not fit.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tools/sidecar/dns_stream.h"
#include "tools/sidecar/generations.h"
#include "tools/sidecar/list_updater.h"
#include "tools/sidecar/served_zone.h"
#include "tools/sidecar/transfer_messages.h"
#include "zones/config/config.h"
#include "zones/dns/message.h"
#include "zones/dns/tsig.h"

namespace weir::sidecar {

inline constexpr std::size_t kMaxServedConnections = 32;      // at once; others are closed
inline constexpr std::chrono::minutes kServedConnection{10};  // one connection, whatever it does
inline constexpr unsigned kMaxServedQuestions = 1000;         // over one connection

// Of one zone since the start.
struct ServedCounts {
  std::uint64_t whole = 0;        // AXFR, and IXFR answered like it
  std::uint64_t incremental = 0;  // IXFR
  std::uint64_t unchanged = 0;    // IXFR: the newest is there
  std::uint64_t refused = 0;      // address, key, signature, too many at once
  std::uint64_t failed = 0;       // begun and not finished
  std::string last_refusal;
};

enum class Secrecy : std::uint8_t { none, tls };

class ZoneServer {
 public:
  // `hears`: what to answer to a NOTIFY that comes over a connection; empty: nothing.
  using Hears = std::function<std::vector<std::uint8_t>(std::span<const std::uint8_t>, const Endpoint&)>;

  ZoneServer(ConfigSource config, Generations& generations);
  ~ZoneServer() { stop(); }
  ZoneServer(const ZoneServer&) = delete;

  // Ends connections within a second, and takes no more.
  void stop();

  // Whether anybody at this address may ask for a zone: else its connection is not read at all.
  bool may_ask(const IpAddress& address) const;
  // A connection, on a thread of its own. Any thread.
  void take(Descriptor socket, const Endpoint& from, Secrecy secrecy, Hears hears);
  // A query by UDP: SOA, and IXFR by the SOA alone (RFC 1995 section 2). Empty: no answer.
  std::vector<std::uint8_t> answer_datagram(std::span<const std::uint8_t> message, const Endpoint& from);

  ServedCounts counts(const Name& zone) const;

 private:
  struct Connection {
    std::thread thread;
    std::atomic<bool> done{false};
  };
  struct Asked {
    MessageStart start;
    std::shared_ptr<const Config> config;
    const ServeConfig* zone = nullptr;
    std::unique_ptr<TsigExchange> tsig;  // where the zone has a key and the request a signature
    bool is_verified = false;            // it fits
    Rcode refused = Rcode::noerror;
  };

  void serve(DnsStream& stream, const Endpoint& from, Secrecy secrecy, const Hears& hears);
  Result<void> secure(DnsStream& stream) const;
  Result<void> transfer(DnsStream& stream, std::span<const std::uint8_t> message, Asked& asked, const Endpoint& from);
  Result<void> send_zone(DnsStream& stream, Asked& asked, std::optional<std::uint32_t> have);
  Result<bool> send_changes(ServedZone& zone, TransferMessages& messages, std::uint32_t have);
  void note(const Name& zone, std::uint64_t ServedCounts::* which);
  // Whether it may have what it asks for, and by which key.
  Asked look_at(std::span<const std::uint8_t> message, const MessageStart& start, const Endpoint& from);
  Result<std::vector<std::uint8_t>> soa_answer(Asked& asked);
  void refuse(Asked& asked, Rcode rcode, const Endpoint& from, const std::string& why);
  static std::vector<std::uint8_t> answer_refused(const Asked& asked);
  void reap();

  const ConfigSource config_;
  Generations& generations_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::list<Connection> connections_;
  std::set<std::pair<std::string, std::string>> under_way_;  // address, zone
  std::map<Name, ServedCounts, bool (*)(const Name&, const Name&)> counts_;
  SteadyTime told_{};
};

}  // namespace weir::sidecar
