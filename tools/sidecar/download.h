// The file that a fetch writes: counted against the bounds, hashed, and put in place only when complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "tools/sidecar/digest.h"
#include "tools/sidecar/inflate.h"
#include "zones/base/descriptor.h"
#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::sidecar {

// One thread. Writes `<output>.part`; commit() renames it, everything else removes it.
class Download {
 public:
  static Result<std::unique_ptr<Download>> create(const std::filesystem::path& output, const FetchConfig& limits,
                                                  std::string shown_source);
  ~Download();
  Download(const Download&) = delete;
  Download& operator=(const Download&) = delete;

  // The server said that the content is compressed for the transfer (gzip or deflate).
  void expect_encoded();
  // Octets as they came. Errors: too_large (each bound by its name), invalid (damaged compression), io (disk full).
  Result<void> write(std::span<const std::uint8_t> wire);
  // All came: synced and renamed. Returns the SHA-256 of the decoded bytes.
  Result<std::string> commit();

  std::uint64_t wire_bytes() const { return wire_bytes_; }
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  Download(Descriptor descriptor, std::filesystem::path output, const FetchConfig& limits, std::string shown_source);
  Result<void> write_decoded(std::span<const std::uint8_t> octets);
  Result<void> flush();

  const Descriptor descriptor_;
  const std::filesystem::path output_;
  const std::filesystem::path part_;
  const FetchConfig& limits_;
  const std::string source_;
  Sha256 digest_;
  std::string buffer_;
  std::uint64_t wire_bytes_ = 0;
  std::uint64_t size_bytes_ = 0;
  ContentDecoder content_;              // a file that is itself compressed
  std::unique_ptr<Inflater> transfer_;  // compressed for the transfer; feeds content_
  bool committed_ = false;
};

}  // namespace weir::sidecar
