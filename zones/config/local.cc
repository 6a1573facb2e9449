// The records of [local] and [[local_zone]]: read, checked, and put into the zones that answer them.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "zones/base/text.h"
#include "zones/config/document.h"
#include "zones/dns/pointer_name.h"

namespace weir::config {
namespace {

constexpr std::string_view kExample = "\"router.home.example. 3600 IN A 192.0.2.1\"";

bool is_wildcard(const Name& name) {
  return name.first_label() == "*";
}

// Types that no zone can hold, or that mean more than a record here can (RFC 6895 section 3.1).
std::string_view objection(RecordType type) {
  const auto number = static_cast<std::uint16_t>(type);
  if (type == RecordType::dname)
    return "a DNAME is not served from here; a [[local_zone]] of type \"redirect\" comes close";
  if (type == RecordType::ds) return "a DS belongs to a signed parent; local zones are not signed";
  if (number == 0 || type == RecordType::opt || (number >= 128 && number <= 255))
    return "this type is no data of a zone";
  return {};
}

class RecordReader {
 public:
  explicit RecordReader(std::vector<std::string>& faults) : faults_(faults) {}

  // `zone`: null for [local].
  void read(const Origin& origin, const std::vector<std::string>& texts, std::uint32_t ttl, const LocalZoneConfig* zone,
            std::vector<ResourceRecord>& out) {
    if (texts.empty() || origin.table == nullptr) return;
    const ConfigValue& items = find_member(*origin.table, "records")->value;
    Faults faults(origin.document->file, faults_);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      auto record = parse_resource_record(texts[i], ttl);
      const std::string why = record ? fault_of(*record, zone) : record.error().message;
      if (!why.empty()) {
        faults.add(items.items[i].position, quote(escape_for_display(texts[i].substr(0, 200))) +
                                                ": expected a record such as " + std::string(kExample) + ": " + why);
        continue;
      }
      if (++count_ == kMaxLocalRecords + 1)
        faults.add(items.items[i].position, "more than " + std::to_string(kMaxLocalRecords) + " local records");
      out.push_back(std::move(*record));
    }
  }

 private:
  std::string fault_of(const ResourceRecord& record, const LocalZoneConfig* zone) {
    if (const auto why = objection(record.type); !why.empty()) return std::string(why);
    if (zone != nullptr) {
      const std::string shown = "the zone " + quote(zone->name.to_text());
      if (zone->type == LocalZoneType::resolve) return shown + " is of type \"resolve\": it has no records";
      if (!record.owner.is_at_or_below(zone->name))
        return "its name does not lie in " + shown + "; names are whole names";
      if (zone->type == LocalZoneType::redirect && record.owner != zone->name)
        return shown + " is of type \"redirect\": its records are those of its own name";
      if (record.type == RecordType::soa && record.owner != zone->name) return "an SOA is of the zone's own name";
    } else if (record.type == RecordType::soa) {
      return "an SOA belongs to a [[local_zone]]";
    }
    return beside_cname(record, zone);
  }

  // RFC 2181 section 10.1, RFC 4035 section 2.5: nothing but NSEC and signatures stands beside a CNAME.
  std::string beside_cname(const ResourceRecord& record, const LocalZoneConfig* zone) {
    if (record.type == RecordType::nsec || record.type == RecordType::rrsig) return {};
    const bool of_groups = zone != nullptr && !zone->groups.empty();
    Owner& owner = owners_[of_groups ? zone : nullptr][record.owner.folded()];
    if (record.type == RecordType::cname && owner.alias && *owner.alias != record.rdata)
      return "there is another CNAME of this name";
    if (record.type == RecordType::cname ? owner.data : owner.alias.has_value())
      return "a CNAME and other records have this name: a CNAME stands alone";
    if (record.type == RecordType::cname) {
      owner.alias = record.rdata;
    } else {
      owner.data = true;
    }
    return {};
  }

  struct Owner {
    std::optional<std::vector<std::uint8_t>> alias;
    bool data = false;
  };

  std::vector<std::string>& faults_;
  // What some groups alone have is apart from what everybody has.
  std::unordered_map<const LocalZoneConfig*, std::unordered_map<Name, Owner>> owners_;
  std::size_t count_ = 0;
};

// Puts each record into the zone that decides on its owner.
class ZoneBuilder {
 public:
  void add_zone(const Name& name, LocalZoneType type) {
    if (configured_.emplace(name.folded(), zones_.size()).second) zones_.push_back({name, type, {}});
  }

  void add(const ResourceRecord& record) {
    if (record.type == RecordType::ptr) pointers_.insert(record.owner.folded().to_text());
    zone_of(record.owner).records.push_back(record);
  }

  // The first name of an address is the one that it is called by.
  void add_pointer(const ResourceRecord& record) {
    if ((record.type != RecordType::a && record.type != RecordType::aaaa) || is_wildcard(record.owner)) return;
    ResourceRecord pointer;
    pointer.owner = pointer_name(IpAddress::from_octets(record.rdata));
    if (pointers_.contains(pointer.owner.to_text())) return;
    pointer.type = RecordType::ptr;
    pointer.ttl_seconds = record.ttl_seconds;
    const auto target = record.owner.wire();
    pointer.rdata.assign(target.begin(), target.end());
    add(pointer);
  }

  std::vector<LocalZone> take() { return std::move(zones_); }

 private:
  LocalZone& zone_of(const Name& owner) {
    for (unsigned labels = owner.label_count() + 1; labels-- > 0;) {
      const auto known = configured_.find(owner.suffix(labels).folded());
      if (known == configured_.end()) continue;
      LocalZone& zone = zones_[known->second];
      const bool takes = zone.type != LocalZoneType::resolve &&
                         (zone.type != LocalZoneType::redirect || labels == owner.label_count());
      if (takes) return zone;
      break;
    }
    // A zone of its own: a wildcard's begins where it does.
    const Name name = is_wildcard(owner) ? owner.parent() : owner;
    const auto [at, fresh] = own_.emplace(name.folded(), zones_.size());
    if (fresh) zones_.push_back({name, LocalZoneType::transparent, {}});
    return zones_[at->second];
  }

  std::vector<LocalZone> zones_;
  std::unordered_map<Name, std::size_t> configured_;
  std::unordered_map<Name, std::size_t> own_;
  std::set<std::string> pointers_;
};

// RFC 8880 section 7.1: a DNS64 server answers for ipv4only.arpa itself; AAAA are made of these A as of any other.
void add_ipv4only(ZoneBuilder& builder) {
  builder.add_zone(*Name::parse("ipv4only.arpa"), LocalZoneType::fixed);
  for (const char* text :
       {"ipv4only.arpa 86400 A 192.0.0.170", "ipv4only.arpa 86400 A 192.0.0.171",
        "170.0.0.192.in-addr.arpa 86400 PTR ipv4only.arpa", "171.0.0.192.in-addr.arpa 86400 PTR ipv4only.arpa"}) {
    builder.add(*parse_resource_record(text, 0));
  }
}

}  // namespace

void read_local_records(Config& config, const Origins& origins, std::vector<std::string>& faults) {
  RecordReader reader(faults);
  reader.read(origins.local, config.local.records, config.local.ttl, nullptr, config.local.parsed);
  for (std::size_t i = 0; i < config.local_zones.size(); ++i) {
    LocalZoneConfig& zone = config.local_zones[i];
    reader.read(origins.local_zones[i], zone.records, zone.ttl, &zone, zone.parsed);
  }
}

std::vector<LocalZone> compile_local_zones(const Config& config) {
  ZoneBuilder builder;
  const auto is_for_all = [](const LocalZoneConfig& zone) { return zone.groups.empty(); };
  for (const LocalZoneConfig& zone : config.local_zones) {
    if (is_for_all(zone)) builder.add_zone(zone.name, zone.type);
  }
  // Who is to be asked for a name is not answered here instead, unless a zone of the same name says so.
  for (const ForwardConfig& forward : config.forwards) builder.add_zone(forward.name, LocalZoneType::resolve);
  if (config.dns64.on) add_ipv4only(builder);
  for (const ResourceRecord& record : config.local.parsed) builder.add(record);
  for (const LocalZoneConfig& zone : config.local_zones) {
    if (!is_for_all(zone)) continue;
    for (const ResourceRecord& record : zone.parsed) builder.add(record);
  }
  if (config.local.ptr) {
    for (const ResourceRecord& record : config.local.parsed) builder.add_pointer(record);
  }
  for (const LocalZoneConfig& zone : config.local_zones) {
    if (!zone.ptr || !is_for_all(zone)) continue;
    for (const ResourceRecord& record : zone.parsed) builder.add_pointer(record);
  }
  std::vector<LocalZone> zones = builder.take();
  for (const LocalZoneConfig& zone : config.local_zones) {
    if (!is_for_all(zone)) zones.push_back({zone.name, zone.type, zone.parsed, zone.groups});
  }
  return zones;
}

}  // namespace weir::config
