#include "zones/store/checkpoint.h"

#include <fcntl.h>
#include <rocksdb/metadata.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "zones/base/descriptor.h"
#include "zones/base/hex.h"
#include "zones/store/fingerprint.h"

namespace weir::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFileList = "FILES";
constexpr std::string_view kNoHash = "-";
// Of a manifest or a log, which are read whole: far above what either grows to.
constexpr std::uint64_t kMostOctets = 256U << 20;

// The files that a database consists of stay until this is gone.
class FilesHeld {
 public:
  explicit FilesHeld(rocksdb::DB& database) : database_(database), status_(database.DisableFileDeletions()) {}
  FilesHeld(const FilesHeld&) = delete;
  FilesHeld& operator=(const FilesHeld&) = delete;
  ~FilesHeld() {
    if (status_.ok()) database_.EnableFileDeletions(/*force=*/false).PermitUncheckedError();
  }
  const rocksdb::Status& status() const { return status_; }

 private:
  rocksdb::DB& database_;
  const rocksdb::Status status_;
};

std::string hash_of(std::string_view octets) {
  Hasher hash;
  return to_hex(hash(octets));
}

// The first `size` octets. Errors: not_found, io, corrupt (there are less).
Result<std::string> read_octets(const fs::path& path, std::uint64_t size) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error(errno, path.string());
  if (size > kMostOctets) return Error{ErrorCode::too_large, path.string() + ": larger than this file can be"};
  std::string octets(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = read_some(file, octets.data() + done, size - done);
    if (got < 0) return system_error(errno, path.string());
    if (got == 0) return Error{ErrorCode::corrupt, path.string() + ": its end is missing"};
    done += static_cast<std::size_t>(got);
  }
  return octets;
}

Result<void> write_octets(const fs::path& path, std::string_view octets) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.get() < 0 || !write_all(file, octets)) return system_error(errno, path.string());
  return {};
}

// Copies or links one file, and says what FILES has to say of it.
Result<std::string> take_file(const rocksdb::LiveFileStorageInfo& file, const fs::path& target) {
  const fs::path from = fs::path(file.directory) / file.relative_filename;
  const fs::path to = target / file.relative_filename;
  std::string hash(kNoHash);
  if (!file.replacement_contents.empty() || file.trim_to_size) {
    std::string octets = file.replacement_contents;
    if (octets.empty()) {
      auto read = read_octets(from, file.size);
      if (!read) return read.error();
      octets = std::move(*read);
    }
    if (auto written = write_octets(to, octets); !written) return written.error();
    hash = hash_of(octets);
  } else {
    if (::link(from.c_str(), to.c_str()) != 0) return system_error(errno, to.string());
    // What is no table may be in no state that a check of its own would notice.
    if (file.file_type != rocksdb::kTableFile) {
      const auto octets = read_octets(to, file.size);
      if (!octets) return octets.error();
      hash = hash_of(*octets);
    }
  }
  return std::to_string(file.size) + " " + hash + " " + file.relative_filename + "\n";
}

Result<void> take_files(const Database& live, const fs::path& target, std::uint64_t log_bytes) {
  if (auto made = make_directories(target); !made) return made;
  const FilesHeld held(live.db());
  rocksdb::Status status = held.status();
  std::vector<rocksdb::LiveFileStorageInfo> files;
  rocksdb::LiveFilesStorageInfoOptions options;
  options.wal_size_for_flush = log_bytes;
  if (status.ok()) status = live.db().GetLiveFilesStorageInfo(options, &files);
  if (!status.ok()) return to_error(status, target.string());
  std::string list;
  for (const rocksdb::LiveFileStorageInfo& file : files) {
    const auto line = take_file(file, target);
    if (!line) return line.error();
    list += *line;
  }
  return write_octets(target / kFileList, list);
}

struct Listed {
  std::uint64_t size = 0;
  std::string_view hash;
  std::string_view name;
};

// One line, taken from the front of `text`; nothing where it is none.
std::optional<Listed> read_listed(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  Listed listed{0, line.substr(first + 1, second - first - 1), line.substr(second + 1)};
  const auto [rest, fault] = std::from_chars(line.data(), line.data() + first, listed.size);
  if (fault != std::errc() || rest != line.data() + first || listed.name.empty() ||
      listed.name.find('/') != std::string_view::npos)
    return std::nullopt;
  return listed;
}

Result<void> check_file(const fs::path& path, const Listed& listed) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return Error{ErrorCode::corrupt, path.string() + ": it is missing"};
    return system_error(errno, path.string());
  }
  if (static_cast<std::uint64_t>(status.st_size) != listed.size) {
    return Error{ErrorCode::corrupt, path.string() + ": it has " + std::to_string(status.st_size) +
                                         " octets, and was made with " + std::to_string(listed.size)};
  }
  if (listed.hash == kNoHash) return {};
  const auto octets = read_octets(path, listed.size);
  if (!octets) return octets.error();
  if (hash_of(*octets) != listed.hash) return Error{ErrorCode::corrupt, path.string() + ": it was changed"};
  return {};
}

Result<std::string> read_list(const fs::path& checkpoint) {
  const fs::path path = checkpoint / kFileList;
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return system_error(errno, path.string());
  return read_octets(path, static_cast<std::uint64_t>(status.st_size));
}

}  // namespace

Result<void> make_checkpoint(const Database& live, const fs::path& target, std::uint64_t log_bytes) {
  auto done = take_files(live, target, log_bytes);
  std::error_code ignored;
  if (!done) fs::remove_all(target, ignored);
  return done;
}

Result<void> describe_checkpoint(const fs::path& checkpoint, GenerationInfo info) {
  const auto list = read_list(checkpoint);
  if (!list && list.error().code != ErrorCode::not_found) return list.error();
  if (list) info.files = hash_of(*list);
  return write_generation_info(checkpoint, info);
}

Result<void> check_files(const fs::path& checkpoint, const std::string& digest) {
  const auto list = read_list(checkpoint);
  const Error damaged{ErrorCode::corrupt, checkpoint.string() + ": the list of its files is damaged"};
  if (!list) return list.error().code == ErrorCode::not_found ? damaged : list.error();
  if (hash_of(*list) != digest) return damaged;
  std::string_view text = *list;
  while (!text.empty()) {
    const auto listed = read_listed(text);
    if (!listed) return damaged;
    if (auto checked = check_file(checkpoint / listed->name, *listed); !checked) return checked;
  }
  return {};
}

}  // namespace weir::store
