// Response policy zones: what one record of the zone asks for (SEMANTICS section 2, RPZ).
//
// The owner without the zone's own name is the trigger, the data are the action. Records may come of a master file or
// of a zone transfer; a faulty one never costs more than itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "zones/dns/name.h"
#include "zones/dns/record_types.h"
#include "zones/lists/line.h"
#include "zones/policy.h"

namespace weir {

// A record as it comes; valid until the next one is read.
struct ZoneRecord {
  Name owner;
  RecordType type = RecordType::a;
  std::uint32_t ttl_seconds = 0;
  std::span<const std::uint8_t> rdata;  // names in it are not compressed
};

class ResponsePolicyZone {
 public:
  // `apex`: of a transfer, the zone that was asked for. Without one the SOA record names it; records before the SOA
  // are taken as of the root. `match` = subtree: a trigger `name` means itself and everything below.
  ResponsePolicyZone(std::optional<Name> apex, NameMatch match);

  // Fills the bucket, the reason and at most one rule. SOA and NS records of the zone itself end in `header`.
  void read(const ZoneRecord& record, Line& line);

  const Name& apex() const { return apex_; }
  std::optional<std::uint32_t> serial() const { return serial_; }    // of the first SOA
  const std::optional<ResourceRecord>& soa() const { return soa_; }  // that one

 private:
  bool read_trigger(const Name& owner, Rule& rule, Name& self, Line& line) const;
  void read_soa(const ZoneRecord& record, Line& line);

  Name apex_;
  bool apex_known_ = false;
  NameMatch match_;
  std::optional<std::uint32_t> serial_;
  std::optional<ResourceRecord> soa_;
};

// RFC 1982: whether `now` comes before `before`.
bool serial_went_back(std::uint32_t before, std::uint32_t now);

}  // namespace weir
