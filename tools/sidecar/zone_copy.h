// A zone that came by transfer, as it lies on the disk: text, one record a line, its SOA first.
//
// Text, because it is then read like any list: the number of a record is the number of its line. Each record has one
// spelling here, so that a line is the record: incremental transfers (RFC 1995) are applied line by line, over a file
// that is never held in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tools/sidecar/digest.h"
#include "zones/base/descriptor.h"
#include "zones/base/result.h"
#include "zones/lists/rpz.h"

namespace weir::sidecar {

struct SoaNumbers {
  std::uint32_t serial = 0;
  std::uint32_t refresh_s = 0;
  std::uint32_t retry_s = 0;
  std::uint32_t expire_s = 0;
};

// Nothing where it is no SOA.
std::optional<SoaNumbers> read_soa(std::span<const std::uint8_t> rdata);

// "name. 60 CNAME target.", without a line end; names in lower case.
std::string record_line(const ZoneRecord& record);

// Of a copy that was written here. Errors: not_found, io, corrupt.
Result<SoaNumbers> soa_of_copy(const std::filesystem::path& copy);

// One thread. Writes `<output>.part`; commit() renames it, everything else removes it.
class ZoneCopyWriter {
 public:
  static Result<std::unique_ptr<ZoneCopyWriter>> create(const std::filesystem::path& output, std::uint64_t max_bytes);
  ~ZoneCopyWriter();
  ZoneCopyWriter(const ZoneCopyWriter&) = delete;
  ZoneCopyWriter& operator=(const ZoneCopyWriter&) = delete;

  // Errors: too_large, io.
  Result<void> add(std::string_view line);
  // Synced and renamed; the SHA-256 of it.
  Result<std::string> commit();
  std::uint64_t size_bytes() const { return size_bytes_; }

 private:
  ZoneCopyWriter(Descriptor descriptor, std::filesystem::path output, std::uint64_t max_bytes);
  Result<void> flush();

  const Descriptor descriptor_;
  const std::filesystem::path output_;
  const std::filesystem::path part_;
  const std::uint64_t max_bytes_;
  Sha256 digest_;
  std::string buffer_;
  std::uint64_t size_bytes_ = 0;
  bool committed_ = false;
};

// What incremental transfers take away and add, in the order in which they say it; SOA records are not among it.
class ZoneChanges {
 public:
  // `max_bytes`: of the changes in memory.
  explicit ZoneChanges(std::uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // Errors: corrupt (a record goes that was taken away already, or comes that is there), too_large.
  Result<void> remove(const ZoneRecord& record) { return change(record, false); }
  Result<void> add(const ZoneRecord& record) { return change(record, true); }

  // Writes the zone behind `soa`, the line of its new SOA: what stays in its order, behind it what comes, as for_each()
  // gives it. The SHA-256 of `before` as it was read. Errors: corrupt (the changes do not belong to `before`), io,
  // too_large; then `after` is not whole.
  Result<std::string> apply(const std::filesystem::path& before, const std::string& soa, ZoneCopyWriter& after) const;

  // What all of it comes to, record by record, in the order in which each was first spoken of: the line that goes and
  // the line that comes instead (another TTL), or one of them; the other is empty.
  void for_each(const std::function<void(const std::string& gone, const std::string& come)>& each) const;

  std::size_t size() const { return records_.size(); }

 private:
  struct Change {
    bool was_there = false;  // before all changes
    bool is_there = false;   // after them
    std::string before;      // its line, where it was there
    std::string line;        // where it is there
  };

  Result<void> change(const ZoneRecord& record, bool comes);

  const std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  std::unordered_map<std::string, Change> records_;  // by their line without the TTL
  std::vector<std::string> order_;                   // keys, as they were first seen
};

}  // namespace weir::sidecar
