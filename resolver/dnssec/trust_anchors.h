// Where trust begins, and where it is switched off: trust anchors (RFC 4033 section 2), and negative ones (RFC 7646).
//
// Values that the configuration makes once and readers share. Nothing here reads a clock or a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "resolver/dnssec/ds.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/rrset.h"

namespace weir {

// Either RRset may be empty, not both. authenticate_dnskeys takes both.
struct TrustAnchor {
  Name zone;
  Rrset ds;
  Rrset dnskeys;
};

class TrustAnchors {
 public:
  TrustAnchors() = default;  // none: nothing is validated

  // The DS of KSK-2017 and KSK-2024, as IANA publishes them (root-anchors.xml).
  static TrustAnchors built_in_root();

  // Zone file lines (RFC 1035 section 5.1) with DS and DNSKEY records of class IN. `file` is for messages. Errors:
  // invalid, as file:line:column of where the record begins: what is no such record, is a DNSKEY without zone key flag
  // or with the revoked one, or says nothing.
  static Result<TrustAnchors> parse(std::string_view text, std::string_view file);

  // One more record of type DS or DNSKEY.
  void add(const Name& zone, RecordType type, std::span<const std::uint8_t> rdata);

  // The anchor at `name` or closest above it; null where there is none, and everything is insecure.
  const TrustAnchor* closest(const Name& name) const;
  const std::vector<TrustAnchor>& all() const { return anchors_; }

 private:
  std::vector<TrustAnchor> anchors_;  // a handful: one a zone
};

// "Do not validate at this name and below it until then, because ..." (RFC 7646).
struct NegativeTrustAnchor {
  Name name;
  WallTime expires;
  std::string reason;
};

class NegativeTrustAnchors {
 public:
  // In the place of one of the same name. Errors: invalid where it has no reason, or ends before `now` or more than a
  // week after it (section 2: it is for a fault that somebody repairs).
  Result<void> add(NegativeTrustAnchor anchor, WallTime now);
  bool remove(const Name& name);

  // The closest one at or above `name` that has not expired. A trust anchor below it wins: compare the label counts.
  const NegativeTrustAnchor* closest(const Name& name, WallTime now) const;
  const std::vector<NegativeTrustAnchor>& all() const { return anchors_; }

 private:
  std::vector<NegativeTrustAnchor> anchors_;
};

}  // namespace weir
