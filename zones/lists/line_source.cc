#include "zones/lists/line_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "zones/base/text.h"

namespace weir {
namespace {

constexpr std::size_t kReadSize = 1 << 18;

const char* find_end(const char* start, const char* stop) {
  const auto size = static_cast<std::size_t>(stop - start);
  const auto* line_feed = static_cast<const char*>(std::memchr(start, '\n', size));
  const char* limit = line_feed == nullptr ? stop : line_feed;
  const auto* carriage_return =
      static_cast<const char*>(std::memchr(start, '\r', static_cast<std::size_t>(limit - start)));
  return carriage_return == nullptr ? limit : carriage_return;
}

}  // namespace

Error list_file_error(const std::filesystem::path& file, int code) {
  const ErrorCode kind = code == ENOENT                    ? ErrorCode::not_found
                         : code == EACCES || code == EPERM ? ErrorCode::permission
                                                           : ErrorCode::io;
  return {kind, file.string() + ": " + std::generic_category().message(code)};
}

Result<Descriptor> open_list_file(const std::filesystem::path& file) {
  Descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0) return list_file_error(file, errno);
  struct stat status{};
  if (fstat(opened.get(), &status) != 0) return list_file_error(file, errno);
  if (S_ISDIR(status.st_mode)) return Error{ErrorCode::invalid, file.string() + ": a directory, not a list"};
  return opened;
}

bool is_line_text(std::string_view text) {
  // escape_for_display leaves good text as it is; the common case has nothing but printable ASCII.
  if (std::all_of(text.begin(), text.end(), [](char c) { return (c >= 0x20 && c < 0x7F) || c == '\t'; })) return true;
  const std::string shown = escape_for_display(text);
  return shown.size() == text.size() + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\t')) * 3;
}

LineSource::LineSource(Descriptor file, std::size_t max_line_size)
    : file_(std::move(file)), max_line_size_(max_line_size), block_(kReadSize) {}

LineSource::Got LineSource::next(std::string_view& line) {
  held_.clear();
  bool overlong = false;
  while (true) {
    if (at_ == filled_ && !fill()) {
      if (fault_ != 0) return Got::failed;
      if (overlong) return Got::overlong;
      if (held_.empty()) return Got::end;
      line = held_;
      return Got::line;
    }
    if (skip_line_feed_ && block_[at_] == '\n') {
      ++at_;
      skip_line_feed_ = false;
      continue;
    }
    skip_line_feed_ = false;
    const char* start = block_.data() + at_;
    const char* stop = block_.data() + filled_;
    const char* end = find_end(start, stop);
    const auto size = static_cast<std::size_t>(end - start);
    overlong = overlong || held_.size() + size > max_line_size_;
    if (end == stop) {
      if (overlong) {
        held_.assign(1, ' ');  // something was there; its text is not kept
      } else {
        held_.append(start, size);
      }
      at_ = filled_;
      continue;
    }
    at_ += size + 1;
    skip_line_feed_ = *end == '\r';
    if (overlong) return Got::overlong;
    if (held_.empty()) {
      line = {start, size};
    } else {
      held_.append(start, size);
      line = held_;
    }
    return Got::line;
  }
}

bool LineSource::fill() {
  const ssize_t got = read_some(file_, block_.data(), block_.size());
  if (got < 0) fault_ = errno;
  if (got <= 0) return false;
  at_ = 0;
  filled_ = static_cast<std::size_t>(got);
  bytes_ += filled_;
  return true;
}

}  // namespace weir
