#include "tools/log/counter_sum_store.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "tools/log/record_batch.h"
#include "tools/log/rollup.h"
#include "zones/link/decision.h"

namespace weir::log {
namespace {

constexpr std::int64_t kDay = 24 * kHourMs;
constexpr RollupKind kHours = RollupKind::counters_of_hour;
constexpr RollupKind kDays = RollupKind::counters_of_day;

std::int64_t length_of(RollupKind kind) {
  return kind == kDays ? kDay : kHourMs;
}

std::string sums_key(RollupKind kind, std::int64_t slot) {
  return rollup_key(kind, {}, slot, 0);
}

std::int64_t slot_of_sums(std::string_view key) {
  return static_cast<std::int64_t>(number_of(key.substr(2)));
}

// The same in longer slots.
std::vector<CounterSum> in_slots(std::vector<CounterSum> sums, std::int64_t length_ms) {
  for (CounterSum& sum : sums) sum.slot_ms -= sum.slot_ms % length_ms;
  add_up(sums);
  return sums;
}

// `sums` by their order, in parts that lie in one hour or day.
template <class Take>
Result<void> for_each_slot(RollupKind kind, const std::vector<CounterSum>& sums, Take take) {
  for (auto begin = sums.begin(); begin != sums.end();) {
    const std::int64_t slot = begin->slot_ms / length_of(kind);
    const auto end =
        std::find_if(begin, sums.end(), [&](const CounterSum& sum) { return sum.slot_ms / length_of(kind) != slot; });
    if (auto taken = take(slot, std::vector<CounterSum>(begin, end)); !taken) return taken;
    begin = end;
  }
  return {};
}

}  // namespace

void CounterSumStore::put(RollupKind kind, std::int64_t slot, const std::vector<CounterSum>& sums, FrameWriter& frames,
                          rocksdb::WriteBatch& writes) const {
  writes.Put(database_.family(Family::rollups), slice(sums_key(kind, slot)),
             slice(encode_sums(sums, slot * length_of(kind), frames)));
}

Result<void> CounterSumStore::add_to(RollupKind kind, const std::vector<CounterSum>& sums, FrameWriter& frames,
                                     rocksdb::WriteBatch& writes) const {
  return for_each_slot(kind, sums, [&](std::int64_t slot, std::vector<CounterSum> all) -> Result<void> {
    const auto stored = database_.find(Family::rollups, sums_key(kind, slot));
    if (!stored) return stored.error().code == ErrorCode::corrupt ? Result<void>() : Result<void>(stored.error());
    if (*stored) {
      const auto before = decode_sums(**stored, slot * length_of(kind));
      if (!before) return {};
      all.insert(all.end(), before->begin(), before->end());
      add_up(all);
    }
    put(kind, slot, all, frames, writes);
    return {};
  });
}

Result<void> CounterSumStore::add(std::vector<CounterSum> minutes, rocksdb::WriteBatch& writes) const {
  FrameWriter frames;
  const std::vector<CounterSum> sums = in_slots(std::move(minutes), kMinuteMs);
  if (auto added = add_to(kHours, sums, frames, writes); !added) return added;
  return add_to(kDays, in_slots(sums, kHourMs), frames, writes);
}

void CounterSumStore::drop_before(std::int64_t oldest_ms, rocksdb::WriteBatch& writes) const {
  for (const RollupKind kind : {kHours, kDays}) {
    const std::string begin = sums_key(kind, 0);
    const std::string end = sums_key(kind, std::max<std::int64_t>(oldest_ms, 0) / length_of(kind));
    const auto at = database_.iterate(Family::rollups);
    at->Seek(slice(begin));
    if (at->Valid() && view(at->key()) < end)
      writes.DeleteRange(database_.family(Family::rollups), slice(begin), slice(end));
  }
}

Result<void> CounterSumStore::recount(const std::function<std::uint32_t(const CounterRecord& counters)>& group_code,
                                      rocksdb::WriteBatch& writes) const {
  for (const RollupKind kind : {kHours, kDays})
    writes.DeleteRange(database_.family(Family::rollups), slice(sums_key(kind, 0)), slice(sums_key(kind, INT64_MAX)));
  FrameWriter frames;
  std::vector<CounterSum> minutes;  // of one hour: events lie in the order of their time
  std::vector<CounterSum> hours;
  const auto close_hour = [&] {
    if (minutes.empty()) return;
    add_up(minutes);
    put(kHours, minutes.front().slot_ms / kHourMs, minutes, frames, writes);
    const std::vector<CounterSum> sums = in_slots(std::exchange(minutes, {}), kHourMs);
    hours.insert(hours.end(), sums.begin(), sums.end());
  };
  const auto events = database_.iterate(Family::events);
  for (events->SeekToFirst(); events->Valid(); events->Next()) {
    const std::string_view value = view(events->value());
    if (value.empty() || static_cast<RecordSort>(value[0]) != RecordSort::counters) continue;
    const auto counters = decode_counters({reinterpret_cast<const std::uint8_t*>(value.data()) + 1, value.size() - 1});
    if (!counters) continue;
    const auto time_ms = static_cast<std::int64_t>(number_of(view(events->key())));
    if (!minutes.empty() && minutes.front().slot_ms / kHourMs != time_ms / kHourMs) close_hour();
    minutes.push_back({time_ms - time_ms % kMinuteMs, group_code(*counters), counters->queries, counters->blocked,
                       counters->cached, counters->failed});
  }
  if (!events->status().ok()) return database_.error(events->status());
  close_hour();
  return for_each_slot(kDays, hours, [&](std::int64_t slot, const std::vector<CounterSum>& sums) -> Result<void> {
    put(kDays, slot, sums, frames, writes);
    return {};
  });
}

Result<CounterSums> CounterSumStore::read(std::int64_t since_ms, std::int64_t until_ms, std::int64_t step_ms,
                                          Groups groups) const {
  CounterSums out;
  since_ms = std::max<std::int64_t>(since_ms, 0);
  const auto take = [&](const std::vector<CounterSum>& sums) {
    std::vector<CounterSum> wanted;
    for (CounterSum sum : sums) {
      if (sum.slot_ms < since_ms || sum.slot_ms >= until_ms) continue;
      if (groups == Groups::together) sum.group = 0;
      wanted.push_back(sum);
    }
    wanted = in_slots(std::move(wanted), step_ms);
    out.sums.insert(out.sums.end(), wanted.begin(), wanted.end());
  };
  // One iterator sees one moment, so no counter that comes meanwhile is in a day's value and not in an hour's.
  const auto at = database_.iterate(Family::rollups);
  const auto is_below = [&](const std::string& end) { return at->Valid() && view(at->key()) < end; };
  std::int64_t kept_from_ms = INT64_MAX;
  at->Seek(slice(sums_key(kHours, 0)));
  if (is_below(sums_key(kHours, INT64_MAX))) {
    kept_from_ms = slot_of_sums(view(at->key())) * kHourMs;
    const auto sums = decode_sums(view(at->value()), kept_from_ms);
    out.from_ms = sums && !sums->empty() ? sums->front().slot_ms : kept_from_ms;
  }
  if (until_ms <= since_ms || !out.from_ms) return out;
  std::set<std::int64_t> whole_days;
  // The day that retention eats at still has the hours that are gone.
  const std::int64_t first_day = (std::max(since_ms, kept_from_ms) + kDay - 1) / kDay;
  const std::int64_t end_day = until_ms / kDay;
  if (step_ms % kHourMs == 0 && first_day < end_day) {
    const std::string end = sums_key(kDays, end_day);
    for (at->Seek(slice(sums_key(kDays, first_day))); is_below(end); at->Next()) {
      const std::int64_t day = slot_of_sums(view(at->key()));
      const auto sums = decode_sums(view(at->value()), day * kDay);
      if (!sums) continue;  // its hours say the same
      whole_days.insert(day);
      take(*sums);
    }
  }
  const std::string end = sums_key(kHours, (until_ms - 1) / kHourMs + 1);
  at->Seek(slice(sums_key(kHours, since_ms / kHourMs)));
  while (is_below(end)) {
    const std::int64_t hour = slot_of_sums(view(at->key()));
    if (const std::int64_t day = hour / 24; whole_days.contains(day)) {
      at->Seek(slice(sums_key(kHours, (day + 1) * 24)));
      continue;
    }
    if (const auto sums = decode_sums(view(at->value()), hour * kHourMs)) {
      take(*sums);
    } else {
      out.missing.push_back({hour * kHourMs, (hour + 1) * kHourMs - 1, 0, sums.error().message});
    }
    at->Next();
  }
  if (!at->status().ok()) return database_.error(at->status());
  add_up(out.sums);
  return out;
}

}  // namespace weir::log
