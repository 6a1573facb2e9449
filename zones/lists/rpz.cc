#include "zones/lists/rpz.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "zones/base/text.h"

namespace weir {
namespace {

constexpr std::size_t kSoaNumbers = 20;  // serial, refresh, retry, expire, minimum behind the names

// A name's labels, leftmost first, without the root.
struct Labels {
  std::array<std::string_view, kMaxLabels> all;
  unsigned count = 0;

  explicit Labels(const Name& name) {
    const auto wire = name.wire();
    for (std::size_t at = 0; wire[at] != 0; at += wire[at] + 1U)
      all[count++] = {reinterpret_cast<const char*>(wire.data()) + at + 1, wire[at]};
  }
};

// The labels of `name` in front of its last `dropped`.
Name without_last(const Name& name, unsigned dropped) {
  const auto wire = name.wire();
  const unsigned kept = name.label_count() - dropped;
  std::array<std::uint8_t, kMaxNameSize> out;
  std::size_t size = 0;
  for (unsigned i = 0; i < kept; ++i) size += wire[size] + 1U;
  std::copy_n(wire.begin(), size, out.begin());
  out[size] = 0;
  return Name::from_checked_wire({out.data(), size + 1}, kept);
}

std::optional<unsigned> parse_number(std::string_view text, unsigned most, int base) {
  unsigned value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (fault != std::errc() || end != text.data() + text.size() || text.empty() || value > most) return std::nullopt;
  return value;
}

// The words of an IPv6 address in reversed order, one `zz` standing for as many zeros as are missing.
std::optional<IpAddress> read_ipv6(std::span<const std::string_view> reversed) {
  const bool shortened = std::find(reversed.begin(), reversed.end(), "zz") != reversed.end();
  if (shortened ? reversed.size() > 8 : reversed.size() != 8) return std::nullopt;
  std::array<std::uint8_t, 16> octets{};
  std::size_t word = 0;
  bool filled = false;
  for (std::size_t i = reversed.size(); i-- > 0;) {
    if (reversed[i] == "zz") {
      if (filled) return std::nullopt;
      filled = true;
      word += 9 - reversed.size();
      continue;
    }
    const auto value = parse_number(reversed[i], 0xFFFF, 16);
    if (!value || word >= 8) return std::nullopt;
    octets[word * 2] = static_cast<std::uint8_t>(*value >> 8);
    octets[word * 2 + 1] = static_cast<std::uint8_t>(*value);
    ++word;
  }
  return IpAddress::from_octets(octets);
}

// `<length>.<reversed address>`. What is wrong, or nothing and the prefix.
std::string_view read_prefix(std::span<const std::string_view> labels, Prefix& prefix) {
  constexpr std::string_view kExpected = "not <length>.<reversed address>";
  if (labels.size() < 2) return kExpected;
  const auto reversed = labels.subspan(1);
  std::optional<IpAddress> address;
  if (reversed.size() == 4 && std::find(reversed.begin(), reversed.end(), "zz") == reversed.end()) {
    std::array<std::uint8_t, 4> octets{};
    for (std::size_t i = 0; i < 4; ++i) {
      const auto value = parse_number(reversed[3 - i], 255, 10);
      if (!value) return kExpected;
      octets[i] = static_cast<std::uint8_t>(*value);
    }
    address = IpAddress::from_octets(octets);
  } else {
    address = read_ipv6(reversed);
  }
  if (!address) return kExpected;
  const auto length = parse_number(labels[0], address->bits(), 10);
  if (!length) return "a prefix length that the address does not have";
  prefix = Prefix::of(*address, *length);
  if (prefix.address != *address) return "bits past the prefix length are set";
  return {};
}

// What a zone holds for its own sake or a resolver cannot give as an answer of its own.
std::string_view why_no_data(RecordType type) {
  switch (type) {
    case RecordType::ds:
    case RecordType::rrsig:
    case RecordType::sig:
    case RecordType::key:
    case RecordType::nsec:
    case RecordType::nsec3:
    case RecordType::nsec3param:
    case RecordType::dnskey:
    case RecordType::cds:
    case RecordType::cdnskey:
    case RecordType::csync:
    case RecordType::zonemd:
      return "a DNSSEC record: it says nothing of names";
    case RecordType::soa:
    case RecordType::ns:
    case RecordType::dname:
      return "a record that no rule can answer with";
    default:
      break;
  }
  const auto number = static_cast<unsigned>(type);
  const bool meta = type == RecordType::opt || (number >= 128 && number < 256) || number == 0;
  return meta ? "a type that no zone holds" : std::string_view();
}

// The action that a CNAME record stands for. `self`: the trigger, which an old form of passthru points at.
void read_target(const Name& target, const Name& self, Rule& rule, Line& line) {
  const Labels labels(target);
  if (labels.count == 0) {
    rule.action = Action::nxdomain;
  } else if (labels.all[0] == "*" && labels.count == 1) {
    rule.action = Action::nodata;
  } else if (target == self) {
    rule.action = Action::allow;
  } else if (labels.all[0] == "*") {
    rule.action = Action::cname;
    rule.detail.target = target.parent();
    rule.detail.target_below = true;
  } else if (labels.all[labels.count - 1].starts_with("rpz-")) {
    const std::string_view word = labels.all[labels.count - 1];
    if (labels.count == 1 && word == "rpz-passthru") {
      rule.action = Action::allow;
    } else if (labels.count == 1 && word == "rpz-drop") {
      rule.action = Action::drop;
    } else if (labels.count == 1 && word == "rpz-tcp-only") {
      rule.action = Action::truncate;
    } else {
      line.end(Bucket::unsupported_rpz, 1, "an unknown action '" + target.to_text() + "'");
    }
  } else {
    rule.action = Action::cname;
    rule.detail.target = target;
  }
}

}  // namespace

bool serial_went_back(std::uint32_t before, std::uint32_t now) {
  return before != now && now - before > 0x7FFFFFFF;
}

ResponsePolicyZone::ResponsePolicyZone(std::optional<Name> apex, NameMatch match)
    : apex_(apex ? apex->folded() : Name()), apex_known_(apex.has_value()), match_(match) {}

void ResponsePolicyZone::read_soa(const ZoneRecord& record, Line& line) {
  if (apex_known_ && record.owner != apex_) {
    return line.end(Bucket::out_of_zone, 1, "a second SOA record, of '" + record.owner.to_text() + "'");
  }
  apex_ = record.owner.folded();
  apex_known_ = true;
  line.bucket = Bucket::header;
  if (serial_ || record.rdata.size() < kSoaNumbers) return;
  soa_ = {apex_, RecordType::soa, record.ttl_seconds, {record.rdata.begin(), record.rdata.end()}};
  const auto numbers = record.rdata.last(kSoaNumbers);
  serial_ = static_cast<std::uint32_t>(numbers[0]) << 24 | static_cast<std::uint32_t>(numbers[1]) << 16 |
            static_cast<std::uint32_t>(numbers[2]) << 8 | numbers[3];
}

// False: the line has ended in a bucket. `self` becomes the name in the trigger.
bool ResponsePolicyZone::read_trigger(const Name& owner, Rule& rule, Name& self, Line& line) const {
  const Name relative = apex_.is_root() ? owner : without_last(owner, apex_.label_count());
  const Labels labels(relative);
  const std::string_view last = labels.all[labels.count - 1];
  if (!last.starts_with("rpz-")) {
    self = relative;
    const bool below = labels.all[0] == "*";
    rule.kind = below ? PatternKind::below : match_ == NameMatch::subtree ? PatternKind::subtree : PatternKind::exact;
    rule.name = below ? relative.parent() : relative;
    return true;
  }
  self = without_last(relative, 1);
  if (last == "rpz-nsdname") {
    if (self.is_root()) {
      line.end(Bucket::invalid_name, 1, "no name before rpz-nsdname");
      return false;
    }
    rule.kind = PatternKind::ns_name;
    const bool below = labels.all[0] == "*";
    if (below) rule.pattern = "*";
    rule.name = below ? self.parent() : self;
    return true;
  }
  if (last == "rpz-ip") {
    rule.kind = PatternKind::address;
  } else if (last == "rpz-client-ip") {
    rule.kind = PatternKind::client;
  } else if (last == "rpz-nsip") {
    rule.kind = PatternKind::ns_address;
  } else {
    line.end(Bucket::unsupported_rpz, 1, "an unknown trigger '" + std::string(last) + "'");
    return false;
  }
  const std::string_view fault = read_prefix(std::span(labels.all).first(labels.count - 1), rule.prefix);
  if (fault.empty()) return true;
  line.end(Bucket::invalid_address, 1, fault);
  return false;
}

void ResponsePolicyZone::read(const ZoneRecord& record, Line& line) {
  const Name owner = record.owner.folded();
  if (record.type == RecordType::soa) return read_soa(record, line);
  if (!owner.is_at_or_below(apex_)) {
    return line.end(Bucket::out_of_zone, 1, "'" + owner.to_text() + "' is not in the zone '" + apex_.to_text() + "'");
  }
  const bool at_apex = owner.label_count() == apex_.label_count();
  if (at_apex && record.type == RecordType::ns) {
    line.bucket = Bucket::header;
    return;
  }
  if (const std::string_view why = why_no_data(record.type); !why.empty())
    return line.end(Bucket::unsupported_rpz, 1, to_text(record.type) + ": " + std::string(why));
  if (at_apex) return line.end(Bucket::unsupported_rpz, 1, "a record of the zone's own name says nothing of others");
  line.rules.resize(1);
  Rule& rule = line.rules.front();
  Name self;
  if (!read_trigger(owner, rule, self, line)) return;
  line.bucket = Bucket::rule;
  if (record.type != RecordType::cname) {
    rule.action = Action::answer;
    rule.detail.records.push_back(
        {record.type, record.ttl_seconds, std::vector<std::uint8_t>(record.rdata.begin(), record.rdata.end())});
    return;
  }
  const auto target = Name::from_wire(record.rdata);
  if (!target) return line.end(Bucket::invalid_name, 1, "a CNAME record without a name");
  read_target(target->folded(), self, rule, line);
}

}  // namespace weir
