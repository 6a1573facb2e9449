#include "zones/link/ring.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "zones/base/descriptor.h"
#include "zones/link/ring_memory.h"

namespace weir {
namespace {

constexpr std::size_t kHeaderBytes = 4096;  // a page: the octets begin aligned
constexpr std::size_t kMinCapacity = 4096;
constexpr std::size_t kMaxCapacity = std::size_t{1} << 30;
constexpr std::string_view kNameStart = "decisions-";
constexpr std::string_view kNameEnd = ".ring";

Error failed(const std::filesystem::path& file, const char* doing, int number) {
  ErrorCode code = ErrorCode::io;
  if (number == ENOENT) code = ErrorCode::not_found;
  if (number == EACCES || number == EPERM) code = ErrorCode::permission;
  return {code, file.string() + ": cannot " + doing + ": " + std::strerror(number)};
}

// The whole file in memory, with its descriptor so that its size can be looked at again.
class Mapping {
 public:
  static Result<Mapping> map(const std::filesystem::path& file, Descriptor descriptor, std::size_t size) {
    // Touching a page that the file system cannot provide is a SIGBUS: have it provide all of them first.
    if (const int error = ::posix_fallocate(descriptor.get(), 0, static_cast<off_t>(size)); error != 0) {
      return failed(file, "reserve its space", error);
    }
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.get(), 0);
    if (memory == MAP_FAILED) return failed(file, "map it", errno);
    return Mapping(std::move(descriptor), static_cast<std::uint8_t*>(memory), size);
  }
  Mapping(Mapping&& other) noexcept
      : descriptor_(std::move(other.descriptor_)), memory_(std::exchange(other.memory_, nullptr)), size_(other.size_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    descriptor_ = std::move(other.descriptor_);
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Mapping() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
  }

  RingMemory ring() const {
    return {std::launder(reinterpret_cast<RingHeader*>(memory_)), memory_ + kHeaderBytes, size_ - kHeaderBytes};
  }
  std::uint8_t* octets() const { return memory_; }
  int descriptor() const { return descriptor_.get(); }
  std::size_t size() const { return size_; }

 private:
  Mapping(Descriptor descriptor, std::uint8_t* memory, std::size_t size)
      : descriptor_(std::move(descriptor)), memory_(memory), size_(size) {}

  Descriptor descriptor_;
  std::uint8_t* memory_;
  std::size_t size_;
};

// Everything is checked with read() and fstat() before a page is touched.
Result<Mapping> map_existing(const std::filesystem::path& file) {
  Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (descriptor.get() < 0) return failed(file, "open the decision ring", errno);
  struct stat status{};
  if (::fstat(descriptor.get(), &status) != 0) return failed(file, "look at it", errno);
  alignas(RingHeader) std::uint8_t bytes[sizeof(RingHeader)];
  if (!S_ISREG(status.st_mode) || ::pread(descriptor.get(), bytes, sizeof bytes, 0) != ssize_t{sizeof bytes}) {
    return Error{ErrorCode::corrupt, file.string() + ": not a decision ring"};
  }
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t header_size = 0;
  std::uint64_t capacity = 0;
  std::memcpy(&magic, bytes + offsetof(RingHeader, magic), sizeof magic);
  std::memcpy(&version, bytes + offsetof(RingHeader, version), sizeof version);
  std::memcpy(&header_size, bytes + offsetof(RingHeader, header_size), sizeof header_size);
  std::memcpy(&capacity, bytes + offsetof(RingHeader, capacity), sizeof capacity);
  if (magic != kRingMagic) return Error{ErrorCode::corrupt, file.string() + ": not a decision ring"};
  if (version != kRingVersion || header_size != kHeaderBytes) {
    return Error{ErrorCode::incompatible, file.string() + ": a decision ring of version " + std::to_string(version) +
                                              ", this weir reads version " + std::to_string(kRingVersion)};
  }
  if (!std::has_single_bit(capacity) || capacity < kMinCapacity || capacity > kMaxCapacity ||
      static_cast<std::uint64_t>(status.st_size) != kHeaderBytes + capacity) {
    return Error{ErrorCode::corrupt, file.string() + ": a decision ring of " + std::to_string(status.st_size) +
                                         " octets that says it has " + std::to_string(capacity) + " and its header"};
  }
  return Mapping::map(file, std::move(descriptor), kHeaderBytes + capacity);
}

// Under another name first: nobody ever sees a half-made ring, and one that somebody has mapped is never cut short.
Result<Mapping> make_new(const std::filesystem::path& file, std::size_t capacity) {
  const std::string scratch = file.string() + ".new";
  (void)::unlink(scratch.c_str());  // left over from a crash
  Descriptor descriptor(::open(scratch.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660));
  if (descriptor.get() < 0) return failed(scratch, "make the decision ring", errno);
  // Resolver and sidecar are two users of one group; the umask must not shut the other out.
  if (::fchmod(descriptor.get(), 0660) != 0) return failed(scratch, "set its mode", errno);
  auto mapping = Mapping::map(scratch, std::move(descriptor), kHeaderBytes + capacity);
  if (!mapping) {
    (void)::unlink(scratch.c_str());
    return mapping;
  }
  auto* header = new (mapping->octets()) RingHeader{};
  header->magic = kRingMagic;
  header->version = kRingVersion;
  header->header_size = kHeaderBytes;
  header->capacity = capacity;
  if (::rename(scratch.c_str(), file.c_str()) != 0) {
    const int error = errno;
    (void)::unlink(scratch.c_str());
    return failed(file, "put the decision ring in place", error);
  }
  return mapping;
}

class FileProducer final : public RingProducer {
 public:
  explicit FileProducer(Mapping mapping) : mapping_(std::move(mapping)), writer_(mapping_.ring()) {}
  bool push(std::span<const std::uint8_t> record) noexcept override { return writer_.push(record); }
  std::uint64_t dropped() const noexcept override { return writer_.dropped(); }

 private:
  Mapping mapping_;
  RingWriter writer_;
};

class FileConsumer final : public RingConsumer {
 public:
  FileConsumer(std::filesystem::path file, Mapping mapping)
      : file_(std::move(file)), mapping_(std::move(mapping)), reader_(mapping_.ring()) {}

  std::size_t peek(std::span<std::uint8_t> out) override {
    if (!looked_) {  // once a drain: a system call
      looked_ = true;
      intact_ = look();
    }
    if (!intact_) {
      looked_ = false;
      return follow() ? reader_->peek(out) : 0;
    }
    const std::size_t size = reader_->peek(out);
    if (size != 0) return size;
    looked_ = false;
    if (!replaced_) return 0;
    // The last record of a ring whose file was replaced: give everything back, then go on with the new one.
    return follow() ? reader_->peek(out) : 0;
  }
  void release() override {
    looked_ = false;
    if (intact_) reader_->release();
  }
  std::uint64_t dropped() const override { return earlier_dropped_ + (intact_ ? reader_->dropped() : 0); }
  std::uint64_t damaged() const override { return earlier_damaged_ + reader_->damaged(); }

 private:
  // False: somebody cut the file short, none of its pages may be touched any more.
  bool look() {
    struct stat status{};
    if (::fstat(mapping_.descriptor(), &status) != 0) return false;
    replaced_ = status.st_nlink == 0;
    return static_cast<std::uint64_t>(status.st_size) >= mapping_.size();
  }
  bool follow() {
    auto next = map_existing(file_);
    if (!next) return false;
    struct stat mine{};
    struct stat other{};
    if (::fstat(mapping_.descriptor(), &mine) != 0 || ::fstat(next->descriptor(), &other) != 0) return false;
    if (mine.st_ino == other.st_ino && mine.st_dev == other.st_dev) return false;
    earlier_damaged_ += reader_->damaged();
    if (intact_) earlier_dropped_ += reader_->dropped();
    mapping_ = std::move(*next);
    reader_.emplace(mapping_.ring());
    intact_ = true;
    replaced_ = false;
    return true;
  }

  const std::filesystem::path file_;
  Mapping mapping_;
  std::optional<RingReader> reader_;
  std::uint64_t earlier_dropped_ = 0;
  std::uint64_t earlier_damaged_ = 0;
  bool looked_ = false;
  bool intact_ = true;
  bool replaced_ = false;
};

}  // namespace

std::filesystem::path ring_file(const std::filesystem::path& run_directory, unsigned worker) {
  return run_directory / (std::string(kNameStart) + std::to_string(worker) + std::string(kNameEnd));
}

std::vector<std::filesystem::path> find_ring_files(const std::filesystem::path& run_directory) {
  std::vector<std::pair<unsigned, std::filesystem::path>> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(run_directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::string_view rest = name;
    if (!rest.starts_with(kNameStart) || !rest.ends_with(kNameEnd)) continue;
    rest.remove_prefix(kNameStart.size());
    rest.remove_suffix(std::min(rest.size(), kNameEnd.size()));
    unsigned worker = 0;
    const auto [stop, code] = std::from_chars(rest.data(), rest.data() + rest.size(), worker);
    if (rest.empty() || code != std::errc() || stop != rest.data() + rest.size()) continue;
    found.emplace_back(worker, entry->path());
  }
  std::sort(found.begin(), found.end());
  std::vector<std::filesystem::path> files;
  for (auto& [worker, file] : found) files.push_back(std::move(file));
  return files;
}

Result<std::unique_ptr<RingProducer>> RingProducer::open(const std::filesystem::path& file, std::size_t size_bytes) {
  const std::size_t capacity = std::bit_floor(std::clamp(size_bytes, kMinCapacity, kMaxCapacity));
  // Two producers would write over each other; a dead one's lock is gone with it.
  const auto lock = [](const Mapping& mapping) { return ::flock(mapping.descriptor(), LOCK_EX | LOCK_NB) == 0; };
  const Error busy{ErrorCode::busy, file.string() + ": another process writes to this decision ring"};

  auto mapping = map_existing(file);
  if (!mapping && mapping.error().code == ErrorCode::permission) return mapping.error();
  if (mapping && !lock(*mapping)) return busy;
  if (!mapping || mapping->ring().capacity != capacity || !is_sound(mapping->ring())) {
    mapping = make_new(file, capacity);
    if (!mapping) return mapping.error();
    if (!lock(*mapping)) return busy;
  }
  return std::unique_ptr<RingProducer>(std::make_unique<FileProducer>(std::move(*mapping)));
}

Result<std::unique_ptr<RingConsumer>> RingConsumer::open(const std::filesystem::path& file) {
  auto mapping = map_existing(file);
  if (!mapping) return mapping.error();
  return std::unique_ptr<RingConsumer>(std::make_unique<FileConsumer>(file, std::move(*mapping)));
}

}  // namespace weir
