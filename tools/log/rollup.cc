#include "tools/log/rollup.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "tools/log/dictionary.h"
#include "tools/log/front_coding.h"
#include "zones/store/codec.h"

namespace weir::log {
namespace {

using store::ByteReader;
using store::put_varint;

const Error& damaged_rollup() {
  static const Error error{ErrorCode::corrupt, "decision log: a rollup is damaged"};
  return error;
}

auto place_of(const CountCell& cell) {
  return std::tuple(cell.slot_ms, cell.decision_class, cell.list, cell.group);
}

}  // namespace

void add_up(std::vector<CountCell>& cells) {
  std::sort(cells.begin(), cells.end(), [](const auto& a, const auto& b) { return place_of(a) < place_of(b); });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (kept > 0 && place_of(cells[kept - 1]) == place_of(cells[i])) {
      cells[kept - 1].rows += cells[i].rows;
    } else {
      cells[kept++] = cells[i];
    }
  }
  cells.resize(kept);
}

CellCounter::CellCounter(DecisionClass decision_class, const std::vector<DecisionShape>& shapes,
                         const std::vector<Ruling>& rulings, const GroupCode& group_code)
    : class_(decision_class) {
  for (const DecisionShape& shape : shapes) {
    const std::uint32_t code = group_code(shape.generation, shape.group);
    const auto at = std::find(groups_.begin(), groups_.end(), code);
    group_of_shape_.push_back(static_cast<std::uint32_t>(at - groups_.begin()));
    if (at == groups_.end()) groups_.push_back(code);
  }
  for (const Ruling& ruling : rulings) {
    const auto at = std::find(lists_.begin(), lists_.end(), ruling.winner.list);
    list_of_ruling_.push_back(static_cast<std::uint32_t>(at - lists_.begin()));
    if (at == lists_.end()) lists_.push_back(ruling.winner.list);
  }
  cell_of_.resize(groups_.size() * lists_.size());
}

void CellCounter::begin_minute(std::int64_t minute) {
  minute_ = minute;
  minute_begin_ = cells_.size();
  std::fill(cell_of_.begin(), cell_of_.end(), 0);
}

std::uint32_t CellCounter::begin_cell(std::uint32_t list, std::uint32_t group) {
  cells_.push_back({*minute_ * kMinuteMs, class_, lists_[list], groups_[group], 0});
  return static_cast<std::uint32_t>(cells_.size() - minute_begin_);
}

std::vector<CountCell> CellCounter::take() {
  minute_.reset();
  std::vector<CountCell> out = std::exchange(cells_, {});
  add_up(out);
  return out;
}

BlockRollup roll_up(const Block& block, const GroupCode& group_code,
                    const std::function<std::string_view(std::string_view)>& domain_key) {
  BlockRollup out;
  CellCounter cells(block.header.decision_class, block.shapes, block.rulings, group_code);
  Dictionary domains;
  std::vector<std::uint32_t> domain_of_name(block.names.size());
  for (std::size_t i = 0; i < block.names.size(); ++i)
    domain_of_name[i] = domains.intern(domain_key(block.names.at(i)));

  std::vector<std::uint32_t> rows_of_domain(domains.size());
  std::vector<std::uint32_t> touched;
  const auto close_hour = [&](std::int64_t hour) {
    BlockRollup::Hour& into = out.hours[hour];
    into.cells = cells.take();
    // Names are sorted, and a domain's code is that of its first name: codes are in the order of the keys.
    std::sort(touched.begin(), touched.end());
    for (const std::uint32_t domain : touched)
      into.domains.emplace_back(domains.at(domain), std::exchange(rows_of_domain[domain], 0));
    touched.clear();
  };
  std::optional<std::int64_t> hour;
  for (std::size_t row = 0; row < block.header.rows; ++row) {
    const std::int64_t time_ms = block.time_ms(row);
    if (!hour || time_ms < *hour * kHourMs || time_ms >= (*hour + 1) * kHourMs) {
      if (hour) close_hour(*hour);
      hour = floor_divide(time_ms, kHourMs);
    }
    const Subject& subject = block.subjects[block.subject_of[row]];
    cells.count(time_ms, block.shape_of[row], subject.ruling);
    const std::uint32_t domain = domain_of_name[subject.name];
    if (rows_of_domain[domain]++ == 0) touched.push_back(domain);
  }
  if (hour) close_hour(*hour);
  return out;
}

std::string encode_cells(const std::vector<CountCell>& cells, std::int64_t slot_ms, FrameWriter& frames) {
  std::string column;
  std::int64_t minute_before = 0;
  for (const CountCell& cell : cells) {
    const std::int64_t minute = (cell.slot_ms - slot_ms) / kMinuteMs;
    put_varint(column, static_cast<std::uint64_t>(minute - std::exchange(minute_before, minute)));
    put_varint(column, cell.list);
    put_varint(column, cell.group);
    put_varint(column, cell.rows);
  }
  frames.add(column);
  return frames.finish();
}

Result<std::vector<CountCell>> decode_cells(std::string_view value, std::int64_t slot_ms,
                                            DecisionClass decision_class) {
  const auto frames = read_frames(value);
  if (!frames) return frames.error();
  if (frames->size() != 1) return damaged_rollup();
  std::vector<CountCell> cells;
  ByteReader in((*frames)[0]);
  std::uint64_t minute = 0;
  while (!in.at_end()) {
    minute += in.varint();
    CountCell cell;
    cell.slot_ms = slot_ms + static_cast<std::int64_t>(minute) * kMinuteMs;
    cell.decision_class = decision_class;
    cell.list = in.varint32();
    cell.group = in.varint32();
    cell.rows = in.varint();
    if (!in.ok() || minute >= 24 * 60) return damaged_rollup();
    cells.push_back(cell);
  }
  return cells;
}

std::string encode_domains(const std::vector<std::pair<std::string, std::uint64_t>>& domains, FrameWriter& frames) {
  KeyWriter keys;
  std::string rows;
  for (const auto& [key, count] : domains) {
    keys.add(key);
    put_varint(rows, count);
  }
  keys.write(frames);
  frames.add(rows);
  return frames.finish();
}

Result<void> decode_domains(std::string_view value,
                            const std::function<void(std::string_view key, std::uint64_t rows)>& take) {
  const auto frames = read_frames(value);
  if (!frames) return frames.error();
  if (frames->size() != kKeyFrames + 1) return damaged_rollup();
  KeyReader keys((*frames)[0], (*frames)[1], (*frames)[2]);
  ByteReader rows((*frames)[kKeyFrames]);
  while (!keys.at_end()) {
    const auto key = keys.next();
    const std::uint64_t count = rows.varint();
    if (!key || !rows.ok()) return damaged_rollup();
    take(*key, count);
  }
  if (!keys.is_whole() || !rows.at_end()) return damaged_rollup();
  return {};
}

Result<void> decode_domains(std::string_view value, std::map<std::string, std::uint64_t>& domains) {
  auto hint = domains.begin();
  return decode_domains(value, [&](std::string_view key, std::uint64_t rows) {
    hint = domains.try_emplace(hint, std::string(key), 0);
    hint->second += rows;
  });
}

}  // namespace weir::log
