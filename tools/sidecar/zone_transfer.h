// Brings a zone here from its primaries, and later its changes: SOA, then IXFR or AXFR over TCP, with TSIG where the
// list has a key (RFC 5936, 1995, 1982, 8945).
//
// Nothing is trusted, so everything is bounded (FetchConfig): octets on the wire, octets as text, the whole time.
// Nothing is written in place: the result is a new file, complete or not there at all, or changes in memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/sidecar/zone_copy.h"
#include "tools/support/tls.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/config/config.h"
#include "zones/dns/name.h"
#include "zones/dns/tsig.h"

namespace weir::sidecar {

inline constexpr std::uint64_t kMaxChangesBytes = 64 << 20;  // in memory; where there are more, the whole zone comes

struct TransferRequest {
  Name zone;
  std::vector<Endpoint> primaries;  // asked in this order until one has something newer
  std::optional<TsigKey> key;
  std::optional<std::uint32_t> have;  // the serial that is here, to which changes are wanted; nothing: the whole zone
  std::filesystem::path output;       // replaced only by a complete zone
  std::shared_ptr<const TlsContext> tls = {};  // over TLS; nullptr: over TCP
  std::string tls_name = {};                   // whom the primaries' certificate is for; empty: their address
};

struct TransferOutcome {
  bool not_modified = false;             // no output was written
  std::unique_ptr<ZoneChanges> changes;  // to what is here; then no output was written either
  std::string soa_line;                  // of the zone, as its copy has it
  std::string sha256;                    // of the output
  SoaNumbers soa;
  std::uint64_t wire_bytes = 0;
};

// Blocks until done; any number of threads may call it. `stop` set by somebody ends it within a second. A serial that
// went backwards at every primary is followed, by AXFR; where no changes are to be had the whole zone comes as well.
// Errors: unavailable, timed_out, too_large, invalid (TSIG, a refusal, a broken transfer), io. Each names the primary.
Result<TransferOutcome> transfer_zone(const TransferRequest& request, const FetchConfig& limits,
                                      const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                      const std::atomic<bool>& stop);

}  // namespace weir::sidecar
