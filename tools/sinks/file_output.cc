#include "tools/sinks/file_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "zones/base/text.h"

namespace weir::sinks {

FileOutput::~FileOutput() {
  if (descriptor_.get() >= 0) static_cast<void>(write_all(descriptor_, footer_));
}

Error FileOutput::fault(int number, const char* what) const {
  return {number == EACCES || number == EPERM ? ErrorCode::permission : ErrorCode::io,
          std::string(what) + " " + escape_for_display(file_.string()) + ": " + std::strerror(number)};
}

Result<void> FileOutput::cut(std::uint64_t size) {
  if (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) return fault(errno, "cannot cut");
  size_ = size;
  return {};
}

Result<void> FileOutput::begin(const Place& place) {
  struct stat there{};
  struct stat open_one{};
  const bool is_there = ::stat(file_.c_str(), &there) == 0;
  const bool is_same = descriptor_.get() >= 0 && is_there && ::fstat(descriptor_.get(), &open_one) == 0 &&
                       there.st_ino == open_one.st_ino && there.st_dev == open_one.st_dev;
  if (is_same) {
    size_ = static_cast<std::uint64_t>(open_one.st_size);  // somebody may have emptied it
    if (place.inode == inode_ && size_ > place.size) {
      if (auto done = cut(place.size); !done) return done;
    }
  } else {
    if (descriptor_.get() >= 0) static_cast<void>(write_all(descriptor_, footer_));
    descriptor_ = Descriptor();
    if (auto opened = open(place); !opened) return opened;
  }
  if (size_ == 0) {
    if (!write_all(descriptor_, header_)) return fault(errno, "cannot write");
    size_ = header_.size();
  }
  begin_ = size_;
  return {};
}

Result<void> FileOutput::open(const Place& place) {
  Descriptor opened(::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640));
  struct stat info{};
  if (opened.get() < 0 || ::fstat(opened.get(), &info) != 0) return fault(errno, "cannot open");
  if (!S_ISREG(info.st_mode))
    return Error{ErrorCode::invalid, escape_for_display(file_.string()) + " is no regular file"};
  descriptor_ = std::move(opened);
  inode_ = info.st_ino;
  size_ = static_cast<std::uint64_t>(info.st_size);
  if (place.inode == inode_ && size_ > place.size) return cut(place.size);
  if (header_.empty() || size_ == 0) return {};
  std::string begin(header_.size(), '\0');
  std::string end(footer_.size(), '\0');
  const auto octets = [&](std::string& out, std::uint64_t offset) {
    return ::pread(descriptor_.get(), out.data(), out.size(), static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(out.size());
  };
  if (size_ < header_.size() || !octets(begin, 0) || begin != header_) {
    descriptor_ = Descriptor();
    return Error{ErrorCode::invalid, escape_for_display(file_.string()) + " holds something else: it is left alone"};
  }
  if (size_ >= header_.size() + footer_.size() && octets(end, size_ - end.size()) && end == footer_)
    return cut(size_ - end.size());
  return {};
}

Result<void> FileOutput::append(std::string_view octets) {
  if (write_all(descriptor_, octets)) {
    size_ += octets.size();
    return {};
  }
  const int number = errno;
  static_cast<void>(cut(begin_).has_value());
  return fault(number, "cannot write");
}

Place FileOutput::end() {
  begin_ = size_;
  return {inode_, size_};
}

}  // namespace weir::sinks
