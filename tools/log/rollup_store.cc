#include "tools/log/rollup_store.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

namespace weir::log {
namespace {

constexpr std::int64_t kHoursOfDay = 24;
constexpr std::int64_t kSlotIsOverMs = 10 * kMinuteMs;  // decisions of its last moments are still on their way
constexpr unsigned kManyParts = 32;                     // of an hour that goes on: then they are folded all the same
constexpr std::size_t kClassesOfDecisions = 6;
constexpr RollupKind kAllKinds[] = {RollupKind::cells_of_hour, RollupKind::cells_of_day, RollupKind::domains_of_hour,
                                    RollupKind::domains_of_day};

bool is_of_day(RollupKind kind) {
  return kind == RollupKind::cells_of_day || kind == RollupKind::domains_of_day;
}
bool is_cells(RollupKind kind) {
  return kind == RollupKind::cells_of_hour || kind == RollupKind::cells_of_day;
}
RollupKind day_kind_of(RollupKind kind) {
  return is_cells(kind) ? RollupKind::cells_of_day : RollupKind::domains_of_day;
}
RollupKind hour_kind_of(RollupKind kind) {
  return is_cells(kind) ? RollupKind::cells_of_hour : RollupKind::domains_of_hour;
}
std::int64_t slot_ms(RollupKind kind) {
  return is_of_day(kind) ? kHoursOfDay * kHourMs : kHourMs;
}
// A day's counts are by the hour.
void by_hour(std::vector<CountCell>& cells) {
  for (CountCell& cell : cells) cell.slot_ms -= cell.slot_ms % kHourMs;
  add_up(cells);
}

}  // namespace

RollupStore::Slot RollupStore::slot_of(std::string_view key) {
  if (key.size() != 18) return {};
  return {static_cast<RollupKind>(key[0]), static_cast<DecisionClass>(key[1]),
          static_cast<std::int64_t>(number_of(key.substr(2)))};
}

Result<bool> RollupStore::has_day(RollupKind day_kind, DecisionClass decision_class, std::int64_t day) const {
  const std::string begin = rollup_key(day_kind, decision_class, day, 0);
  const auto at = database_.iterate(Family::rollups);
  at->Seek(slice(begin));
  if (!at->status().ok()) return database_.error(at->status());
  return at->Valid() && view(at->key()).substr(0, 10) == std::string_view(begin).substr(0, 10);
}

Result<void> RollupStore::add(const BlockRollup& sums, DecisionClass decision_class, std::uint64_t sequence,
                              FrameWriter& frames, rocksdb::WriteBatch& writes) {
  rocksdb::ColumnFamilyHandle* family = database_.family(Family::rollups);
  for (const auto& [hour, sum] : sums.hours) {
    writes.Put(family, slice(rollup_key(RollupKind::cells_of_hour, decision_class, hour, sequence)),
               slice(encode_cells(sum.cells, hour * kHourMs, frames)));
    writes.Put(family, slice(rollup_key(RollupKind::domains_of_hour, decision_class, hour, sequence)),
               slice(encode_domains(sum.domains, frames)));
    for (const RollupKind kind : {RollupKind::cells_of_hour, RollupKind::domains_of_hour})
      ++parts_[{kind, decision_class, hour}];
    const std::int64_t day = hour / kHoursOfDay;
    const auto is_folded = has_day(RollupKind::cells_of_day, decision_class, day);
    if (!is_folded) return is_folded.error();
    if (!*is_folded) continue;
    // A late one. Its key has the hour beside the block's number: a block may touch several hours of the day.
    const std::uint64_t part = sequence * kHoursOfDay + static_cast<std::uint64_t>(hour % kHoursOfDay);
    std::vector<CountCell> cells = sum.cells;
    by_hour(cells);
    writes.Put(family, slice(rollup_key(RollupKind::cells_of_day, decision_class, day, part)),
               slice(encode_cells(cells, day * kHoursOfDay * kHourMs, frames)));
    writes.Put(family, slice(rollup_key(RollupKind::domains_of_day, decision_class, day, part)),
               slice(encode_domains(sum.domains, frames)));
  }
  return {};
}

void RollupStore::drop_before(const std::map<DecisionClass, Oldest>& oldest, rocksdb::WriteBatch& writes) const {
  for (const auto& [decision_class, moments] : oldest) {
    for (const RollupKind kind : kAllKinds) {
      const std::int64_t oldest_ms = is_cells(kind) ? moments.counts_ms : moments.domains_ms;
      const std::int64_t first_kept = std::max<std::int64_t>(oldest_ms, 0) / slot_ms(kind);
      const std::string begin = rollup_key(kind, decision_class, 0, 0);
      const std::string end = rollup_key(kind, decision_class, first_kept, 0);
      const auto at = database_.iterate(Family::rollups);
      at->Seek(slice(begin));
      if (at->Valid() && view(at->key()) < end)
        writes.DeleteRange(database_.family(Family::rollups), slice(begin), slice(end));
    }
  }
}

Result<void> RollupStore::visit(RollupKind kind, std::int64_t first_slot, std::int64_t last_slot,
                                const Days& whole_days, const rocksdb::Snapshot* moment,
                                const std::function<Result<void>(const Slot&, std::string_view value)>& take) const {
  rocksdb::ReadOptions options;
  options.snapshot = moment;
  const std::unique_ptr<rocksdb::Iterator> at(database_.db().NewIterator(options, database_.family(Family::rollups)));
  for (std::size_t each = 0; each < kClassesOfDecisions; ++each) {
    const auto decision_class = static_cast<DecisionClass>(each);
    const std::string end = rollup_key(kind, decision_class, last_slot + 1, 0);
    at->Seek(slice(rollup_key(kind, decision_class, first_slot, 0)));
    while (at->Valid() && view(at->key()) < end) {
      const Slot slot = slot_of(view(at->key()));
      const std::int64_t day = slot.slot / kHoursOfDay;
      if (!is_of_day(kind) && whole_days.contains({decision_class, day})) {
        at->Seek(slice(rollup_key(kind, decision_class, (day + 1) * kHoursOfDay, 0)));
        continue;
      }
      if (auto taken = take(slot, view(at->value())); !taken) return taken;
      at->Next();
    }
    if (!at->status().ok()) return database_.error(at->status());
  }
  return {};
}

Result<void> RollupStore::fold_slot(const Slot& slot, const std::vector<Part>& parts, FrameWriter& frames,
                                    rocksdb::WriteBatch& writes) {
  rocksdb::ColumnFamilyHandle* family = database_.family(Family::rollups);
  const std::int64_t begin_ms = slot.slot * slot_ms(slot.kind);
  std::string value;
  if (is_cells(slot.kind)) {
    std::vector<CountCell> cells;
    for (const Part& part : parts) {
      auto more = decode_cells(part.value, begin_ms, slot.decision_class);
      if (!more) return more.error();
      cells.insert(cells.end(), more->begin(), more->end());
    }
    add_up(cells);
    value = encode_cells(cells, begin_ms, frames);
  } else {
    std::map<std::string, std::uint64_t> domains;
    for (const Part& part : parts) {
      if (auto added = decode_domains(part.value, domains); !added) return added;
    }
    value = encode_domains({domains.begin(), domains.end()}, frames);
  }
  for (const Part& part : parts) writes.Delete(family, slice(part.key));
  writes.Put(family, slice(parts.back().key), slice(value));
  return {};
}

Result<void> RollupStore::fold(std::int64_t now_ms, FrameWriter& frames) {
  rocksdb::WriteBatch writes;
  if (!looked_at_old_) {  // hours that an earlier process left
    looked_at_old_ = true;
    const auto at = database_.iterate(Family::rollups);
    for (at->SeekToFirst(); at->Valid(); at->Next()) {
      const Slot slot = slot_of(view(at->key()));
      if (slot.kind == RollupKind::cells_of_hour || slot.kind == RollupKind::domains_of_hour) ++parts_[slot];
    }
  }
  for (auto each = parts_.begin(); each != parts_.end();) {
    const Slot slot = each->first;
    const bool is_over = (slot.slot + 1) * kHourMs + kSlotIsOverMs <= now_ms;
    if (!is_over && each->second < kManyParts) {
      ++each;
      continue;
    }
    if (each->second > 1) {
      std::vector<Part> parts;
      const std::string begin = rollup_key(slot.kind, slot.decision_class, slot.slot, 0);
      const std::string end = rollup_key(slot.kind, slot.decision_class, slot.slot + 1, 0);
      const auto at = database_.iterate(Family::rollups);
      for (at->Seek(slice(begin)); at->Valid() && view(at->key()) < end; at->Next())
        parts.push_back({at->key().ToString(), at->value().ToString()});
      if (!at->status().ok()) return database_.error(at->status());
      if (parts.size() > 1) {
        if (auto folded = fold_slot(slot, parts, frames, writes); !folded) return folded;
      }
    }
    if (is_over) {
      each = parts_.erase(each);
    } else {
      each->second = 1;
      ++each;
    }
  }
  if (writes.Count() > 0) {
    if (auto written = database_.write(writes); !written) return written;
  }
  return fold_days(now_ms, frames);
}

Result<void> RollupStore::fold_days(std::int64_t now_ms, FrameWriter& frames) {
  constexpr std::int64_t kDay = kHoursOfDay * kHourMs;
  const std::int64_t today = (now_ms - kSlotIsOverMs) / kDay;  // not over yet
  if (today <= folded_until_day_) return {};
  // Days that have hours and no value of their own.
  std::set<Slot> wanted;
  const auto at = database_.iterate(Family::rollups);
  for (const RollupKind kind : {RollupKind::cells_of_hour, RollupKind::domains_of_hour}) {
    for (std::size_t each = 0; each < kClassesOfDecisions; ++each) {
      const auto decision_class = static_cast<DecisionClass>(each);
      std::int64_t day = folded_until_day_;
      for (;;) {
        at->Seek(slice(rollup_key(kind, decision_class, day * kHoursOfDay, 0)));
        if (!at->Valid()) break;
        const Slot slot = slot_of(view(at->key()));
        if (slot.kind != kind || slot.decision_class != decision_class) break;
        day = slot.slot / kHoursOfDay;
        if (day >= today) break;
        const auto has = has_day(day_kind_of(kind), decision_class, day);
        if (!has) return has.error();
        if (!*has) wanted.insert({day_kind_of(kind), decision_class, day});
        ++day;
      }
    }
  }
  for (const Slot& slot : wanted) {
    const RollupKind hours = hour_kind_of(slot.kind);
    const std::string begin = rollup_key(hours, slot.decision_class, slot.slot * kHoursOfDay, 0);
    const std::string end = rollup_key(hours, slot.decision_class, (slot.slot + 1) * kHoursOfDay, 0);
    std::vector<CountCell> cells;
    std::map<std::string, std::uint64_t> domains;
    for (at->Seek(slice(begin)); at->Valid() && view(at->key()) < end; at->Next()) {
      const Slot hour = slot_of(view(at->key()));
      if (is_cells(slot.kind)) {
        auto more = decode_cells(view(at->value()), hour.slot * kHourMs, slot.decision_class);
        if (!more) return more.error();
        cells.insert(cells.end(), more->begin(), more->end());
      } else if (auto added = decode_domains(view(at->value()), domains); !added) {
        return added;
      }
    }
    by_hour(cells);
    rocksdb::WriteBatch writes;
    writes.Put(database_.family(Family::rollups), slice(rollup_key(slot.kind, slot.decision_class, slot.slot, 0)),
               slice(is_cells(slot.kind) ? encode_cells(cells, slot.slot * kDay, frames)
                                         : encode_domains({domains.begin(), domains.end()}, frames)));
    if (auto written = database_.write(writes); !written) return written;
  }
  if (!at->status().ok()) return database_.error(at->status());
  folded_until_day_ = today;
  return {};
}

Result<std::vector<CountCell>> RollupStore::read_cells(std::int64_t since_ms, std::int64_t until_ms,
                                                       std::int64_t step_ms, const rocksdb::Snapshot* moment) const {
  constexpr std::int64_t kDay = kHoursOfDay * kHourMs;
  std::vector<CountCell> cells;
  Days whole_days;
  const auto take = [&](const Slot& slot, std::string_view value) -> Result<void> {
    auto more = decode_cells(value, slot.slot * slot_ms(slot.kind), slot.decision_class);
    if (!more) return more.error();
    for (CountCell cell : *more) {
      if (cell.slot_ms < since_ms || cell.slot_ms >= until_ms) continue;
      cell.slot_ms -= cell.slot_ms % step_ms;
      cells.push_back(cell);
    }
    return {};
  };
  since_ms = std::max<std::int64_t>(since_ms, 0);
  if (until_ms <= since_ms) return cells;
  const std::int64_t first_day = (since_ms + kDay - 1) / kDay;
  const std::int64_t last_day = until_ms / kDay - 1;
  if (step_ms % kHourMs == 0 && first_day <= last_day) {
    const auto visited =
        visit(RollupKind::cells_of_day, first_day, last_day, {}, moment, [&](const Slot& slot, std::string_view value) {
          whole_days.emplace(slot.decision_class, slot.slot);
          return take(slot, value);
        });
    if (!visited) return visited.error();
  }
  const auto visited =
      visit(RollupKind::cells_of_hour, since_ms / kHourMs, (until_ms - 1) / kHourMs, whole_days, moment, take);
  if (!visited) return visited.error();
  return cells;
}

Result<void> RollupStore::visit_domains(std::int64_t since_ms, std::int64_t until_ms, const rocksdb::Snapshot* moment,
                                        const DomainVisitor& visit_one) const {
  constexpr std::int64_t kDay = kHoursOfDay * kHourMs;
  Days whole_days;
  since_ms = std::max<std::int64_t>(since_ms, 0);
  if (until_ms <= since_ms) return {};
  const auto take = [&](const Slot& slot, std::string_view value) {
    return decode_domains(value,
                          [&](std::string_view key, std::uint64_t rows) { visit_one(slot.decision_class, key, rows); });
  };
  const std::int64_t first_day = (since_ms + kDay - 1) / kDay;
  const std::int64_t last_day = until_ms / kDay - 1;
  if (first_day <= last_day) {
    const auto visited = visit(RollupKind::domains_of_day, first_day, last_day, {}, moment,
                               [&](const Slot& slot, std::string_view value) {
                                 whole_days.emplace(slot.decision_class, slot.slot);
                                 return take(slot, value);
                               });
    if (!visited) return visited;
  }
  return visit(RollupKind::domains_of_hour, since_ms / kHourMs, (until_ms - 1) / kHourMs, whole_days, moment, take);
}

std::uint64_t RollupStore::bytes() const {
  std::uint64_t sum = 0;
  for (const Family family : {Family::rollups, Family::events}) {
    std::uint64_t size = 0;
    if (database_.db().GetIntProperty(database_.family(family), rocksdb::DB::Properties::kTotalSstFilesSize, &size))
      sum += size;
  }
  return sum;
}

}  // namespace weir::log
