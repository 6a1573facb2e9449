#include "tools/log/anonymous_cells.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "tools/log/block_codec.h"
#include "tools/log/block_filter.h"
#include "tools/log/dictionary.h"
#include "zones/base/thread_rank.h"
#include "zones/dns/reversed_name.h"

namespace weir::log {
namespace {

using Detail = AnonymousCell::Detail;

constexpr std::int64_t kHourIsOverMs = 10 * kMinuteMs;  // decisions of its last moments are still on their way
constexpr std::size_t kMaxCells = 200'000;              // of an hour; names beyond them are told without their names

std::int64_t hour_of(std::int64_t ms) {
  return ms - ((ms % kHourMs) + kHourMs) % kHourMs;
}

// Decisions, and the clients that met them as far as they matter: k of them, or all where they are fewer.
class Tally {
 public:
  void add_client(std::uint64_t client, std::size_t enough) {
    if (clients_.size() >= enough) return;
    const auto at = std::lower_bound(clients_.begin(), clients_.end(), client);
    if (at == clients_.end() || *at != client) clients_.insert(at, client);
  }
  void add(const Tally& other, std::size_t enough) {
    decisions += other.decisions;
    for (const std::uint64_t client : other.clients_) add_client(client, enough);
  }
  std::size_t clients() const { return clients_.size(); }

  std::uint64_t decisions = 0;

 private:
  std::vector<std::uint64_t> clients_;
};

// What a cell is of, as octets: outcome, detail, group, list, name.
struct CellKey {
  static constexpr std::size_t kHead = 10;
  static std::string make(DecisionClass decision_class, Detail detail, std::uint32_t group, std::uint32_t list,
                          std::string_view name) {
    std::string key{static_cast<char>(decision_class), static_cast<char>(detail)};
    key.append(reinterpret_cast<const char*>(&group), 4).append(reinterpret_cast<const char*>(&list), 4);
    return key.append(name);
  }
};

// The cells of one hour.
class HourCells {
 public:
  HourCells(const DecisionLog& log, std::int64_t hour_ms, std::size_t smallest_group)
      : log_(log), hour_ms_(hour_ms), enough_(smallest_group) {}

  void add(const Block& block) {
    const auto before = [&](std::uint32_t time, std::int64_t ms) { return block.header.first_ms + time < ms; };
    const auto row_at = [&](std::int64_t ms) {
      return static_cast<std::size_t>(std::lower_bound(block.times.begin(), block.times.end(), ms, before) -
                                      block.times.begin());
    };
    // Rows of the same subject, shape and client lie beside each other then.
    std::vector<std::uint64_t> rows;
    for (std::size_t row = row_at(hour_ms_), end = row_at(hour_ms_ + kHourMs); row < end; ++row) {
      rows.push_back(std::uint64_t{block.subject_of[row]} << 32 | std::uint64_t{block.shape_of[row]} << 16 |
                     block.client_of[row]);
    }
    std::sort(rows.begin(), rows.end());
    give_way();
    std::vector<std::uint32_t> groups;
    for (const DecisionShape& shape : block.shapes)
      groups.push_back(groups_.intern(group_name(log_.names(shape.generation).get(), shape.group)));
    std::vector<std::uint64_t> clients;
    for (const ClientIdentity& client : block.clients) clients.push_back(BlockFilter::hash(client_key(client)));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Subject& subject = block.subjects[rows[i] >> 32];
      const bool is_same_cell = i > 0 && rows[i] >> 16 == rows[i - 1] >> 16;
      if (!is_same_cell) {
        at_ = tally_of(block.header.decision_class, groups[rows[i] >> 16 & 0xFFFF],
                       block.rulings[subject.ruling].winner.list, block.names.at(subject.name));
      }
      ++tallies_[at_].decisions;
      const std::uint16_t client = rows[i] & 0xFFFF;
      const bool is_counted = is_same_cell && rows[i] == rows[i - 1];
      if (!is_counted && block.clients[client].level != Privacy::none)
        tallies_[at_].add_client(clients[client], enough_);
      give_way();
    }
  }

  std::vector<AnonymousCell> told() const {
    std::vector<AnonymousCell> cells;
    std::map<std::string, Tally> without_names;
    for (std::uint32_t code = 0; code < tallies_.size(); ++code) {
      const std::string_view key = keys_.at(code);
      if (static_cast<Detail>(key[1]) == Detail::name && tallies_[code].clients() >= enough_) {
        cells.push_back(cell_of(key, Detail::name, tallies_[code]));
      } else {
        std::string head(key.substr(0, CellKey::kHead));
        head[1] = static_cast<char>(Detail::list);
        without_names[head].add(tallies_[code], enough_);
      }
    }
    std::map<char, Tally> outcomes;
    for (const auto& [key, tally] : without_names) {
      if (tally.clients() >= enough_) {
        cells.push_back(cell_of(key, Detail::list, tally));
      } else {
        outcomes[key[0]].add(tally, enough_);
      }
    }
    for (const auto& [outcome, tally] : outcomes) {
      if (tally.clients() >= enough_) cells.push_back(cell_of(std::string(1, outcome), Detail::outcome, tally));
    }
    const auto rank = [](const AnonymousCell& cell) {
      return std::tuple(UINT64_MAX - cell.decisions, cell.decision_class, cell.detail, std::string_view(cell.name_key),
                        std::string_view(cell.group), cell.list);
    };
    std::sort(cells.begin(), cells.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    return cells;
  }

 private:
  std::uint32_t tally_of(DecisionClass decision_class, std::uint32_t group, std::uint32_t list, std::string_view name) {
    const bool is_full = tallies_.size() >= kMaxCells;
    const std::uint32_t code = keys_.intern(CellKey::make(decision_class, is_full ? Detail::list : Detail::name, group,
                                                          list, is_full ? std::string_view() : name));
    if (code == tallies_.size()) tallies_.emplace_back();
    return code;
  }

  AnonymousCell cell_of(std::string_view key, Detail detail, const Tally& tally) const {
    AnonymousCell cell;
    cell.detail = detail;
    cell.hour_ms = hour_ms_;
    cell.decision_class = static_cast<DecisionClass>(key[0]);
    cell.decisions = tally.decisions;
    if (detail == Detail::outcome) return cell;
    std::uint32_t group = 0;
    std::memcpy(&group, key.data() + 2, 4);
    std::memcpy(&cell.list, key.data() + 6, 4);
    cell.group = groups_.at(group);
    if (detail == Detail::name) cell.name_key = key.substr(CellKey::kHead);
    return cell;
  }

  const DecisionLog& log_;
  const std::int64_t hour_ms_;
  const std::size_t enough_;
  Dictionary groups_;
  Dictionary keys_;
  std::vector<Tally> tallies_;  // by the code of the key
  std::uint32_t at_ = 0;
};

// Which blocks touch which hours that may be told.
std::map<std::int64_t, std::vector<std::size_t>> hours_of(const std::vector<BlockRef>& blocks, std::int64_t since_ms,
                                                          std::int64_t until_ms) {
  std::map<std::int64_t, std::vector<std::size_t>> hours;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const BlockHeader& header = blocks[i].header;
    for (std::int64_t hour = std::max(hour_of(header.first_ms), since_ms);
         hour <= header.last_ms && hour + kHourMs <= until_ms; hour += kHourMs)
      hours[hour].push_back(i);
  }
  return hours;
}

}  // namespace

Result<SearchEnd> visit_anonymous_hours(const DecisionLog& log, const AnonymousRequest& request,
                                        const HourVisitor& visit) {
  const SearchRequest& range = request.range;
  const bool is_newest_first = range.direction == Direction::newest_first;
  std::int64_t since_ms = std::max<std::int64_t>(hour_of(range.since_ms), 0);
  std::int64_t until_ms = hour_of(std::min(range.until_ms, request.now_ms - kHourIsOverMs));
  if (range.after && is_newest_first) until_ms = std::min(until_ms, hour_of(range.after->time_ms) + kHourMs);
  if (range.after && !is_newest_first) since_ms = std::max(since_ms, hour_of(range.after->time_ms));
  SearchEnd end;
  tell_losses(log, range.since_ms, range.until_ms, end);
  // All blocks: each class's oldest row is looked for, wherever the range begins.
  const std::vector<BlockRef> blocks = log.find_blocks(INT64_MIN, until_ms);
  std::map<DecisionClass, std::int64_t> oldest;
  for (const BlockRef& block : blocks) {
    const auto at = oldest.try_emplace(block.header.decision_class, block.header.first_ms).first;
    at->second = std::min(at->second, block.header.first_ms);
  }
  const auto hours = hours_of(blocks, since_ms, until_ms);
  std::vector<std::int64_t> order;
  for (const auto& [hour, touched] : hours) order.push_back(hour);
  if (is_newest_first) std::reverse(order.begin(), order.end());
  const auto deadline = std::chrono::steady_clock::now() + range.budget;
  std::map<std::size_t, std::shared_ptr<const Block>> read;  // while hours go on that they touch
  for (const std::int64_t hour : order) {
    HourCells cells(log, hour, request.smallest_group);
    for (const std::size_t index : hours.at(hour)) {
      const BlockRef& ref = blocks[index];
      if (hour_of(oldest.at(ref.header.decision_class)) >= hour) continue;
      if (std::chrono::steady_clock::now() >= deadline || (range.is_gone && range.is_gone())) {
        end.complete = false;
        end.next = Position{hour, 0, 0};
        return end;
      }
      auto& block = read[index];
      if (!block) {
        auto fresh = log.read_block(ref, DecisionLog::Parts::all);
        if (fresh) {
          block = *fresh;
          ++end.blocks_read;
        } else if (fresh.error().code == ErrorCode::corrupt || fresh.error().code == ErrorCode::incompatible) {
          end.missing.push_back({ref.header.first_ms, ref.header.last_ms, ref.header.rows, fresh.error().message});
          block = std::make_shared<const Block>();
        } else if (fresh.error().code == ErrorCode::not_found) {  // retention came by
          block = std::make_shared<const Block>();
        } else {
          return fresh.error();
        }
      }
      cells.add(*block);
    }
    if (!visit(hour, cells.told())) {
      end.complete = false;
      end.next = Position{hour, 0, 0};
      return end;
    }
    std::erase_if(read, [&](const auto& each) {
      const BlockHeader& header = blocks[each.first].header;
      return is_newest_first ? hour_of(header.first_ms) >= hour : hour_of(header.last_ms) <= hour;
    });
  }
  return end;
}

CellMatcher::CellMatcher(const DecisionLog& log, LogFilter filter) : log_(log), filter_(std::move(filter)) {
  if (filter_.name) name_key_ = ReversedName(*filter_.name).key();
}

Result<void> CellMatcher::check(const LogFilter& filter) {
  if (filter.client || filter.pseudonym)
    return Error{ErrorCode::invalid, "what one client did is for administrators: [log] smallest_group"};
  if (filter.type)
    return Error{ErrorCode::invalid, "types are not told apart where figures about few clients are hidden"};
  return {};
}

bool CellMatcher::matches(const AnonymousCell& cell) const {
  if (filter_.decision_class && *filter_.decision_class != cell.decision_class) return false;
  const bool asks_name = filter_.name || !filter_.text.empty();
  if (asks_name && cell.detail != Detail::name) return false;
  // Every label of a key has its length before it, so a subtree is what begins alike.
  if (filter_.name && !cell.name_key.starts_with(name_key_)) return false;
  if (!filter_.text.empty() && name_of(cell).find(filter_.text) == std::string::npos) return false;
  const bool asks_list = !filter_.list.empty() || !filter_.group.empty();
  if (asks_list && cell.detail == Detail::outcome) return false;
  if (!filter_.list.empty() && list_of(log_, cell) != filter_.list) return false;
  return filter_.group.empty() || cell.group == filter_.group;
}

std::string name_of(const AnonymousCell& cell) {
  if (cell.detail != Detail::name) return {};
  const auto name = ReversedName::to_name(cell.name_key);
  return name ? name->to_text() : std::string();
}

std::string list_of(const DecisionLog& log, const AnonymousCell& cell) {
  if (cell.detail == Detail::outcome || cell.list == 0) return {};
  const auto known = log.list(cell.list);
  return known ? known->name : list_name(nullptr, cell.list);
}

std::string category_of(const DecisionLog& log, const AnonymousCell& cell) {
  const auto known = cell.detail == Detail::outcome || cell.list == 0 ? std::nullopt : log.list(cell.list);
  return known ? known->category : std::string();
}

}  // namespace weir::log
