#include "tools/sidecar/drain.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "tools/sidecar/digest.h"
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

std::string hash_of(const std::vector<std::string>& records, std::size_t count) {
  Sha256 digest;
  for (std::size_t i = 0; i < count; ++i) {
    const auto size = static_cast<std::uint16_t>(records[i].size());
    const std::array<std::uint8_t, 2> header = {static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(size >> 8)};
    digest.update(header);
    digest.update({reinterpret_cast<const std::uint8_t*>(records[i].data()), records[i].size()});
  }
  return digest.finish_hex();
}

std::span<const std::uint8_t> octets(const std::string& record) {
  return {reinterpret_cast<const std::uint8_t*>(record.data()), record.size()};
}

void peek_records(RingConsumer& consumer, std::vector<std::string>& into, std::size_t limit) {
  std::array<std::uint8_t, kMaxRecordSize> buffer;
  while (into.size() < limit) {
    give_way();
    const std::size_t size = consumer.peek(buffer);
    if (size == 0) return;
    into.emplace_back(reinterpret_cast<const char*>(buffer.data()), size);
  }
}

}  // namespace

Drain::Drain(std::filesystem::path run_directory, DecisionLog& log, LogFeed& feed, NamesSource names)
    : run_directory_(std::move(run_directory)), log_(log), feed_(feed), names_(std::move(names)) {}

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
  Ring ring{file, std::move(*consumer), inode, worker_of(file), {}, 0, 0};
  if (const auto mark = log_.mark(name)) {
    skip_what_was_written(ring, *mark);
    // Counters that went back belong to a new file.
    if (ring.consumer->dropped() >= mark->dropped) ring.dropped = mark->dropped;
    if (ring.consumer->damaged() >= mark->damaged) ring.damaged = mark->damaged;
  }
  rings_[name] = std::move(ring);
}

void Drain::skip_what_was_written(Ring& ring, const RingMark& mark) {
  if (mark.records == 0) return;
  peek_records(*ring.consumer, ring.waiting, mark.records);
  if (ring.waiting.size() != mark.records || hash_of(ring.waiting, ring.waiting.size()) != mark.sha256) return;
  ring.consumer->release();
  ring.waiting.clear();
}

Result<Drain::Turn> Drain::turn(Now now) {
  find_rings(now);
  Turn turn;
  std::vector<LogRow> rows;
  std::vector<RingMark> marks;
  std::vector<Ring*> read;
  std::set<GenerationNumber> generations;
  for (auto& [name, ring] : rings_) {
    peek_records(*ring.consumer, ring.waiting, kDrainRecords);
    const std::uint64_t dropped = ring.consumer->dropped();
    const std::uint64_t damaged = ring.consumer->damaged();
    const bool lost = dropped > ring.dropped || damaged > ring.damaged;
    if (ring.waiting.empty() && !lost) continue;
    for (const std::string& record : ring.waiting) {
      give_way();
      LogRow row;
      row.record = record;
      row.time_us = to_us(now.wall);
      if (const auto decision = decode_decision(octets(record))) {
        row.time_us = to_us(decision->time);
        generations.insert(decision->generation);
      } else if (const auto counters = decode_counters(octets(record))) {
        row.kind = RowKind::counters;
        row.time_us = to_us(counters->time);
      } else {
        row.kind = RowKind::lost;  // written by another version, or not by us at all
        row.record = encode(LostRecord{ring.worker, 0, record.size()});
      }
      rows.push_back(std::move(row));
    }
    if (lost) {
      const LostRecord record{ring.worker, dropped - ring.dropped, damaged - ring.damaged};
      rows.push_back({RowKind::lost, to_us(now.wall), encode(record)});
    }
    marks.push_back({name, ring.waiting.size(), hash_of(ring.waiting, ring.waiting.size()), dropped, damaged});
    turn.more = turn.more || ring.waiting.size() == kDrainRecords;
    read.push_back(&ring);
  }
  if (read.empty()) return turn;
  for (const GenerationNumber generation : generations) {
    if (log_.knows_names(generation)) continue;
    if (const auto names = names_(generation)) {
      if (auto kept = log_.remember_names(generation, *names); !kept) return kept.error();
    }
  }
  turn.rows = rows.size();
  if (auto written = log_.append(rows, marks); !written) return written.error();
  feed_.publish(rows);
  for (std::size_t i = 0; i < read.size(); ++i) {
    read[i]->consumer->release();
    read[i]->waiting.clear();
    read[i]->dropped = marks[i].dropped;
    read[i]->damaged = marks[i].damaged;
  }
  return turn;
}

}  // namespace weir::sidecar
