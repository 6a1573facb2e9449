#include "resolver/server/decision_sink.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace weir {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::chrono::seconds kReadAgain{1};  // a key may be destroyed at any moment (weir log forget)
constexpr std::chrono::minutes kAhead{10};     // tomorrow's key is taken this long before midnight
constexpr std::chrono::minutes kCountersEvery{1};

std::int64_t day_of(WallTime time) {
  return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

std::string file_name(std::int64_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
  return text;
}

std::optional<PseudonymKey> read_key(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) return std::nullopt;
  PseudonymKey key{};
  std::uint8_t beyond = 0;
  struct stat status{};
  const bool sound = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) &&
                     ::pread(descriptor, key.data(), key.size(), 0) == static_cast<ssize_t>(key.size()) &&
                     ::pread(descriptor, &beyond, 1, static_cast<off_t>(key.size())) == 0;
  ::close(descriptor);
  std::optional<PseudonymKey> out;
  // Zeros are what a key is overwritten with that is being destroyed.
  if (sound && key != PseudonymKey{}) out = key;
  ::explicit_bzero(key.data(), key.size());
  return out;
}

}  // namespace

// Two days' keys, by the parity of the day: tomorrow's is there before midnight. Each is a sequence lock without
// fences: every access is an atomic one, so readers never wait and a thread sanitizer can follow.
struct PseudonymKeys::Slot {
  std::atomic<std::uint32_t> sequence{0};  // odd while it is written
  std::atomic<std::int64_t> day{-1};       // -1: no key
  std::atomic<std::uint64_t> low{0};
  std::atomic<std::uint64_t> high{0};
};

struct PseudonymKeys::Page {
  Slot slots[2];
};

PseudonymKeys::PseudonymKeys(const std::filesystem::path& run_directory) : directory_(run_directory / "keys") {
  void* memory = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // Best effort: without the right to lock memory the key may reach swap, which is no reason not to start.
  (void)::mlock(memory, kPageBytes);
  (void)::madvise(memory, kPageBytes, MADV_DONTDUMP);
  page_ = new (memory) Page;
}

PseudonymKeys::~PseudonymKeys() {
  ::explicit_bzero(static_cast<void*>(page_), sizeof *page_);
  ::munmap(page_, kPageBytes);
}

void PseudonymKeys::refresh(Now now) {
  const std::int64_t today = day_of(now.wall);
  if (today == tried_day_ && now.steady - tried_at_ < kReadAgain) return;
  tried_day_ = today;
  tried_at_ = now.steady;
  for (auto& slot : page_->slots) {  // a day that is over: nobody may name its clients again
    const std::int64_t day = slot.day.load(std::memory_order_relaxed);
    if (day != -1 && day != today && day != today + 1) write(slot, -1, {});
  }
  const std::int64_t soon = day_of(now.wall + kAhead);
  for (std::int64_t day = today; day <= soon; ++day) {
    auto& slot = page_->slots[day & 1];
    auto key = read_key(directory_ / file_name(day));
    write(slot, key ? day : -1, key.value_or(PseudonymKey{}));
    if (key) ::explicit_bzero(key->data(), key->size());
  }
}

void PseudonymKeys::write(Slot& slot, std::int64_t day, const PseudonymKey& key) {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  std::memcpy(&low, key.data(), 8);
  std::memcpy(&high, key.data() + 8, 8);
  if (slot.day.load(std::memory_order_relaxed) == day && slot.low.load(std::memory_order_relaxed) == low &&
      slot.high.load(std::memory_order_relaxed) == high) {
    return;
  }
  const std::uint32_t sequence = slot.sequence.load(std::memory_order_relaxed);
  slot.sequence.store(sequence + 1, std::memory_order_relaxed);
  // A reader that sees one of these also sees the odd number.
  slot.day.store(day, std::memory_order_release);
  slot.low.store(low, std::memory_order_release);
  slot.high.store(high, std::memory_order_release);
  slot.sequence.store(sequence + 2, std::memory_order_release);
}

std::optional<PseudonymKey> PseudonymKeys::key_at(WallTime time) const noexcept {
  const std::int64_t wanted = day_of(time);
  const auto& slot = page_->slots[wanted & 1];
  // A write takes nanoseconds and happens once a day; who meets one and fails again has no key, which is allowed.
  for (int attempt = 0; attempt < 64; ++attempt) {
    const std::uint32_t before = slot.sequence.load(std::memory_order_acquire);
    const std::int64_t day = slot.day.load(std::memory_order_acquire);
    const std::uint64_t low = slot.low.load(std::memory_order_acquire);
    const std::uint64_t high = slot.high.load(std::memory_order_acquire);
    if (before % 2 != 0 || slot.sequence.load(std::memory_order_relaxed) != before) continue;
    if (day != wanted) return std::nullopt;
    PseudonymKey key;
    std::memcpy(key.data(), &low, 8);
    std::memcpy(key.data() + 8, &high, 8);
    return key;
  }
  return std::nullopt;
}

Result<std::unique_ptr<DecisionSink>> DecisionSink::open(const std::filesystem::path& run_directory, unsigned worker,
                                                         const PseudonymKeys& keys, WorkerMetrics& metrics,
                                                         std::size_t ring_bytes) {
  auto ring = RingProducer::open(ring_file(run_directory, worker), ring_bytes);
  if (!ring) return ring.error();
  return std::unique_ptr<DecisionSink>(new DecisionSink(std::move(*ring), keys, metrics));
}

DecisionSink::DecisionSink(std::unique_ptr<RingProducer> ring, const PseudonymKeys& keys, WorkerMetrics& metrics)
    : ring_(std::move(ring)), keys_(keys), metrics_(metrics), groups_(1) {}

void DecisionSink::push(Decision& decision, const IpAddress& client, Privacy level) noexcept {
  std::optional<PseudonymKey> key;
  if (level == Privacy::pseudonym) key = keys_.key_at(decision.time);
  decision.client = identity_of(client, level, key);
  if (key) ::explicit_bzero(key->data(), key->size());
  std::array<std::uint8_t, kMaxRecordSize> record;
  if (write(std::span(record).first(encode(decision, record)))) metrics_.add(Metric::decisions);
}

void DecisionSink::count(std::uint32_t group, AnswerKind kind) noexcept {
  if (group >= groups_.size()) return;  // of a generation that set_groups() was not told of
  CounterRecord& totals = groups_[group];
  ++totals.queries;
  if (kind == AnswerKind::blocked) ++totals.blocked;
  if (kind == AnswerKind::cached) ++totals.cached;
  if (kind == AnswerKind::failed) ++totals.failed;
}

void DecisionSink::set_groups(std::size_t count, GenerationNumber generation, WallTime now) {
  flush_counters(now);
  generation_ = generation;
  groups_.resize(count);
}

void DecisionSink::tick(WallTime now) noexcept {
  if (!counted_since_ || now < *counted_since_) counted_since_ = now;  // a clock that was set back
  if (now - *counted_since_ >= kCountersEvery) flush_counters(now);
}

void DecisionSink::flush_counters(WallTime now) noexcept {
  // In the middle of what was counted: whoever adds up by minutes takes the one that most of it was in.
  const WallTime middle = counted_since_ && *counted_since_ < now ? *counted_since_ + (now - *counted_since_) / 2 : now;
  counted_since_ = now;
  std::array<std::uint8_t, kMaxRecordSize> record;
  for (std::uint32_t group = 0; group < groups_.size(); ++group) {
    CounterRecord& totals = groups_[group];
    if (totals.queries == 0) continue;
    totals.time = middle;
    totals.group = group;
    totals.generation = generation_;
    (void)write(std::span(record).first(encode(totals, record)));
    totals = CounterRecord{};
  }
}

bool DecisionSink::write(std::span<const std::uint8_t> record) noexcept {
  const bool has_room = ring_->push(record);
  if (!has_room) metrics_.add(Metric::ring_drops);
  return has_room;
}

}  // namespace weir
