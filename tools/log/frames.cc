#include "tools/log/frames.h"

#include <xxhash.h>
#include <zstd.h>

#include <utility>

#include "zones/store/codec.h"

namespace weir::log {
namespace {

constexpr std::uint8_t kLayout = 1;
constexpr int kZstdLevel = 3;
constexpr std::size_t kChecksumSize = 8;
constexpr std::uint64_t kMaxColumn = 64 << 20;  // a damaged size must not take memory

struct FreeDecompression {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// One a thread: to make one takes as long as to decompress a small value.
ZSTD_DCtx* decompression() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompression> context(ZSTD_createDCtx());
  return context.get();
}

}  // namespace

struct FrameWriter::State {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ~State() { ZSTD_freeCCtx(context); }
};

FrameWriter::FrameWriter() : state_(std::make_unique<State>()) {}
FrameWriter::~FrameWriter() = default;

void FrameWriter::add(std::string_view column) {
  const std::size_t begin = body_.size();
  body_.resize(begin + ZSTD_compressBound(column.size()));
  std::size_t size = ZSTD_compressCCtx(state_->context, body_.data() + begin, body_.size() - begin, column.data(),
                                       column.size(), kZstdLevel);
  // What does not become smaller stays as it is: then both sizes are the same.
  if (ZSTD_isError(size) != 0 || size >= column.size()) {
    body_.replace(begin, std::string::npos, column);
    size = column.size();
  }
  body_.resize(begin + size);
  store::put_varint(header_, column.size());
  store::put_varint(header_, size);
  ++count_;
}

std::string FrameWriter::finish() {
  std::string value;
  value.reserve(2 + header_.size() + body_.size() + kChecksumSize);
  store::put_u8(value, kLayout);
  store::put_u8(value, std::exchange(count_, std::uint8_t{0}));
  value += header_;
  value += body_;
  store::put_u64(value, XXH3_64bits(value.data(), value.size()));
  header_.clear();
  body_.clear();
  return value;
}

Result<Frames> read_frames(std::string_view value) {
  const Error corrupt{ErrorCode::corrupt, "decision log: a block is damaged"};
  if (value.size() < 2 + kChecksumSize) return corrupt;
  const std::string_view covered = value.substr(0, value.size() - kChecksumSize);
  store::ByteReader checksum(value.substr(covered.size()));
  if (checksum.u64() != XXH3_64bits(covered.data(), covered.size())) return corrupt;
  store::ByteReader reader(covered);
  if (reader.u8() != kLayout)
    return Error{ErrorCode::incompatible, "decision log: a block was written by another version of weir"};
  const unsigned count = reader.u8();
  std::vector<std::pair<std::uint64_t, std::uint64_t>> sizes(count);
  std::size_t decompressed = 0;
  for (auto& [raw, packed] : sizes) {
    raw = reader.varint();
    packed = reader.varint();
    if (raw > kMaxColumn) return corrupt;
    if (raw != packed) decompressed += raw;
  }
  if (!reader.ok() || decompressed > kMaxColumn) return corrupt;
  Frames frames;
  frames.octets_ = std::make_unique_for_overwrite<char[]>(decompressed);
  frames.columns_.reserve(count);
  char* into = frames.octets_.get();
  for (const auto& [raw, packed] : sizes) {
    const std::string_view body = reader.take(packed);
    if (!reader.ok()) return corrupt;
    if (raw == packed) {
      frames.columns_.push_back(body);
      continue;
    }
    const std::size_t got = ZSTD_decompressDCtx(decompression(), into, raw, body.data(), body.size());
    if (ZSTD_isError(got) != 0 || got != raw) return corrupt;
    frames.columns_.emplace_back(into, raw);
    into += raw;
  }
  if (!reader.at_end()) return corrupt;
  return frames;
}

}  // namespace weir::log
