// Scrubbing: a server that says whatever it likes about the zone it serves, through the whole engine. Nothing that does
// not lie in its zone may get into the RRset cache, or into what clients are told.
//
// Input: choices, then messages with their lengths. The first one's question is what a client asks, and some suffix of
// its name is the zone that the liar serves; whoever is asked inside it gives the next message.
#include <random>
#include <vector>

#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/dnssec/denial_cache.h"
#include "resolver/engine/engine.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/support/messages.h"

namespace weir::fuzz {
namespace {

const IpAddress kHonest = IpAddress::ipv4(0x0A350001);
const IpAddress kLiar = IpAddress::ipv4(0x0A420001);
constexpr unsigned kMaxMessages = 24;

struct Internet {
  RrsetCache rrsets{1U << 20};
  ServerCache servers{64};
  std::mt19937 random{1};
  Now now{SteadyTime(std::chrono::hours(1)), WallTime(std::chrono::hours(1'000'000))};
  Name zone;

  EngineOptions options(unsigned choices) {
    EngineOptions out;
    out.root_hints = {{*Name::parse("hint.test"), {kHonest}}};
    out.qname_minimisation = (choices & 1) != 0;
    out.minimal_responses = (choices & 2) != 0;
    out.randomise_case = (choices & 4) != 0;
    out.random = [this] { return static_cast<std::uint32_t>(random()); };
    return out;
  }
  void delegate(const Name& cut, const IpAddress& server) {
    rrsets.put_delegation({cut, {{*Name::parse("ns.of.it.test"), {server}}}}, now.steady);
  }
};

// The message as an answer to `query`: its own question and ID are replaced, so that it is not just ignored.
std::vector<std::uint8_t> as_answer(Octets octets, const Exchange& exchange) {
  const auto query = read_message_start(exchange.message);
  require(query.has_value() && query->has_question, "an upstream query that cannot be read");
  auto message = read_message(octets);
  std::vector<std::uint8_t> out;
  if (message) {
    message->start.has_question = true;
    message->start.id = query->id;
    message->start.qname = query->qname;
    message->start.qtype = query->qtype;
    message->start.qclass = query->qclass;
    out = write_message(*message);
    if (out.empty()) return out;
    out[2] = static_cast<std::uint8_t>(0x80U | (octets[2] & 0x07U));  // AA, TC, RD
    out[3] = octets[3];
    return out;
  }
  out.assign(octets.begin(), octets.end());
  if (out.size() < 4) return out;
  std::copy_n(exchange.message.begin(), 2, out.begin());
  out[2] = static_cast<std::uint8_t>(0x80U | (out[2] & 0x07U));
  return out;
}

// Every name that the liar has uttered.
void note_names(std::vector<Name>& names, const std::vector<std::uint8_t>& octets) {
  const auto message = read_message(octets);
  if (!message) return;
  for (const auto* section : {&message->answer, &message->authority, &message->additional}) {
    for (const Rrset& rrset : *section) {
      names.push_back(rrset.owner);
      for (const auto rdata : rrset.records()) {
        if (auto target = rdata_name(rdata)) names.push_back(std::move(*target));
      }
    }
  }
}

void check_cache(const Internet& world, const std::vector<Name>& names) {
  static constexpr RecordType kTypes[] = {RecordType::a,   RecordType::ns,     RecordType::cname, RecordType::soa,
                                          RecordType::mx,  RecordType::txt,    RecordType::aaaa,  RecordType::dname,
                                          RecordType::ds,  RecordType::dnskey, RecordType::nsec,  RecordType::nsec3,
                                          RecordType::ptr, RecordType::srv,    RecordType::rrsig, RecordType::https};
  const SteadyTime now = world.now.steady;
  const auto known = [&](const Name& name, RecordType type) {
    return world.rrsets.find(name, type, Credibility::glue, Signatures::not_needed, now).has_value();
  };
  require(world.zone.is_root() || !known(world.zone, RecordType::ds), "a zone's word on its own DS");
  for (const Name& name : names) {
    if (name.is_at_or_below(world.zone)) continue;
    for (const RecordType type : kTypes) require(!known(name, type), "out of bailiwick in the RRset cache");
    require(!world.rrsets.find_negative(name, RecordType::a, Signatures::not_needed, now), "denied out of bailiwick");
    const auto delegation = world.rrsets.closest_delegation(name, now);
    require(!delegation || delegation->zone_cut.is_root(), "delegated out of bailiwick");
  }
}

void check_result(const Internet& world, const ResolutionResult& result) {
  require(result.upstream_packets <= limit_of(Limit::upstream_packets), "upstream packets of a resolution");
  require(result.aliases.size() <= limit_of(Limit::aliases), "aliases of a resolution");
  for (const auto* section : {&result.answer, &result.authority, &result.additional}) {
    for (const Rrset& rrset : *section) {
      require(rrset.owner.is_at_or_below(world.zone), "out of bailiwick in an answer");
    }
  }
}

}  // namespace

WEIR_FUZZ_TARGET(upstream) {
  Input choices(input);
  const unsigned options = choices.u8();
  const unsigned depth = choices.u8();
  std::vector<Octets> messages;
  while (!choices.empty() && messages.size() < kMaxMessages) messages.push_back(choices.block());
  const auto first = messages.empty() ? std::nullopt : read_message_start(messages.front());
  if (!first || !first->has_question || first->qname.is_root()) return;

  Internet world;
  world.zone = first->qname.suffix(1 + depth % first->qname.label_count());
  world.delegate(Name(), kHonest);
  world.delegate(world.zone, kLiar);
  Engine engine(world.options(options), world.rrsets, world.servers);
  Origin origin;
  origin.dnssec_ok = (options & 8) != 0;
  origin.checking_disabled = (options & 16) != 0;
  (void)engine.start({first->qname, first->qtype, RecordClass::in}, origin, world.now);

  std::vector<Name> uttered;
  std::size_t next = 0;
  for (unsigned turns = 0; engine.in_flight() > 0; ++turns) {
    require(turns < 1000, "a resolution that does not end");
    const auto wanted = engine.take_exchanges();
    for (const Exchange& exchange : wanted) {
      world.now.steady += std::chrono::milliseconds(1);
      if (exchange.server.address == kHonest || next == messages.size()) continue;  // silent
      const auto answer = as_answer(messages[next++], exchange);
      note_names(uttered, answer);
      engine.receive(exchange.id, {ExchangeFailure::none, answer}, world.now);
    }
    (void)engine.take_abandoned();
    if (!wanted.empty()) continue;
    const auto timeout = engine.next_timeout();
    require(timeout.has_value(), "a resolution that waits for nothing");
    world.now.steady = std::max(world.now.steady, *timeout);
    engine.timeout(world.now);
  }
  require(engine.counters().broken_invariants == 0, "a fault inside");
  const auto results = engine.take_results();
  require(results.size() == 1, "one result for each start");
  check_result(world, results.front());
  check_cache(world, uttered);
}

}  // namespace weir::fuzz
