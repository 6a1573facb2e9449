#include "zones/store/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "zones/store/codec.h"

namespace weir::store {

Error Spool::failure(int error) const {
  return {ErrorCode::io, "cannot keep an import's records in " + folder_.string() + ": " + std::strerror(error)};
}

void Spool::add(std::string_view record) {
  put_bytes(open_block_, record);
  ++records_;
  if (open_block_.size() >= kSpoolBlockBytes) close_block();
}

void Spool::close_block() {
  if (open_block_.empty()) return;
  blocks_.push_back({octets_, open_block_.size()});
  octets_ += open_block_.size();
  if (file_.get() < 0 && octets_ <= memory_limit_) {
    in_memory_.push_back(std::move(open_block_));
  } else {
    if (file_.get() < 0) spill();
    write(open_block_);
  }
  open_block_.clear();
}

void Spool::spill() {
  if (error_ != 0) return;
  file_ = Descriptor(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file_.get() < 0) error_ = errno;
  for (const std::string& block : in_memory_) write(block);
  in_memory_ = {};
}

void Spool::write(std::string_view octets) {
  if (error_ == 0 && !write_all(file_, octets)) error_ = errno;
}

Result<void> Spool::finish() {
  close_block();
  open_block_ = {};
  return error_ == 0 ? Result<void>() : failure(error_);
}

Result<std::string_view> Spool::read(std::size_t block, std::string& buffer) const {
  if (file_.get() < 0) return std::string_view(in_memory_[block]);
  const auto [offset, size] = blocks_[block];
  buffer.resize(size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::pread(file_.get(), buffer.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errno);
    if (got == 0) return Error{ErrorCode::io, "an import's records in " + folder_.string() + " cannot be read back"};
    done += static_cast<std::size_t>(got);
  }
  return std::string_view(buffer);
}

SpoolReader::SpoolReader(const Spool& spool, Direction direction, std::size_t first_block)
    : spool_(spool),
      direction_(direction),
      next_block_(direction == Direction::forwards ? first_block : spool.blocks_.size()) {}

bool SpoolReader::load_block() {
  if (!status_) return false;
  if (direction_ == Direction::forwards ? next_block_ >= spool_.blocks_.size() : next_block_ == 0) return false;
  const auto block = spool_.read(direction_ == Direction::forwards ? next_block_++ : --next_block_, buffer_);
  if (!block) {
    status_ = block.error();
    return false;
  }
  records_.clear();
  at_ = 0;
  ByteReader reader(*block);
  while (!reader.at_end()) records_.push_back(reader.bytes());
  if (reader.ok()) return true;
  status_ = Error{ErrorCode::corrupt, "an import's records are not what was written"};
  return false;
}

bool SpoolReader::next(std::string_view& record) {
  if (at_ == records_.size() && !load_block()) return false;
  record = direction_ == Direction::forwards ? records_[at_] : records_[records_.size() - 1 - at_];
  ++at_;
  return true;
}

Result<void> SpoolReader::status() const {
  return status_;
}

}  // namespace weir::store
