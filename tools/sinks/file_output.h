// A file that is only ever appended to, whole batches at a time, and that somebody else may rename at any moment
// (logrotate): the next batch then begins a new one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "tools/sinks/spool_state.h"
#include "zones/base/descriptor.h"
#include "zones/base/result.h"

namespace weir::sinks {

// One thread.
class FileOutput {
 public:
  // Every file begins with `header`, and one that is let go of ends with `footer`.
  FileOutput(std::filesystem::path file, std::string header, std::string footer)
      : file_(std::move(file)), header_(std::move(header)), footer_(std::move(footer)) {}
  ~FileOutput();
  FileOutput(const FileOutput&) = delete;
  FileOutput& operator=(const FileOutput&) = delete;

  // Before a batch: opens the file, or another one where it was renamed or removed. What `place` does not know of in
  // the same file is cut off: half of a batch, or one that comes again. Errors: invalid (something else lies there),
  // permission, io.
  Result<void> begin(const Place& place);
  // Errors: io; then nothing of the batch is left in the file.
  Result<void> append(std::string_view octets);
  Place end();

 private:
  Result<void> open(const Place& place);
  Result<void> cut(std::uint64_t size);
  Error fault(int number, const char* what) const;

  const std::filesystem::path file_;
  const std::string header_;
  const std::string footer_;
  Descriptor descriptor_;
  std::uint64_t inode_ = 0;
  std::uint64_t size_ = 0;   // with what was appended since begin()
  std::uint64_t begin_ = 0;  // of the batch
};

}  // namespace weir::sinks
