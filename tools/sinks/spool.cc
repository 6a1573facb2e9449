#include "tools/sinks/spool.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

#include "zones/store/codec.h"
#include "zones/store/files.h"

namespace weir::sinks {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kBatchMagic = 0x57534231;  // "WSB1": the layout of a batch; never change it
constexpr std::size_t kHeaderSize = 32;
constexpr std::uint64_t kSmallestSegment = 64 << 10;
constexpr std::uint64_t kLargestSegment = 8 << 20;
constexpr std::size_t kSegmentsAtOnce = 16;  // that take() looks into
constexpr const char* kSegmentEnd = ".batches";

struct Header {
  BatchId id;
  std::uint32_t rows = 0;
  std::uint32_t size = 0;  // of the payload
};

std::uint32_t check_of(std::string_view octets) {
  return static_cast<std::uint32_t>(XXH3_64bits(octets.data(), octets.size()));
}

std::string encode(const PackedBatch& batch) {
  std::string out;
  out.reserve(kHeaderSize + batch.payload.size());
  store::put_u32(out, kBatchMagic);
  store::put_u32(out, static_cast<std::uint32_t>(batch.payload.size()));
  store::put_u64(out, batch.id.writer);
  store::put_u64(out, batch.id.number);
  store::put_u32(out, batch.rows);
  store::put_u32(out, check_of(out));
  return out += batch.payload;
}

std::optional<Header> decode_header(std::string_view octets) {
  if (octets.size() != kHeaderSize) return std::nullopt;
  store::ByteReader in(octets);
  if (in.u32() != kBatchMagic) return std::nullopt;
  Header header;
  header.size = in.u32();
  header.id.writer = in.u64();
  header.id.number = in.u64();
  header.rows = in.u32();
  if (in.u32() != check_of(octets.substr(0, kHeaderSize - 4))) return std::nullopt;
  return header;
}

std::string read_at(const Descriptor& file, std::uint64_t offset, std::size_t size) {
  std::string out(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t count = ::pread(file.get(), out.data() + got, size - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    got += static_cast<std::size_t>(count);
  }
  out.resize(got);
  return out;
}

// The batch at `offset` where it is whole by its header and ends within `end`.
std::optional<Header> header_at(const Descriptor& file, std::uint64_t offset, std::uint64_t end) {
  const auto header = decode_header(read_at(file, offset, kHeaderSize));
  if (!header || offset + kHeaderSize + header->size > end) return std::nullopt;
  return header;
}

std::optional<std::uint64_t> file_number(const fs::path& file) {
  if (file.extension() != kSegmentEnd) return std::nullopt;
  const std::string stem = file.stem().string();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(stem.data(), stem.data() + stem.size(), number, 16);
  if (error != std::errc() || end != stem.data() + stem.size() || stem.size() != 16) return std::nullopt;
  return number;
}

void remove_quietly(const fs::path& file) {
  std::error_code ignored;
  fs::remove(file, ignored);
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::open(fs::path directory, std::uint64_t bound_bytes, const LogPosition& log) {
  if (auto made = store::make_directories(directory); !made) return made.error();
  std::optional<SpoolState> known;
  auto file = StateFile::open(directory / "state", known);
  if (!file) return file.error();
  const bool is_new = !known;
  SpoolState state = known.value_or(SpoolState{});
  if (is_new) {
    state.log = log.writer;
    state.base = log.rows;
  }
  std::unique_ptr<Spool> spool(new Spool(std::move(directory), bound_bytes, std::move(*file), state));
  if (auto loaded = spool->load(log); !loaded) return loaded.error();
  return spool;
}

Result<void> Spool::load(const LogPosition& log) {
  std::vector<std::pair<std::uint64_t, fs::path>> files;
  std::error_code error;
  for (fs::directory_iterator entry(directory_, error), end; !error && entry != end; entry.increment(error)) {
    if (const auto number = file_number(entry->path())) files.emplace_back(*number, entry->path());
  }
  if (error) return Error{ErrorCode::io, directory_.string() + ": " + error.message()};
  std::sort(files.begin(), files.end());
  bool is_cut = false;
  for (const auto& [number, path] : files) {
    next_file_ = number + 1;
    Segment segment;
    segment.file = path;
    if (!is_cut) load_segment(segment, log, is_cut);
    if (segment.rows == segment.rows_done) {
      remove_quietly(path);
      continue;
    }
    waiting_ += segment.rows - segment.rows_done;
    segments_.push_back(std::move(segment));
  }
  balance(log);
  // Both slots are there from now on: to save needs no space.
  state_file_.save(state_);
  state_file_.save(state_);
  return {};
}

void Spool::load_segment(Segment& segment, const LogPosition& log, bool& is_cut) {
  const Descriptor file(::open(segment.file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  const off_t end = file.get() < 0 ? 0 : ::lseek(file.get(), 0, SEEK_END);
  std::uint64_t offset = 0;
  bool is_first = segments_.empty();
  while (const auto header = header_at(file, offset, static_cast<std::uint64_t>(std::max<off_t>(end, 0)))) {
    if (header->id.writer == log.writer && header->id.number > log.number) {
      is_cut = true;
      break;
    }
    offset += kHeaderSize + header->size;
    segment.rows += header->rows;
    const bool is_done = header->id.writer == state_.last.writer && header->id.number <= state_.last.number;
    // Of another log's batches those before the last one are done as well: they lie before it.
    if (is_done && is_first) {
      segment.rows_done = segment.rows;
      offset_ = offset;
    }
  }
  // Half a batch, or one that is not in the log.
  if (file.get() >= 0 && static_cast<off_t>(offset) < end)
    static_cast<void>(::ftruncate(file.get(), static_cast<off_t>(offset)) == 0);
  segment.size = segment.committed = offset;
  if (segment.rows == segment.rows_done && is_first) offset_ = 0;
}

void Spool::balance(const LogPosition& log) {
  const std::uint64_t own = state_.sent + state_.dropped + waiting_;
  if (state_.log != log.writer) {
    state_.log = log.writer;
    state_.base = log.rows - own;  // wraps: only the sum counts
    return;
  }
  const auto missing = static_cast<std::int64_t>(log.rows - state_.base - own);
  if (missing > 0) {
    state_.dropped += static_cast<std::uint64_t>(missing);  // in the log, and lost here
  } else {
    state_.base = log.rows - own;  // the log lost what had been handed over
  }
}

bool Spool::add_segment() {
  std::array<char, 17> name{};
  std::snprintf(name.data(), name.size(), "%016llx", static_cast<unsigned long long>(next_file_));
  Segment segment;
  segment.file = directory_ / (std::string(name.data()) + kSegmentEnd);
  append_ =
      Descriptor(::open(segment.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (append_.get() < 0) return false;
  ++next_file_;
  segments_.push_back(std::move(segment));
  return true;
}

bool Spool::write(const PackedBatch& batch) {
  const std::string octets = encode(batch);
  const std::uint64_t segment_bytes = std::clamp(bound_bytes_ / 16, kSmallestSegment, kLargestSegment);
  if (waiting_ > 0 && bytes() + octets.size() > bound_bytes_) return false;
  if (append_.get() < 0 || segments_.back().committed >= segment_bytes) {
    if (!add_segment()) return false;
  }
  Segment& last = segments_.back();
  if (write_all(append_, octets)) {
    last.size += octets.size();
    is_synced_ = false;
    return true;
  }
  static_cast<void>(::ftruncate(append_.get(), static_cast<off_t>(last.size)) == 0);
  return false;
}

void Spool::append(const PackedBatch& batch) {
  const std::lock_guard lock(mutex_);
  if (pending_ && pending_->is_kept) {
    Segment& last = segments_.back();
    static_cast<void>(::ftruncate(append_.get(), static_cast<off_t>(last.committed)) == 0);
    last.size = last.committed;
  }
  pending_ = Pending{{batch.id, batch.rows, {}}, write(batch)};
}

void Spool::commit(const BatchId& id) {
  {
    const std::lock_guard lock(mutex_);
    if (!pending_ || !(pending_->batch.id == id)) return;
    const std::uint32_t rows = pending_->batch.rows;
    if (pending_->is_kept) {
      Segment& last = segments_.back();
      last.committed = last.size;
      last.rows += rows;
      waiting_ += rows;
    } else {
      state_.dropped += rows;
      state_file_.save(state_);
    }
    pending_.reset();
  }
  changed_.notify_all();
}

void Spool::sync() {
  if (is_synced_ || append_.get() < 0) return;
  static_cast<void>(::fdatasync(append_.get()) == 0);
  is_synced_ = true;
}

Taken Spool::take(std::uint64_t max_rows, std::chrono::milliseconds linger, const Interrupt& interrupt) {
  Taken taken;
  std::deque<Segment> segments;
  std::uint64_t offset = 0;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ > 0 || interrupt.is_raised(); });
    changed_.wait_for(lock, linger, [&] { return waiting_ >= max_rows || interrupt.is_raised(); });
    if (interrupt.is_raised()) return taken;
    const std::size_t count = std::min(segments_.size(), kSegmentsAtOnce);
    segments.assign(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(count));
    offset = offset_;
  }
  // Only what is committed is read, and nobody writes there.
  for (const Segment& segment : segments) {
    std::uint64_t rows = segment.rows_done;
    const Descriptor file(::open(segment.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    while (rows < segment.rows) {
      const auto header = header_at(file, offset, segment.committed);
      if (!header) {  // nobody knows where the next batch begins
        taken.lost += segment.rows - rows;
        rows = segment.rows;
        offset = segment.committed;
        break;
      }
      if (!taken.batches.empty() && taken.rows + header->rows > max_rows) return taken;
      std::string payload = read_at(file, offset + kHeaderSize, header->size);
      offset += kHeaderSize + header->size;
      rows += header->rows;
      taken.rows += header->rows;
      taken.batches.push_back({header->id, header->rows, std::move(payload)});
      taken.file = segment.file;
      taken.offset = offset;
      taken.rows_of_file = rows;
    }
    taken.file = segment.file;
    taken.offset = offset;
    taken.rows_of_file = rows;
    offset = 0;
    if (taken.rows >= max_rows) return taken;
  }
  return taken;
}

void Spool::done(const Taken& taken, const Place& place) {
  std::vector<fs::path> gone;
  {
    const std::lock_guard lock(mutex_);
    while (!segments_.empty() && segments_.front().file != taken.file) {
      gone.push_back(std::move(segments_.front().file));
      segments_.pop_front();
    }
    if (segments_.empty()) return;
    offset_ = taken.offset;
    Segment& first = segments_.front();
    first.rows_done = taken.rows_of_file;
    if (first.rows_done == first.rows && segments_.size() > 1) {
      gone.push_back(std::move(first.file));
      segments_.pop_front();
      offset_ = 0;
    }
    waiting_ -= taken.rows + taken.lost;
    state_.sent += taken.rows;
    state_.dropped += taken.lost;
    if (!taken.batches.empty()) state_.last = taken.batches.back().id;
    state_.place = place;
    state_file_.save(state_);
  }
  // Behind the state: what it says is done is not read again, and a file that is left is removed at the next start.
  for (const fs::path& file : gone) remove_quietly(file);
}

Place Spool::place() const {
  const std::lock_guard lock(mutex_);
  return state_.place;
}

void Spool::wake() {
  // Behind the lock nobody is between looking at the interrupt and falling asleep.
  {
    const std::lock_guard lock(mutex_);
  }
  changed_.notify_all();
}

void Spool::set_bound(std::uint64_t bound_bytes) {
  const std::lock_guard lock(mutex_);
  bound_bytes_ = bound_bytes;
}

std::uint64_t Spool::bytes() const {
  std::uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.size;
  return sum;
}

SpoolTotals Spool::totals() const {
  const std::lock_guard lock(mutex_);
  return {state_.sent, waiting_, state_.dropped, bytes()};
}

}  // namespace weir::sinks
