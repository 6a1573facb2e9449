// gzip (RFC 1952) and zlib (RFC 1950) streams, decoded as they come in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "zones/base/result.h"

namespace weir::sidecar {

// Takes decoded octets; an error ends the decoding.
using OctetSink = std::function<Result<void>(std::span<const std::uint8_t>)>;

// One thread. Output leaves in pieces of at most 64 KiB, so that whoever counts it can stop a bomb early.
class Inflater {
 public:
  explicit Inflater(OctetSink sink);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Errors: invalid (no gzip or zlib data), and those of the sink.
  Result<void> write(std::span<const std::uint8_t> octets);
  // Error invalid when the stream ended before its trailer, which is how a cut download looks.
  Result<void> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
  OctetSink sink_;
};

// Passes octets through, decoded where they begin as gzip does (1f 8b), unchanged otherwise.
class ContentDecoder {
 public:
  explicit ContentDecoder(OctetSink sink);

  Result<void> write(std::span<const std::uint8_t> octets);
  Result<void> finish();
  bool is_compressed() const { return inflater_ != nullptr; }

 private:
  OctetSink sink_;
  std::unique_ptr<Inflater> inflater_;
  std::uint8_t first_ = 0;
  unsigned seen_ = 0;  // octets of the magic that were seen: 0, 1, then 2 for ever
};

}  // namespace weir::sidecar
