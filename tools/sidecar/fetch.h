// Gets the bytes of one list: by http or https, or from a file of this machine.
//
// What comes is hostile until it is proven to be a list, so everything is bounded (FetchConfig): octets
// on the wire, octets after decompression and their ratio, the whole time, the speed, redirects, and
// where they lead: never from https to http, never to another scheme, never to an address that is
// not public unless the configuration allows it by name (address_guard.h). Of https, host name, dates and an authority
// that the system or ca_file knows are checked, and no key makes them optional. Nothing is written in place:
// the result is a new file, complete or not there at all. No proxy is used, for it would connect in our stead.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::sidecar {

inline constexpr std::uint64_t kRatioFreeBytes = 1 << 20;  // the ratio counts from here: small files compress freely
inline constexpr long kMinSpeedBytes = 128;                // a second, over kMinSpeedSeconds
inline constexpr long kMinSpeedSeconds = 15;
inline constexpr long kConnectSeconds = 10;

struct FetchRequest {
  std::string source;            // http://, https://, or a path
  std::string etag;              // of the copy that is here already; empty: unconditional
  std::string last_modified;     // likewise, as the server wrote it
  std::filesystem::path output;  // replaced only by a complete download
};

struct FetchOutcome {
  bool not_modified = false;  // 304: no output was written
  std::string sha256;         // of the decoded bytes
  std::string etag;
  std::string last_modified;
  std::string final_source;  // after redirects
  std::uint64_t wire_bytes = 0;
  std::uint64_t size_bytes = 0;
};

// Octets so far and, where the server said it, in total (else 0).
using FetchProgress = std::function<void(std::uint64_t, std::uint64_t)>;

bool is_url(std::string_view source);
// For messages: a URL without its user and password, escaped.
std::string shown_source(std::string_view source);

// Blocks until done; any number of threads may call it. `stop` set by somebody ends it within a second.
// Errors: unavailable (connection, status, cut half-way), timed_out, too_large, permission (address refused),
// not_found (file), invalid (URL, redirect, damaged compression), io. Each message names the source, what
// happened and the bound.
Result<FetchOutcome> fetch(const FetchRequest& request, const FetchConfig& limits, const FetchProgress& progress,
                           const std::atomic<bool>& stop);

}  // namespace weir::sidecar
