// Records of response policy zones as a zone transfer brings them: any owner, type and data.
#include "tests/fuzz/fuzz.h"
#include "zones/lists/rpz.h"

namespace weir::fuzz {
namespace {

Name read_name(Input& in) {
  const auto name = Name::from_wire(in.octets(in.u8()));
  return name ? *name : Name();
}

}  // namespace

// How names match and whether the zone is known; the zone; then records: owner, type, TTL, data.
WEIR_FUZZ_TARGET(rpz_record) {
  Input in(input);
  const std::uint8_t choices = in.u8();
  const Name apex = read_name(in);
  ResponsePolicyZone zone((choices & 1) != 0 ? std::optional(apex) : std::nullopt,
                          (choices & 2) != 0 ? NameMatch::subtree : NameMatch::automatic);
  Line line;
  while (!in.empty()) {
    ZoneRecord record;
    record.owner = read_name(in);
    if ((choices & 4) != 0) record.owner = record.owner.replace_suffix(Name(), apex).value_or(record.owner);
    record.type = static_cast<RecordType>(in.u16());
    record.ttl_seconds = in.u16();
    record.rdata = in.octets(in.u8());
    line.reset();
    zone.read(record, line);
    require((line.bucket == Bucket::rule) == (line.rules.size() == 1), "one rule a record, or none");
    require(line.bucket == Bucket::rule || line.bucket == Bucket::header || !line.reason.empty(), "no rule, no reason");
    if (line.rules.empty()) continue;
    const Rule& rule = line.rules.front();
    require(record.owner.is_at_or_below(zone.apex()), "a rule out of another zone");
    require(Prefix::of(rule.prefix.address, rule.prefix.length) == rule.prefix, "host bits in a prefix");
    require((rule.action == Action::answer) == !rule.detail.records.empty(), "an answer without records");
    require((rule.action == Action::cname) == rule.detail.target.has_value(), "an alias without a target");
    require(rule.action != Action::block && rule.action != Action::address, "an action that no zone has");
  }
}

}  // namespace weir::fuzz
