// Records in the order in which they were added: in memory while they are few, then in a file on the disk.
//
// What an import passes from one step to the next is as long as the list. It goes through these, so that the memory
// that a list takes does not depend on its length. The file has no name: it is gone with the object, also after a
// crash.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/descriptor.h"
#include "zones/base/result.h"

namespace weir::store {

inline constexpr std::size_t kSpoolBlockBytes = 32U << 10;  // read and written at once
inline constexpr std::size_t kSpoolMemoryBytes = 2U << 20;  // what stays in memory

// One thread adds; then any number may read.
class Spool {
 public:
  // `folder`: where the file is made, once the records take more than `memory` octets.
  explicit Spool(std::filesystem::path folder, std::size_t memory = kSpoolMemoryBytes)
      : folder_(std::move(folder)), memory_limit_(memory) {}

  // What fails is told by finish(): nothing may be read before it, nothing added behind it.
  void add(std::string_view record);
  // Errors: io, with the folder and what the system says (a full disk, for one).
  Result<void> finish();

  std::uint64_t records() const { return records_; }
  std::size_t next_block() const { return blocks_.size(); }  // the one that the next record comes into

 private:
  friend class SpoolReader;
  struct Block {
    std::uint64_t offset;  // in the file
    std::size_t size;
  };
  void close_block();
  void spill();
  void write(std::string_view octets);
  // A whole block; `buffer` is used where it lies in the file.
  Result<std::string_view> read(std::size_t block, std::string& buffer) const;
  Error failure(int error) const;

  const std::filesystem::path folder_;
  const std::size_t memory_limit_;
  std::vector<Block> blocks_;
  std::vector<std::string> in_memory_;  // the blocks, while there is no file
  std::string open_block_;
  std::uint64_t records_ = 0;
  std::uint64_t octets_ = 0;  // of closed blocks
  Descriptor file_;
  int error_ = 0;  // errno of the first failure
};

// From the beginning, or from the end backwards. One thread; the spool outlives it and is finished.
class SpoolReader {
 public:
  enum class Direction : std::uint8_t { forwards, backwards };
  explicit SpoolReader(const Spool& spool, Direction direction = Direction::forwards, std::size_t first_block = 0);

  // False at the end or after a failure. `record` is valid until the next call.
  bool next(std::string_view& record);
  Result<void> status() const;  // io, corrupt (the file is not what was written)

 private:
  bool load_block();

  const Spool& spool_;
  const Direction direction_;
  std::size_t next_block_;
  std::string buffer_;
  std::vector<std::string_view> records_;  // of the block at hand
  std::size_t at_ = 0;
  Result<void> status_;
};

}  // namespace weir::store
