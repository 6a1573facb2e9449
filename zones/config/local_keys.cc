// The keys of what is answered or asked in a way of its own: [[forward]], [[negative_trust_anchor]], [local],
// [[local_zone]] and [dns64].
#include "zones/base/text.h"
#include "zones/config/kinds.h"

namespace weir::config {
namespace {

constexpr std::size_t kMaxRecordsPerKey = 100'000;

Parsed<Endpoint> server() {
  return {"an address with or without a port, such as \"192.0.2.1\", \"192.0.2.1@5353\" or \"[2001:db8::1]:5353\"",
          [](std::string_view text, const Faults&) { return parse_endpoint(text, 0); },
          [](const Endpoint& value) { return value.port == 0 ? value.address.to_text() : value.to_text(); }};
}

// A point in time, as a string or as TOML's own.
struct Time {
  using Value = WallTime;
  std::string expected() const { return "a time such as 2026-12-01T00:00:00Z"; }
  std::string show(WallTime value) const { return format_time(value); }
  bool read(const ConfigValue& in, WallTime& out, std::string_view label, Faults& faults) const {
    const bool good_type = in.type == ConfigValue::Type::string || in.type == ConfigValue::Type::time;
    const auto parsed = good_type ? parse_time(in.text) : Result<WallTime>(Error{ErrorCode::invalid, {}});
    if (parsed) {
      out = *parsed;
    } else {
      faults.wrong(in, label, expected());
    }
    return parsed.has_value();
  }
};

Parsed<std::string> reason() {
  return {"a string that says why, of at most 500 octets",
          [](std::string_view value, const Faults&) -> Result<std::string> {
            if (trim(value).empty()) return Error{ErrorCode::invalid, "it says nothing"};
            if (value.size() > 500) return Error{ErrorCode::invalid, "it has " + std::to_string(value.size())};
            return std::string(trim(value));
          },
          [](const std::string& value) { return value; }};
}

}  // namespace

const Keys<ForwardConfig>& forward_keys() {
  using C = ForwardConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", domain_name(), [](C& c) -> auto& { return c.name; },
          "the zone: this name and all below it; \".\" is everything")),
      key<C>(
          "kind", Choice<C::Kind>{{{"forward", C::Kind::forward}, {"stub", C::Kind::stub}}},
          [](C& c) -> auto& { return c.kind; },
          "forward: the servers are resolvers and get the whole question; stub: they serve the zone"),
      required(key<C>(
          "servers", ArrayOf<Parsed<Endpoint>>{server(), 1, 64}, [](C& c) -> auto& { return c.servers; },
          "who is asked; without a port: [resolver] upstream_port")),
      key<C>(
          "fallback", Choice<C::Fallback>{{{"none", C::Fallback::none}, {"recursion", C::Fallback::recursion}}},
          [](C& c) -> auto& { return c.fallback; },
          "where none of them answers: recursion resolves from the root, none is SERVFAIL"),
  };
  return keys;
}

namespace {

// Texts alone: what they say is read once all keys of the section are known (local.cc). Ten thousand and more are
// common, so none is compared with all others here.
template <class Section>
Key<Section> records_key() {
  static const std::string kExpected =
      "an array of at most 100000 records such as \"router.home.example. 3600 IN A 192.0.2.1\"";
  Key<Section> out{"records",      "records in zone-file text; names are whole names, TTL and class may be left out",
                   kExpected,      "[]",
                   Need::optional, {}};
  out.read = [](const ConfigValue& in, std::string_view label, Section& section, Faults& faults) {
    if (in.type != ConfigValue::Type::array || in.items.size() > kMaxRecordsPerKey)
      return faults.wrong(in, label, kExpected);
    std::vector<std::string> texts;
    for (const ConfigValue& item : in.items) {
      if (item.type != ConfigValue::Type::string) return faults.wrong(item, label, "a string for each record");
      texts.push_back(item.text);
    }
    section.records = std::move(texts);
  };
  return out;
}

template <class Section>
Key<Section> record_ttl_key() {
  return key<Section>(
      "ttl", Whole<std::uint32_t>{0, 604800}, [](Section& c) -> auto& { return c.ttl; },
      "seconds that records without a TTL may be kept");
}

template <class Section>
Key<Section> pointer_key() {
  return key<Section>(
      "ptr", Flag{}, [](Section& c) -> auto& { return c.ptr; },
      "each A and AAAA also gives its address a PTR, unless there is one already");
}

Choice<LocalZoneType> local_zone_type() {
  Choice<LocalZoneType> out;
  for (const auto type : {LocalZoneType::fixed, LocalZoneType::transparent, LocalZoneType::type_transparent,
                          LocalZoneType::redirect, LocalZoneType::no_a, LocalZoneType::no_aaaa, LocalZoneType::nodata,
                          LocalZoneType::refuse, LocalZoneType::drop, LocalZoneType::resolve}) {
    out.words.push_back({to_text(type), type});
  }
  return out;
}

}  // namespace

const Keys<LocalConfig>& local_keys() {
  using C = LocalConfig;
  static const Keys<C> keys = {
      records_key<C>(),
      record_ttl_key<C>(),
      pointer_key<C>(),
      key<C>(
          "special_names", Flag{}, [](C& c) -> auto& { return c.special_names; },
          "answer localhost, invalid, test, onion, home.arpa, private reverse zones and the like here (RFC 6303, "
          "6761)"),
      key<C>(
          "domains", ArrayOf<Parsed<Name>>{domain_name()}, [](C& c) -> auto& { return c.domains; },
          "names at and below which private addresses belong, beside local and forward zones; for "
          "rebinding_protection"),
  };
  return keys;
}

const Keys<NegativeTrustAnchorConfig>& negative_trust_anchor_keys() {
  using C = NegativeTrustAnchorConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", domain_name(), [](C& c) -> auto& { return c.name; },
          "nothing at this name or below it is validated (RFC 7646)")),
      required(key<C>(
          "reason", reason(), [](C& c) -> auto& { return c.reason; }, "why; shown by 'weir anchors'")),
      required(key<C>(
          "until", Time{}, [](C& c) -> auto& { return c.until; },
          "when it ends, at most a week from now; it is ignored from then on")),
  };
  return keys;
}

const Keys<LocalZoneConfig>& local_zone_keys() {
  using C = LocalZoneConfig;
  static const Keys<C> keys = {
      required(key<C>(
          "name", domain_name(), [](C& c) -> auto& { return c.name; },
          "the zone: this name and all below it, as far as no longer zone holds them")),
      key<C>(
          "type", local_zone_type(), [](C& c) -> auto& { return c.type; },
          "what its records do not answer: static: NXDOMAIN, NODATA; transparent: names without records are resolved; "
          "typetransparent: everything is resolved; redirect: its own records are those of all names below; no_a, "
          "no_aaaa: that type is NODATA, the rest is resolved; nodata, refuse, drop: as they say; resolve: as if it "
          "were not special"),
      records_key<C>(),
      record_ttl_key<C>(),
      pointer_key<C>(),
      key<C>(
          "groups", ArrayOf<Parsed<std::string>>{config_name(), 0, 1000}, [](C& c) -> auto& { return c.groups; },
          "who has the zone; empty: everybody. A group's own zone comes before one of the same name for everybody"),
  };
  return keys;
}

namespace {

// RFC 6052 section 2.2: its lengths, and bits 64 to 71 of the addresses are zero.
Parsed<Prefix> pref64() {
  return {"an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits such as \"64:ff9b::/96\"",
          [](std::string_view text, const Faults&) -> Result<Prefix> {
            auto prefix = Prefix::parse(text);
            if (!prefix) return prefix;
            if (prefix->address.family != AddressFamily::ipv6 || !is_pref64_length(prefix->length))
              return Error{ErrorCode::invalid, quote(text) + " is none"};
            if (prefix->address.octets[8] != 0)
              return Error{ErrorCode::invalid,
                           "bits 64 to 71 of " + quote(text) + " are not zero (RFC 6052 section 2.2)"};
            return prefix;
          },
          [](const Prefix& value) { return value.to_text(); }};
}

}  // namespace

const Keys<Dns64Config>& dns64_keys() {
  using C = Dns64Config;
  static const Keys<C> keys = {
      key<C>(
          "on", Flag{}, [](C& c) -> auto& { return c.on; },
          "names without AAAA get AAAA that stand for their A behind a NAT64 (RFC 6147)"),
      key<C>(
          "prefix", pref64(), [](C& c) -> auto& { return c.dns64.prefix; },
          "the prefix that the NAT64 translates; the well-known one stands for global addresses only"),
      key<C>(
          "clients", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.dns64.clients; },
          "who is given such answers; empty: everybody"),
      key<C>(
          "exclude", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.dns64.exclude; },
          "AAAA in these prefixes count as none"),
      key<C>(
          "exclude_ipv4", ArrayOf<Parsed<Prefix>>{prefix()}, [](C& c) -> auto& { return c.dns64.exclude_ipv4; },
          "A in these prefixes are not translated"),
      key<C>(
          "private_addresses", Flag{}, [](C& c) -> auto& { return c.dns64.translates_private; },
          "the well-known prefix stands for addresses that are not global too, against RFC 6052 section 3.1: for a "
          "NAT64 "
          "that reaches a site's own IPv4 hosts"),
      key<C>(
          "blocked",
          Choice<Dns64::Blocked>{
              {{"answered", Dns64::Blocked::answered}, {"untranslated", Dns64::Blocked::untranslated}}},
          [](C& c) -> auto& { return c.dns64.blocked; },
          "an AAAA whose IPv4 address a policy blocks is answered as the policy says, or is untranslated: as if the "
          "name "
          "had no A"),
  };
  return keys;
}

}  // namespace weir::config
