#include "tools/sidecar/log_block.h"

#include <zstd.h>

namespace weir::sidecar {
namespace {

constexpr std::uint8_t kBlockVersion = 1;
constexpr int kZstdLevel = 3;
constexpr std::size_t kHeaderSize = 1 + 4 + 8 + 8 + 4;
constexpr std::size_t kMaxRawBlock = 256 << 20;

void put(std::string& out, std::uint64_t value, unsigned octets) {
  for (unsigned i = 0; i < octets; ++i) out += static_cast<char>(value >> (8 * i));
}

std::uint64_t take(std::string_view in, std::size_t at, unsigned octets) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < octets; ++i) value |= std::uint64_t{static_cast<std::uint8_t>(in[at + i])} << (8 * i);
  return value;
}

}  // namespace

std::string encode(const LostRecord& lost) {
  std::string out;
  put(out, lost.worker, 4);
  put(out, lost.dropped, 8);
  put(out, lost.damaged_bytes, 8);
  return out;
}

bool decode(std::string_view record, LostRecord& lost) {
  if (record.size() != 20) return false;
  lost = {static_cast<std::uint32_t>(take(record, 0, 4)), take(record, 4, 8), take(record, 12, 8)};
  return true;
}

std::string encode_block(std::span<const LogRow> rows) {
  std::string raw;
  for (const LogRow& row : rows) {
    put(raw, static_cast<std::uint8_t>(row.kind), 1);
    put(raw, static_cast<std::uint64_t>(row.time_us), 8);
    put(raw, row.record.size(), 2);
    raw += row.record;
  }
  std::string block;
  put(block, kBlockVersion, 1);
  put(block, rows.size(), 4);
  put(block, static_cast<std::uint64_t>(rows.front().time_us), 8);
  put(block, static_cast<std::uint64_t>(rows.back().time_us), 8);
  put(block, raw.size(), 4);
  const std::size_t bound = ZSTD_compressBound(raw.size());
  block.resize(kHeaderSize + bound);
  const std::size_t size = ZSTD_compress(block.data() + kHeaderSize, bound, raw.data(), raw.size(), kZstdLevel);
  block.resize(kHeaderSize + (ZSTD_isError(size) != 0 ? 0 : size));
  return block;
}

Result<BlockHeader> read_block_header(std::string_view block) {
  if (block.size() < kHeaderSize) return Error{ErrorCode::corrupt, "decision log: a block is too short"};
  if (take(block, 0, 1) != kBlockVersion) {
    return Error{ErrorCode::incompatible, "decision log: a block was written by another version of weir"};
  }
  return BlockHeader{static_cast<std::uint32_t>(take(block, 1, 4)), static_cast<std::int64_t>(take(block, 5, 8)),
                     static_cast<std::int64_t>(take(block, 13, 8))};
}

Result<std::vector<LogRow>> decode_block(std::string_view block) {
  const auto header = read_block_header(block);
  if (!header) return header.error();
  const Error corrupt{ErrorCode::corrupt, "decision log: a block is damaged"};
  const std::size_t raw_size = take(block, 21, 4);
  if (raw_size > kMaxRawBlock) return corrupt;
  std::string raw(raw_size, '\0');
  const std::size_t got = ZSTD_decompress(raw.data(), raw_size, block.data() + kHeaderSize, block.size() - kHeaderSize);
  if (ZSTD_isError(got) != 0 || got != raw_size) return corrupt;
  std::vector<LogRow> rows;
  rows.reserve(std::min<std::size_t>(header->rows, raw_size / 11));
  for (std::size_t at = 0; at < raw_size;) {
    if (raw_size - at < 11) return corrupt;
    const std::size_t size = take(raw, at + 9, 2);
    if (raw_size - at - 11 < size) return corrupt;
    rows.push_back({static_cast<RowKind>(take(raw, at, 1)), static_cast<std::int64_t>(take(raw, at + 1, 8)),
                    raw.substr(at + 11, size)});
    at += 11 + size;
  }
  return rows;
}

}  // namespace weir::sidecar
