// Brings a zone here from its primaries, and later its changes: SOA, then IXFR or AXFR over TCP, with TSIG where the
// list has a key (RFC 5936, 1995, 1982, 8945).
//
// Nothing is trusted, so everything is bounded (FetchConfig): octets on the wire, octets as text, the whole time.
// Nothing is written in place: the result is a new file, complete or not there at all.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/sidecar/zone_copy.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/config/config.h"
#include "zones/dns/name.h"
#include "zones/dns/tsig.h"

namespace weir::sidecar {

struct TransferRequest {
  Name zone;
  std::vector<Endpoint> primaries;  // asked in this order until one has something newer
  std::optional<TsigKey> key;
  std::filesystem::path have;    // the copy that is here (zone_copy.h); empty: none
  std::filesystem::path output;  // replaced only by a complete zone
};

struct TransferOutcome {
  bool not_modified = false;  // no output was written
  bool incremental = false;
  std::string sha256;
  SoaNumbers soa;
  std::uint64_t wire_bytes = 0;
};

// Blocks until done; any number of threads may call it. `stop` set by somebody ends it within a second. A serial that
// went backwards at every primary is followed, by AXFR; changes that do not fit what is here likewise.
// Errors: unavailable, timed_out, too_large, invalid (TSIG, a refusal, a broken transfer), io. Each names the primary.
Result<TransferOutcome> transfer_zone(const TransferRequest& request, const FetchConfig& limits,
                                      const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                                      const std::atomic<bool>& stop);

}  // namespace weir::sidecar
