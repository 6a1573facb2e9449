#include "tools/sidecar/drain.h"

#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "zones/base/thread_rank.h"
#include "zones/link/decision.h"

namespace weir::sidecar {
namespace {

constexpr std::chrono::seconds kLookForRingsEvery{1};

std::uint64_t inode_of(const std::filesystem::path& file) {
  struct stat info{};
  return ::stat(file.c_str(), &info) == 0 ? info.st_ino : 0;
}

// The number in the file's name: whose ring it is.
std::uint32_t worker_of(const std::filesystem::path& file) {
  const std::string name = file.filename().string();
  const std::size_t digits = name.find_first_of("0123456789");
  std::uint32_t worker = 0;
  if (digits != std::string::npos) std::from_chars(name.data() + digits, name.data() + name.size(), worker);
  return worker;
}

std::string hash_of(std::string_view octets) {
  const XXH128_hash_t hash = XXH3_128bits(octets.data(), octets.size());
  std::string out(sizeof hash, '\0');
  std::memcpy(out.data(), &hash, sizeof hash);
  return out;
}

constexpr std::size_t kSizeOctets = 2;

std::span<const std::uint8_t> record_at(std::string_view octets, std::size_t at) {
  const std::size_t size =
      static_cast<std::uint8_t>(octets[at]) | static_cast<std::size_t>(static_cast<std::uint8_t>(octets[at + 1])) << 8;
  return {reinterpret_cast<const std::uint8_t*>(octets.data()) + at + kSizeOctets, size};
}

// A ring drops what comes while it is full, so all of that came behind the first that waits in it.
std::optional<std::int64_t> first_time(std::string_view waiting) {
  if (waiting.empty()) return std::nullopt;
  const auto record = record_at(waiting, 0);
  if (const auto decision = decode_decision(record)) return log::to_ms(decision->time);
  if (const auto counters = decode_counters(record)) return log::to_ms(counters->time);
  return std::nullopt;
}

std::span<const std::uint8_t> octets_of(const std::string& record) {
  return {reinterpret_cast<const std::uint8_t*>(record.data()), record.size()};
}

}  // namespace

Drain::Drain(std::filesystem::path run_directory, log::LogWriter& log, LogFeed& feed, NamesSource names,
             sinks::Sinks* sinks)
    : run_directory_(std::move(run_directory)),
      log_(log),
      feed_(feed),
      names_(std::move(names)),
      sinks_(sinks),
      batch_(std::make_shared<log::RecordBatch>()) {}

void Drain::find_rings(Now now) {
  if (looked_once_ && now.steady - looked_ < kLookForRingsEvery) return;
  looked_once_ = true;
  looked_ = now.steady;
  for (const std::filesystem::path& file : find_ring_files(run_directory_)) {
    const std::uint64_t inode = inode_of(file);
    const auto known = rings_.find(file.filename().string());
    if (inode == 0 || (known != rings_.end() && known->second.inode == inode)) continue;
    open_ring(file, inode);
  }
}

void Drain::open_ring(const std::filesystem::path& file, std::uint64_t inode) {
  auto consumer = RingConsumer::open(file);
  if (!consumer) return;  // being made at this moment, or not ours to read: tried again in a second
  const std::string name = file.filename().string();
  Ring ring{file, std::move(*consumer), inode, worker_of(file), {}, 0, 0, std::nullopt};
  if (const auto mark = log_.mark(name)) {
    skip_what_was_written(ring, *mark);
    // Counters that went back belong to a new file.
    if (ring.consumer->dropped() >= mark->dropped) ring.dropped = mark->dropped;
    if (ring.consumer->damaged() >= mark->damaged) ring.damaged = mark->damaged;
  }
  rings_[name] = std::move(ring);
}

void Drain::peek(Ring& ring, std::size_t limit) {
  std::array<std::uint8_t, kMaxRecordSize> buffer;
  while (ring.waiting.records < limit) {
    give_way();
    const std::size_t size = ring.consumer->peek(buffer);
    if (size == 0) return;
    ring.waiting.octets += static_cast<char>(size);
    ring.waiting.octets += static_cast<char>(size >> 8);
    ring.waiting.octets.append(reinterpret_cast<const char*>(buffer.data()), size);
    ++ring.waiting.records;
  }
}

void Drain::skip_what_was_written(Ring& ring, const log::RingMark& mark) {
  if (mark.records == 0) return;
  peek(ring, mark.records);
  ring.whole_until_ms = first_time(ring.waiting.octets);
  if (ring.waiting.records != mark.records || hash_of(ring.waiting.octets) != mark.hash) return;
  ring.consumer->release();
  ring.waiting.clear();
}

void Drain::sort_out(const Ring& ring, Now now, std::set<GenerationNumber>& generations) {
  const std::string_view octets = ring.waiting.octets;
  GenerationNumber last;
  for (std::size_t at = 0; at < octets.size();) {
    const std::span<const std::uint8_t> record = record_at(octets, at);
    at += kSizeOctets + record.size();
    give_way();
    if (const auto decision = decode_decision(record)) {
      batch_->add(log::RecordSort::decision, log::to_ms(decision->time), record);
      if (decision->generation != last) generations.insert(decision->generation);
      last = decision->generation;
    } else if (const auto counters = decode_counters(record)) {
      batch_->add(log::RecordSort::counters, log::to_ms(counters->time), record);
      if (counters->generation.value != 0) generations.insert(counters->generation);
    } else {  // written by another version, or not by us at all
      const std::string lost = encode(log::LostRecord{ring.worker, 0, record.size(), ring.whole_until_ms});
      batch_->add(log::RecordSort::lost, log::to_ms(now.wall), octets_of(lost));
    }
  }
}

Result<Drain::Turn> Drain::turn(Now now) {
  find_rings(now);
  Turn turn;
  batch_->clear();
  std::vector<log::RingMark> marks;
  std::vector<Ring*> read;
  std::set<GenerationNumber> generations;
  const std::size_t limit = std::min(kDrainRecords, kDrainRecordsOfAll / std::max<std::size_t>(rings_.size(), 1) + 1);
  for (auto& [name, ring] : rings_) {
    peek(ring, limit);
    const std::uint64_t dropped = ring.consumer->dropped();
    const std::uint64_t damaged = ring.consumer->damaged();
    const bool lost = dropped > ring.dropped || damaged > ring.damaged;
    const std::int64_t now_ms = log::to_ms(now.wall);
    if (!ring.whole_until_ms) ring.whole_until_ms = first_time(ring.waiting.octets).value_or(now_ms);
    ring.whole_until_ms = std::min(*ring.whole_until_ms, now_ms);  // clocks go back
    if (ring.waiting.records == 0 && !lost) {
      ring.whole_until_ms = now_ms;
      continue;
    }
    sort_out(ring, now, generations);
    if (lost) {
      const std::string record =
          encode(log::LostRecord{ring.worker, dropped - ring.dropped, damaged - ring.damaged, ring.whole_until_ms});
      batch_->add(log::RecordSort::lost, now_ms, octets_of(record));
    }
    marks.push_back({name, ring.waiting.records, hash_of(ring.waiting.octets), dropped, damaged});
    turn.more = turn.more || ring.waiting.records >= limit;
    read.push_back(&ring);
  }
  if (read.empty()) return turn;
  for (const GenerationNumber generation : generations) {
    if (log_.knows_names(generation)) continue;
    if (const auto names = names_(generation)) {
      if (auto kept = log_.remember_names(generation, *names); !kept) return kept.error();
    }
  }
  turn.rows = batch_->size();
  // Into the spools first: what the log has is there, and what is there alone is taken out again.
  std::optional<sinks::Sinks::Turn> sinking;
  if (sinks_ != nullptr) {
    sinking.emplace(sinks_->begin(*batch_));
    if (sinking->mark()) marks.push_back(*sinking->mark());
  }
  if (auto written = log_.append(*batch_, marks); !written) return written.error();
  if (sinking) sinking->commit();
  sinking.reset();
  // What others look at is not ours any more; otherwise its memory serves again.
  if (feed_.is_watched()) feed_.publish(std::exchange(batch_, std::make_shared<log::RecordBatch>()));
  for (std::size_t i = 0; i < read.size(); ++i) {
    read[i]->consumer->release();
    read[i]->waiting.clear();
    read[i]->dropped = marks[i].dropped;
    read[i]->damaged = marks[i].damaged;
    read[i]->whole_until_ms = log::to_ms(now.wall);
  }
  return turn;
}

}  // namespace weir::sidecar
