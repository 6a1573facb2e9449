// Which parts of an answer rules speak of.
#include <algorithm>
#include <array>

#include "resolver/cache/rrset_cache.h"
#include "resolver/filter/filter.h"
#include "zones/dns/reader.h"
#include "zones/dns/reversed_name.h"

namespace weir {
namespace {

constexpr std::uint16_t kIpv4Hint = 4;  // SvcParamKeys of RFC 9460 section 14.3.2
constexpr std::uint16_t kIpv6Hint = 6;

// Collects the parts that are worth keeping.
class Collector {
 public:
  Collector(const Generation& generation, AnswerMatches& out, KeptParts kept)
      : generation_(generation), out_(out), kept_(kept) {}

  void name(const Name& target) {
    generation_.match(ReversedName(target), scratch_);
    if (keeps()) add(AnswerPart::alias, target, {});
  }

  void address(const Name& owner, const IpAddress& address) {
    one_address(owner, address);
    // What stands for an IPv4 address is judged as that one, too.
    const auto& dns64 = generation_.policies().dns64;
    if (const auto ipv4 = dns64 ? extract_ipv4(dns64->prefix, address) : std::nullopt) one_address(owner, *ipv4);
  }

  // TargetName is a link of the chain, the hints are addresses (RFC 9460 sections 2.2 and 7.3).
  void service(const Rrset& rrset, std::span<const std::uint8_t> rdata) {
    Reader reader(rdata);
    reader.skip(2);
    const Name target = reader.name();
    if (!reader.ok()) return;
    if (!target.is_root()) name(target);
    while (reader.ok() && reader.remaining() >= 4) {
      const std::uint16_t key = reader.u16();
      const auto value = reader.octets(reader.u16());
      const std::size_t size = key == kIpv4Hint ? 4 : key == kIpv6Hint ? 16 : 0;
      for (std::size_t at = 0; size != 0 && at + size <= value.size(); at += size)
        address(target.is_root() ? rrset.owner : target, IpAddress::from_octets(value.subspan(at, size)));
    }
  }

 private:
  bool keeps() const { return kept_ == KeptParts::all || !scratch_.empty(); }

  void one_address(const Name& owner, const IpAddress& address) {
    generation_.match_address(address.unmapped(), scratch_);
    if (keeps() || is_private_address(address)) add(AnswerPart::address, owner, address);
  }

  void add(AnswerPart part, const Name& name, const IpAddress& address) {
    PartMatches entry;
    entry.part = part;
    entry.name = name;
    entry.address = address;
    entry.matches = scratch_;
    out_.push_back(std::move(entry));
  }

  const Generation& generation_;
  AnswerMatches& out_;
  const KeptParts kept_;
  MatchSet scratch_;
};

}  // namespace

namespace {

// How near the nearest rule on it is: prefix lengths of IPv4 count as of mapped addresses.
unsigned precision_of(const PartMatches& part) {
  constexpr unsigned kMapped = 96;
  unsigned longest = 0;
  for (const Match& match : part.matches.matches) longest = std::max<unsigned>(longest, match.labels);
  const bool is_mapped = part.part != AnswerPart::ns_name && part.address.family == AddressFamily::ipv4;
  return longest + (is_mapped ? kMapped : 0);
}

// The first that a rule blocks decides, so parts of one kind stand in RPZ's own order: the nearest rule first, of
// several addresses the smallest then, of several names the first in canonical order (draft-vixie-dnsop-dns-rpz-00
// sections 5.5 to 5.7). The order of records in an answer, which differs from time to time, decides nothing.
void order_parts(AnswerMatches& parts, std::size_t from) {
  const auto nearer = [](const PartMatches& a, const PartMatches& b) {
    const unsigned near_a = precision_of(a);
    const unsigned near_b = precision_of(b);
    if (near_a != near_b) return near_a > near_b;
    return a.part == AnswerPart::ns_name ? a.name.canonical_compare(b.name) < 0 : a.address < b.address;
  };
  for (std::size_t i = from; i < parts.size();) {
    std::size_t end = i + 1;
    while (end < parts.size() && parts[end].part == parts[i].part) ++end;
    if (parts[i].part != AnswerPart::alias) {
      std::sort(parts.begin() + static_cast<std::ptrdiff_t>(i), parts.begin() + static_cast<std::ptrdiff_t>(end),
                nearer);
    }
    i = end;
  }
}

// Name servers of the zones that an answer came through that are looked at; a hostile delegation may name many.
constexpr std::size_t kMaxServersMatched = 64;

// The zones of each link, and those above them up to the root (not the root itself: nobody means everything).
std::vector<Delegation> zones_of(const ResolutionResult& result, const RrsetCache& rrsets, SteadyTime now) {
  std::vector<Name> cuts;
  for (const AliasLink& link : result.aliases) cuts.push_back(link.zone_cut);
  // What nobody answered comes of no zone: those that its name leads to are what a rule on servers means. What is bogus
  // stays so, whoever served it (SEMANTICS section 5).
  const bool unanswered = result.rcode == Rcode::servfail && result.security != Security::bogus;
  const Name& last = result.aliases.empty() ? result.question.name : result.aliases.back().target;
  cuts.push_back(unanswered ? last : result.zone_cut);
  std::vector<Delegation> zones;
  std::size_t servers = 0;
  for (Name cut : cuts) {
    while (!cut.is_root() && servers < kMaxServersMatched) {
      auto zone = rrsets.closest_delegation(cut, now);
      if (!zone || zone->zone_cut.is_root()) break;
      cut = zone->zone_cut.parent();
      const bool known = std::any_of(zones.begin(), zones.end(),
                                     [&](const Delegation& other) { return other.zone_cut == zone->zone_cut; });
      if (known) break;  // and with it all above
      servers += zone->servers.size();
      zones.push_back(std::move(*zone));
    }
  }
  return zones;
}

}  // namespace

void match_name_servers(const ResolutionResult& result, const Generation& generation, const RrsetCache& rrsets,
                        SteadyTime now, AnswerMatches& out, KeptParts kept) {
  MatchSet scratch;
  const auto add = [&](AnswerPart part, const Name& name, const IpAddress& address) {
    if (kept == KeptParts::all || !scratch.empty())
      out.push_back({.part = part, .name = name, .address = address, .matches = scratch});
  };
  const std::size_t first = out.size();
  const std::vector<Delegation> zones = zones_of(result, rrsets, now);
  for (const Delegation& zone : zones) {
    for (const NameServer& server : zone.servers) {
      generation.match_ns_name(ReversedName(server.name), scratch);
      add(AnswerPart::ns_name, server.name, {});
    }
  }
  for (const Delegation& zone : zones) {
    for (const NameServer& server : zone.servers) {
      const auto one = [&](const IpAddress& address) {
        generation.match_ns_address(address, scratch);
        add(AnswerPart::ns_address, server.name, address);
      };
      for (const IpAddress& address : server.addresses) one(address);
      if (!server.addresses.empty()) continue;
      for (const RecordType type : {RecordType::a, RecordType::aaaa}) {
        const auto found = rrsets.find(server.name, type, Credibility::glue, Signatures::not_needed, now);
        if (!found) continue;
        for (const auto rdata : found->data.rrset.records()) one(IpAddress::from_octets(rdata));
      }
    }
  }
  order_parts(out, first);
}

void match_answer(const ResolutionResult& result, const Generation& generation, AnswerMatches& out, KeptParts kept) {
  const std::size_t first = out.size();
  Collector collector(generation, out, kept);
  for (const AliasLink& link : result.aliases) collector.name(link.target);
  for (const Rrset& rrset : result.answer) {
    const bool is_service = rrset.type == RecordType::https || rrset.type == RecordType::svcb;
    const std::size_t size = rrset.type == RecordType::a ? 4 : rrset.type == RecordType::aaaa ? 16 : 0;
    for (const auto rdata : rrset.records()) {
      if (is_service) collector.service(rrset, rdata);
      if (size != 0 && rdata.size() == size) collector.address(rrset.owner, IpAddress::from_octets(rdata));
    }
  }
  order_parts(out, first);
}

}  // namespace weir
