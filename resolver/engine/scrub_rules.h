// What of a response from upstream is believed: what an administrator may make stricter or laxer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace weir {

struct ScrubRules {
  // Name servers' addresses on loopback are asked, which lets a zone point at this host's own services.
  bool loopback_servers = false;
  // Glue for name servers outside of the zone that was asked: anybody could move anybody's servers.
  bool foreign_glue = false;
  // The zone's NS beside an answer are told to whole answers; by default nobody asked for them (CVE-2025-11411).
  bool unasked_name_servers = false;
  // The zone's NS are told beside the SOA of a denial.
  bool name_servers_beside_soa = false;
  // A cached DNAME answers for names below it also where no signature vouches for it (RFC 6672 section 3.4).
  bool unsigned_dname_from_cache = true;
  // Records of other types than addresses in the additional section of whole answers.
  bool any_additional_type = false;
  // What an answer holds at the end of its aliases (RFC 2181 section 5.4.1: only the alias itself is necessarily
  // authoritative): all of it is taken as far as the server may speak for it, or data but no denial, or nothing, and
  // the last name is asked for by itself.
  enum class AliasTargets : std::uint8_t { taken, data_taken, asked } alias_targets = AliasTargets::taken;
  // NS records of one RRset that are kept; more are cut off, also in answers.
  std::size_t ns_records = std::numeric_limits<std::size_t>::max();
};

}  // namespace weir
