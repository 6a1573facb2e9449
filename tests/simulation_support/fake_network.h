// A small internet in virtual time: name servers by address, each with zones, and with ways to misbehave. It carries
// out an engine's exchanges, delivers answers and time, and counts packets. Nothing waits; a seed repeats it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/engine/engine.h"
#include "zones/dns/message.h"

namespace weir::simulation {

// What a server does to the queries it gets, besides answering from its zones.
struct Behaviour {
  bool silent = false;
  bool silent_udp = false;
  bool unreachable = false;  // a network error comes back
  bool refuse_tcp = false;
  bool truncate_udp = false;
  enum class Edns { understood, formerr, notimp, badvers, headless_formerr, dropped } edns = Edns::understood;
  enum class Case { echoed, folded } letters = Case::echoed;
  std::optional<Rcode> rcode;                // to every query: REFUSED, SERVFAIL, ...
  bool recursive = false;                    // RA=1, AA=0
  bool upward_referral = false;              // to the root, for every name
  bool nxdomain_for_minimised = false;       // denies names that have only names below them (empty non-terminals)
  bool drop_minimised = false;               // answers only names that own something
  unsigned wrong_ids_first = 0;              // forged packets before the true answer
  bool junk_first = false;                   // QR=0, a wrong question, a cut header, NOTIMP without question
  std::vector<std::string> extra_authority;  // records added to every answer: out-of-bailiwick poison
  std::vector<std::string> extra_additional;
  double loss = 0;
  std::chrono::milliseconds delay{10};
};

// One record in text: "owner TTL TYPE data" with types A AAAA NS CNAME DNAME SOA MX TXT (others as TYPEn \# hex).
struct Record {
  Name owner;
  RecordType type{};
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> rdata;
};
Record parse_record(const std::string& line);

struct Zone {
  Name apex;
  std::multimap<std::string, Record> records;  // by folded owner in wire format
  // Of a signed zone: NSEC or NSEC3 with their RRSIGs that deny a name or a type at it.
  std::function<std::vector<Rrset>(const Name& owner)> deny = {};
};

class FakeNetwork {
 public:
  explicit FakeNetwork(std::uint64_t seed = 1);

  // Zone data as a table, one record a line; owners are whole names.
  void add_zone(const std::string& apex, const std::string& records, const std::vector<std::string>& addresses);
  // With its RRSIGs; who sets DO gets them, DS of what is delegated, and proofs of what is not there.
  void add_signed_zone(const Name& apex, const std::vector<Rrset>& rrsets,
                       std::function<std::vector<Rrset>(const Name& owner)> deny,
                       const std::vector<std::string>& addresses);
  void add_records(const std::string& apex, const std::string& records);  // to a zone that is there
  Behaviour& behaviour(const std::string& address) { return servers_[*IpAddress::parse(address)].behaviour; }
  // Answers whatever a test likes: nothing means "as usual".
  using Script = std::function<std::optional<std::vector<std::uint8_t>>(const Message& query, const IpAddress& server)>;
  void set_script(const std::string& address, Script script) {
    servers_[*IpAddress::parse(address)].script = std::move(script);
  }

  EngineOptions options();  // hints: the servers of the root zone
  void attach(Engine& engine) { engine_ = &engine; }
  void expect_faults() { faults_expected_ = true; }  // else a broken invariant of the engine is an error here
  RrsetCache rrsets{8U << 20};
  ServerCache servers;

  Now now() const { return {SteadyTime() + clock_, WallTime() + std::chrono::seconds(1'800'000'000) + clock_}; }
  void pass(std::chrono::milliseconds time);  // timers and packets due meanwhile happen
  // Runs until nothing is in flight, also no probe that outlives its question; at most `bound` of virtual time.
  void run(std::chrono::milliseconds bound = std::chrono::seconds(60));
  ResolutionResult resolve(const std::string& name, RecordType type, Origin origin = {});
  void collect();  // takes exchanges and results that are ready
  std::vector<ResolutionResult> results;
  std::map<ResolutionId, SteadyTime> finished_at;

  unsigned packets = 0;  // that reached any server
  std::map<std::string, unsigned> packets_to;
  void reset_counts();
  std::string trace;  // a line an event
  std::size_t outstanding() const { return outstanding_.size(); }
  std::uint32_t random() { return static_cast<std::uint32_t>(random_()); }

 private:
  struct Server {
    Behaviour behaviour;
    std::vector<const Zone*> zones;
    Script script;
  };
  struct Delivery {
    ExchangeId exchange;
    ExchangeFailure failure = ExchangeFailure::none;
    std::vector<std::uint8_t> octets;
  };
  void carry_out(const Exchange& exchange);
  void send_back(ExchangeId exchange, std::vector<std::uint8_t> octets, std::chrono::microseconds after,
                 ExchangeFailure failure = ExchangeFailure::none);
  std::vector<std::uint8_t> answer(const Server& server, const Message& query, const Exchange& exchange) const;

  static void read_records(Zone& zone, const std::string& records);

  Engine* engine_ = nullptr;
  bool faults_expected_ = false;
  std::chrono::microseconds clock_{0};
  std::mt19937_64 random_;
  std::deque<Zone> zones_;
  std::map<IpAddress, Server> servers_;
  std::multimap<std::chrono::microseconds, Delivery> deliveries_;
  std::set<ExchangeId> outstanding_;
};

// Builds a response message by hand.
struct Reply {
  std::uint16_t flags = 0x8400;  // QR, AA
  Rcode rcode = Rcode::noerror;
  std::vector<std::string> answer = {};
  std::vector<std::string> authority = {};
  std::vector<std::string> additional = {};
};
std::vector<std::uint8_t> make_reply(const Message& query, const Reply& reply);

}  // namespace weir::simulation
