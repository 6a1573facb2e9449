#include "tools/sidecar/download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/sidecar/fetch.h"

namespace weir::sidecar {
namespace {

constexpr std::size_t kBufferBytes = 256 << 10;

Error disk_error(const std::filesystem::path& file) {
  return {ErrorCode::io, "cannot write " + file.string() + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::unique_ptr<Download>> Download::create(const std::filesystem::path& output, const FetchConfig& limits,
                                                   std::string shown_source) {
  std::error_code ignored;
  std::filesystem::create_directories(output.parent_path(), ignored);
  const std::filesystem::path part = output.string() + ".part";
  Descriptor descriptor(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (descriptor.get() < 0) return disk_error(part);
  return std::unique_ptr<Download>(new Download(std::move(descriptor), output, limits, std::move(shown_source)));
}

Download::Download(Descriptor descriptor, std::filesystem::path output, const FetchConfig& limits,
                   std::string shown_source)
    : descriptor_(std::move(descriptor)),
      output_(std::move(output)),
      part_(output_.string() + ".part"),
      limits_(limits),
      source_(std::move(shown_source)),
      content_([this](std::span<const std::uint8_t> octets) { return write_decoded(octets); }) {}

Download::~Download() {
  if (!committed_) ::unlink(part_.c_str());
}

void Download::expect_encoded() {
  transfer_ =
      std::make_unique<Inflater>([this](std::span<const std::uint8_t> octets) { return content_.write(octets); });
}

Result<void> Download::write(std::span<const std::uint8_t> wire) {
  wire_bytes_ += wire.size();
  if (wire_bytes_ > limits_.max_bytes) {
    return Error{ErrorCode::too_large,
                 source_ + ": more than " + std::to_string(limits_.max_bytes) + " bytes came ([fetch] max_bytes)"};
  }
  auto written = transfer_ ? transfer_->write(wire) : content_.write(wire);
  if (!written && written.error().code == ErrorCode::invalid) {
    return Error{ErrorCode::invalid, source_ + ": " + written.error().message};
  }
  return written;
}

Result<void> Download::write_decoded(std::span<const std::uint8_t> octets) {
  size_bytes_ += octets.size();
  if (size_bytes_ > limits_.max_decoded_bytes) {
    return Error{ErrorCode::too_large, source_ + ": more than " + std::to_string(limits_.max_decoded_bytes) +
                                           " bytes after decompression ([fetch] max_decoded_bytes)"};
  }
  if (size_bytes_ > kRatioFreeBytes && size_bytes_ / limits_.max_ratio > wire_bytes_) {
    return Error{ErrorCode::too_large, source_ + ": unpacks to more than " + std::to_string(limits_.max_ratio) +
                                           " times its size ([fetch] max_ratio): a decompression bomb"};
  }
  digest_.update(octets);
  buffer_.append(reinterpret_cast<const char*>(octets.data()), octets.size());
  return buffer_.size() >= kBufferBytes ? flush() : Result<void>();
}

Result<void> Download::flush() {
  if (!write_all(descriptor_, buffer_)) return disk_error(part_);
  buffer_.clear();
  return {};
}

Result<std::string> Download::commit() {
  auto ended = transfer_ ? transfer_->finish() : Result<void>();
  if (ended) ended = content_.finish();
  if (!ended) return Error{ended.error().code, source_ + ": " + ended.error().message};
  if (auto flushed = flush(); !flushed) return flushed.error();
  if (::fsync(descriptor_.get()) != 0) return disk_error(part_);
  if (::rename(part_.c_str(), output_.c_str()) != 0) return disk_error(output_);
  committed_ = true;
  return digest_.finish_hex();
}

}  // namespace weir::sidecar
