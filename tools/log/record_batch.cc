#include "tools/log/record_batch.h"

namespace weir::log {
namespace {

constexpr std::size_t kLostRecordSize = 20;
constexpr std::size_t kLostRecordSizeWithTime = 28;

void put_little_endian(std::string& out, std::uint64_t value, unsigned octets) {
  for (unsigned i = 0; i < octets; ++i) out += static_cast<char>(value >> (8 * i));
}

std::uint64_t take_little_endian(std::span<const std::uint8_t> octets) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < octets.size(); ++i) value |= std::uint64_t{octets[i]} << (8 * i);
  return value;
}

}  // namespace

std::string encode(const LostRecord& lost) {
  std::string out;
  put_little_endian(out, lost.worker, 4);
  put_little_endian(out, lost.dropped, 8);
  put_little_endian(out, lost.damaged_bytes, 8);
  if (lost.since_ms) put_little_endian(out, static_cast<std::uint64_t>(*lost.since_ms), 8);
  return out;
}

bool decode(std::span<const std::uint8_t> record, LostRecord& lost) {
  if (record.size() != kLostRecordSize && record.size() != kLostRecordSizeWithTime) return false;
  lost = {static_cast<std::uint32_t>(take_little_endian(record.subspan(0, 4))),
          take_little_endian(record.subspan(4, 8)), take_little_endian(record.subspan(12, 8))};
  if (record.size() == kLostRecordSizeWithTime)
    lost.since_ms = static_cast<std::int64_t>(take_little_endian(record.subspan(kLostRecordSize)));
  return true;
}

}  // namespace weir::log
