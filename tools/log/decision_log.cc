#include "tools/log/decision_log.h"

#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "tools/log/block_builder.h"
#include "tools/log/block_index.h"
#include "tools/log/counter_sum_store.h"
#include "tools/log/disk_care.h"
#include "tools/log/group_codes.h"
#include "tools/log/known_names.h"
#include "tools/log/log_database.h"
#include "tools/log/losses.h"
#include "tools/log/old_log.h"
#include "tools/log/open_block.h"
#include "tools/log/registrable_domain.h"
#include "tools/log/retention.h"
#include "tools/log/rollup_store.h"
#include "zones/base/thread_rank.h"
#include "zones/store/codec.h"

namespace weir::log {
namespace {

constexpr std::size_t kClasses = kDecisionClasses;
constexpr std::uint64_t kShrinkFrom = 8 << 20;          // octets dropped before files are rewritten
constexpr std::int64_t kDayIsOverMs = 5 * kMinuteMs;    // decisions of its last moments are still on their way
constexpr std::size_t kMaxFull = 4;                     // blocks that wait to be sealed
constexpr std::uint64_t kBytesOfOpenRow = 12;           // about what a row takes once it is sealed
constexpr std::int64_t kOnTheirWayMs = 10 * kMinuteMs;  // how long rows from before a forget() are looked for

std::string encode(const RingMark& mark) {
  return number_octets(mark.records) + number_octets(mark.dropped) + number_octets(mark.damaged) + mark.hash;
}

std::optional<RingMark> decode_mark(std::string ring, std::string_view text) {
  if (text.size() < 24) return std::nullopt;
  return RingMark{std::move(ring), number_of(text), std::string(text.substr(24)), number_of(text.substr(8)),
                  number_of(text.substr(16))};
}

std::uint64_t oldest_generation(const Block& block) {
  std::uint64_t oldest = UINT64_MAX;
  for (const DecisionShape& shape : block.shapes) oldest = std::min(oldest, shape.generation.value);
  return oldest;
}

bool overlaps(const BlockHeader& header, std::int64_t since_ms, std::int64_t until_ms) {
  return header.last_ms >= since_ms && header.first_ms < until_ms;
}

bool overlaps(const BlockBuilder& builder, std::int64_t since_ms, std::int64_t until_ms) {
  return builder.last_ms() >= since_ms && builder.first_ms() < until_ms;
}

class RocksDecisionLog final : public DecisionLog {
 public:
  explicit RocksDecisionLog(std::unique_ptr<LogDatabase> database)
      : database_(std::move(database)),
        names_(*database_),
        groups_(*database_),
        rollups_(*database_),
        counter_sums_(*database_),
        losses_(*database_),
        disk_care_(*database_, [this](DecisionClass decision_class, const auto& use) {
          const std::lock_guard lock(mutex_);
          use(index_.first_key(decision_class));
        }) {}

  ~RocksDecisionLog() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    disk_care_.end();
    changed_.notify_all();
    if (sealer_.joinable()) sealer_.join();
  }

  Result<void> append(const RecordBatch& batch, const std::vector<RingMark>& marks) override {
    std::unique_lock lock(mutex_);
    // Sealing is ten times as fast as anything arrives; whoever writes faster than that waits.
    changed_.wait(lock, [this] { return full_.size() < kMaxFull || seal_error_; });
    if (seal_error_) return *seal_error_;
    rocksdb::WriteBatch writes;
    std::optional<RingLoss> lost;
    std::array<std::vector<const RecordBatch::Entry*>, kClasses> by_class;
    const std::uint64_t event_number = ++number_;
    std::uint32_t events = 0;
    std::vector<CounterSum> counted;
    for (const RecordBatch::Entry& entry : batch.entries()) {
      const auto record = batch.record(entry);
      if (entry.sort == RecordSort::decision) {
        if (const auto decision_class = class_of_record(record)) {
          by_class[static_cast<std::size_t>(*decision_class)].push_back(&entry);
          continue;
        }
      }
      LostRecord loss;
      if (entry.sort == RecordSort::lost && log::decode(record, loss)) {
        const RingLoss one{loss.since_ms.value_or(entry.time_ms), entry.time_ms, loss.dropped, loss.damaged_bytes};
        lost = lost ? lost->with(one) : one;
      }
      if (const auto counters = entry.sort == RecordSort::counters ? decode_counters(record) : std::nullopt) {
        counted.push_back({std::max<std::int64_t>(entry.time_ms, 0), code_of_group(*counters), counters->queries,
                           counters->blocked, counters->cached, counters->failed});
      }
      const std::string value = std::string(1, static_cast<char>(entry.sort)) +
                                std::string(reinterpret_cast<const char*>(record.data()), record.size());
      writes.Put(database_->family(Family::events), slice(event_key(entry.time_ms, event_number, events++)),
                 slice(value));
    }
    if (!counted.empty()) {
      if (auto added = counter_sums_.add(std::move(counted), writes); !added) return added;
    }
    if (events > 0) writes.Put(database_->family(Family::meta), "counted", slice(number_octets(event_number)));
    for (std::size_t each = 0; each < kClasses; ++each) {
      if (by_class[each].empty()) continue;
      add(static_cast<DecisionClass>(each), batch, by_class[each], writes);
    }
    for (const RingMark& mark : marks) {
      writes.Put(database_->family(Family::meta), slice("ring/" + mark.ring), slice(encode(mark)));
    }
    if (lost) {
      writes.Put(database_->family(Family::meta), "dropped", slice(number_octets(totals_.dropped + lost->decisions)));
    }
    const std::optional<RingLoss> kept = lost ? std::optional(losses_.put(*lost, writes)) : std::nullopt;
    if (auto committed = commit(writes); !committed) return committed;
    if (lost) totals_.dropped += lost->decisions;
    if (kept) losses_.keep(*kept);
    for (const RingMark& mark : marks) marks_[mark.ring] = mark;
    count_totals();
    return {};
  }

  std::optional<RingMark> mark(const std::string& ring) const override {
    const std::lock_guard lock(mutex_);
    const auto found = marks_.find(ring);
    if (found == marks_.end()) return std::nullopt;
    return found->second;
  }

  Result<void> check_writable() const override {
    {
      const std::lock_guard lock(mutex_);
      if (!database_->has_failed() && !seal_error_) return {};
    }
    return Error{ErrorCode::corrupt,
                 "decision log " + database_->directory().string() +
                     ": it does not write any more after an error of the disk; it must be opened anew"};
  }

  Result<void> sync() override { return database_->sync(); }

  Result<std::uint64_t> retain(const LogRetention& retention, WallTime now) override {
    const std::lock_guard lock(mutex_);
    if (fold_error_) return *std::exchange(fold_error_, std::nullopt);
    rocksdb::WriteBatch writes;
    const std::int64_t now_ms = to_ms(now);
    std::erase_if(forgotten_, [&](const ToForget& each) { return now_ms - each.before_ms > kOnTheirWayMs; });
    for (OpenBlock& open : open_) {
      if (open.builder.empty()) continue;
      const std::int64_t kept_ms = retention.keep_of(open.decision_class).count();
      if (open.builder.last_ms() < now_ms - kept_ms) {
        drop_open(open, writes);
      } else if (!open.builder.takes(now_ms - kDayIsOverMs) || now_ms - open.builder.first_ms() > kept_ms / 4) {
        hand_over(open);
      }
    }
    const std::vector<std::string> dropped = blocks_to_drop(index_, retention, now_ms, rollups_.bytes());
    for (const std::string& key : dropped) {
      for (const Family family : {Family::index, Family::summaries, Family::names, Family::columns})
        writes.Delete(database_->family(family), slice(key));
    }
    rollups_.drop_before(oldest_rollups(index_, retention, now_ms, dropped), writes);
    counter_sums_.drop_before(now_ms - retention.keep.count(), writes);
    losses_.drop_before(now_ms - retention.keep.count(), writes);
    const std::string event_end = event_key(now_ms - retention.keep.count(), 0, 0);
    if (const auto events = database_->iterate(Family::events);
        events->SeekToFirst(), events->Valid() && view(events->key()) < event_end) {
      writes.DeleteRange(database_->family(Family::events), slice(""), slice(event_end));
    }
    if (writes.Count() > 0) {
      if (auto committed = commit(writes); !committed) return committed.error();
    }
    for (const std::string& key : dropped) {
      dropped_since_shrink_ += index_.find(key)->bytes;
      index_.erase(key);
    }
    count_totals();
    if (!dropped.empty()) {
      std::uint64_t oldest = index_.oldest_generation().value_or(UINT64_MAX);
      for_each_unsealed([&](const OpenBlock& open) { oldest = std::min(oldest, open.oldest_generation); });
      if (oldest != UINT64_MAX) {
        if (auto forgotten = names_.forget_below({oldest}); !forgotten) return forgotten.error();
      }
    }
    if (dropped_since_shrink_ >= kShrinkFrom) {
      dropped_since_shrink_ = 0;
      disk_care_.shrink();
    }
    fold_wanted_ = now_ms;
    changed_.notify_all();
    return std::uint64_t{dropped.size()};
  }

  Result<void> settle() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return (full_.empty() && !fold_wanted_) || seal_error_; });
    if (seal_error_) return *seal_error_;
    lock.unlock();
    disk_care_.settle();
    return {};
  }

  Result<Forgotten> forget(const ClientSet& clients, std::int64_t since_ms, std::int64_t until_ms, WallTime now,
                           const std::function<bool()>& is_ending) override {
    const std::lock_guard one_at_a_time(forgetting_);
    std::unique_lock lock(mutex_);
    forgotten_.push_back({clients, since_ms, until_ms, to_ms(now)});
    // What is sealed is changed in one place and by nobody else.
    for (OpenBlock& open : open_) {
      const auto& known = open.builder.clients();
      if (std::any_of(known.begin(), known.end(), [&](const auto& each) { return clients.contains(each); }))
        hand_over(open);
    }
    const std::uint64_t handed_over = handed_over_;
    while (sealed_ < handed_over && !seal_error_) {
      if (stopping_ || (is_ending && is_ending())) return cut_short();
      changed_.wait_for(lock, std::chrono::seconds(1));
    }
    if (seal_error_) return *seal_error_;
    std::vector<BlockRef> blocks;
    for (const auto& [key, entry] : index_.all()) {
      if (overlaps(entry.header, since_ms, until_ms))
        blocks.push_back({key, entry.header, sequence_of(key), entry.bytes, nullptr});
    }
    lock.unlock();
    Forgotten done;
    FrameWriter frames;
    for (const BlockRef& ref : blocks) {
      if (is_ending && is_ending()) return cut_short();
      const auto rows = rewrite_without(clients, ref, frames);
      if (rows) {
        done.rows += *rows;
        done.blocks += *rows > 0 ? 1 : 0;
      } else if (rows.error().code == ErrorCode::corrupt || rows.error().code == ErrorCode::incompatible) {
        done.damaged.push_back(rows.error().message);
      } else {
        return rows.error();
      }
    }
    if (auto erased = database_->erase_superseded(disk_care_.is_ending()); !erased) return erased.error();
    return done;
  }

  std::vector<BlockRef> find_blocks(std::int64_t since_ms, std::int64_t until_ms) const override {
    std::vector<BlockRef> found;
    std::vector<std::pair<std::uint64_t, std::shared_ptr<const BlockSnapshot>>> unsealed;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [key, entry] : index_.all()) {
        if (overlaps(entry.header, since_ms, until_ms))
          found.push_back({key, entry.header, sequence_of(key), entry.bytes, nullptr});
      }
      for_each_unsealed([&](const OpenBlock& open) {
        if (overlaps(open.builder, since_ms, until_ms)) unsealed.emplace_back(open.sequence, open.snapshot());
      });
    }
    for (const auto& [sequence, snapshot] : unsealed) {
      const std::shared_ptr<const Block> block = snapshot->block();
      found.push_back({{}, block->header, sequence, kBytesOfOpenRow * block->header.rows, block});
    }
    std::sort(found.begin(), found.end(), [](const BlockRef& a, const BlockRef& b) {
      return a.header.last_ms != b.header.last_ms ? a.header.last_ms > b.header.last_ms : a.sequence > b.sequence;
    });
    return found;
  }

  Result<BlockSummary> read_summary(const BlockRef& block) const override {
    if (block.open) return BlockSummary{block.open->header, {}, {}};  // its filters are empty: they exclude nothing
    const auto value = read(Family::summaries, block);
    if (!value) return value.error();
    return decode_summary(*value);
  }

  Result<std::shared_ptr<const Block>> read_block(const BlockRef& ref, Parts parts,
                                                  const NamesVisitor& wanted) const override {
    if (ref.open) return wanted && !wanted(*ref.open) ? nullptr : ref.open;
    auto block = std::make_shared<Block>();
    block->header = ref.header;
    const auto names = read(Family::names, ref);
    if (!names) return names.error();
    if (auto decoded = decode_names(*names, *block); !decoded) return decoded.error();
    if (wanted && !wanted(*block)) return std::shared_ptr<const Block>();
    if (parts == Parts::all) {
      const auto columns = read(Family::columns, ref);
      if (!columns) return columns.error();
      if (auto decoded = decode_columns(*columns, *block); !decoded) return decoded.error();
    }
    return std::shared_ptr<const Block>(std::move(block));
  }

  Result<void> scan_events(std::int64_t since_ms, std::int64_t until_ms, const EventVisitor& visit) const override {
    const auto events = database_->iterate(Family::events);
    const std::string end = event_key(until_ms, 0, 0);
    for (events->SeekForPrev(slice(end)); events->Valid(); events->Prev()) {
      const std::string_view key = view(events->key());
      const std::string_view value = view(events->value());
      const auto time_ms = static_cast<std::int64_t>(number_of(key));
      if (time_ms >= until_ms) continue;  // the end itself
      if (time_ms < since_ms) break;
      if (value.empty()) continue;
      if (!visit(static_cast<RecordSort>(value[0]), time_ms,
                 {reinterpret_cast<const std::uint8_t*>(value.data()) + 1, value.size() - 1}))
        return {};
    }
    if (!events->status().ok()) return database_->error(events->status());
    return {};
  }

  Result<std::vector<CountCell>> read_counts(std::int64_t since_ms, std::int64_t until_ms,
                                             std::int64_t step_ms) const override {
    // Open blocks and what is stored at one moment: no row is counted twice while a block is sealed.
    std::unique_lock lock(mutex_);
    const auto open = open_blocks(since_ms, until_ms);
    rocksdb::ManagedSnapshot moment(&database_->db());
    lock.unlock();
    auto cells = rollups_.read_cells(since_ms, until_ms, step_ms, moment.snapshot());
    if (!cells) return cells;
    for (const auto& snapshot : open) {
      for (CountCell cell : snapshot->counts(group_codes())) {
        if (cell.slot_ms < since_ms || cell.slot_ms >= until_ms) continue;
        cell.slot_ms -= cell.slot_ms % step_ms;
        cells->push_back(cell);
      }
    }
    return cells;
  }

  Result<void> visit_domains(std::int64_t since_ms, std::int64_t until_ms, const DomainVisitor& visit) const override {
    std::unique_lock lock(mutex_);
    const auto open = open_blocks(since_ms, until_ms);
    rocksdb::ManagedSnapshot moment(&database_->db());
    lock.unlock();
    if (auto visited = rollups_.visit_domains(since_ms, until_ms, moment.snapshot(), visit); !visited) return visited;
    for (const auto& snapshot : open) {
      const std::shared_ptr<const Block> block = snapshot->block();
      for (const auto& [hour, sums] : sum_of(*block).hours) {
        if (hour * kHourMs < since_ms || hour * kHourMs >= until_ms) continue;
        for (const auto& [key, rows] : sums.domains) visit(block->header.decision_class, key, rows);
      }
    }
    return {};
  }

  Result<CounterSums> read_counters(std::int64_t since_ms, std::int64_t until_ms, std::int64_t step_ms,
                                    Groups groups) const override {
    return counter_sums_.read(since_ms, until_ms, step_ms, groups);
  }

  Result<void> copy_to(const std::filesystem::path& target) const override {
    rocksdb::Checkpoint* made = nullptr;
    rocksdb::Status status = rocksdb::Checkpoint::Create(&database_->db(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) status = checkpoint->CreateCheckpoint(target.string());
    return status.ok() ? Result<void>() : Result<void>(database_->error(status));
  }

  std::vector<MissingRows> losses(std::int64_t since_ms, std::int64_t until_ms) const override {
    const std::lock_guard lock(mutex_);
    return losses_.find(since_ms, until_ms);
  }

  LogTotals totals() const override {
    const std::lock_guard lock(totals_mutex_);
    return shown_totals_;
  }

  bool knows_names(GenerationNumber generation) const override { return names_.knows(generation); }
  Result<void> remember_names(GenerationNumber generation, const PolicySet& policies) override {
    return names_.remember(generation, policies);
  }
  std::shared_ptr<const PolicySet> names(GenerationNumber generation) const override { return names_.find(generation); }
  std::string group_name(std::uint32_t code) const override { return groups_.name(code); }

  std::optional<KnownList> list(std::uint32_t list) const override { return names_.find_list(list); }

  Result<void> load() {
    if (auto names = names_.load(); !names) return names;
    if (auto groups = groups_.load(); !groups) return groups;
    for (const auto& [key, into] : {std::pair{"sequence", &number_}, {"dropped", &totals_.dropped}}) {
      const auto value = database_->find(Family::meta, key);
      if (!value) return value.error();
      if (*value) *into = number_of(**value);
    }
    const auto marks = database_->iterate(Family::meta);
    for (marks->Seek("ring/"); marks->Valid() && marks->key().starts_with("ring/"); marks->Next()) {
      const std::string ring = marks->key().ToString().substr(5);
      if (auto mark = decode_mark(ring, view(marks->value()))) marks_[ring] = *mark;
    }
    if (auto loaded = index_.load(*database_); !loaded) return loaded;
    if (auto counted = count_what_was_not_counted(); !counted) return counted;
    // What waited to become a block, as if it came again.
    const auto waiting = database_->iterate(Family::recent);
    for (waiting->SeekToFirst(); waiting->Valid(); waiting->Next()) {
      const std::string_view key = view(waiting->key());
      if (key.size() != 9 || static_cast<std::uint8_t>(key[0]) >= kClasses) continue;
      OpenBlock& open = open_[static_cast<std::size_t>(key[0])];
      store::ByteReader in(view(waiting->value()));
      while (!in.at_end()) {
        const std::string_view record = in.bytes();
        const auto decision = decode_decision({reinterpret_cast<const std::uint8_t*>(record.data()), record.size()});
        if (!decision) break;
        if (!open.builder.takes(to_ms(decision->time))) hand_over(open);
        open.take(*decision, number_of(key.substr(1)));
      }
    }
    for (const rocksdb::Iterator* iterator : {marks.get(), waiting.get()}) {
      if (!iterator->status().ok()) return database_->error(iterator->status());
    }
    if (auto told = load_losses(); !told) return told;
    count_totals();
    sealer_ = std::thread([this] { seal_what_is_full(); });
    return {};
  }

 private:
  // Rows of before `before_ms` that come when forget() has looked already.
  struct ToForget {
    ClientSet clients;
    std::int64_t since_ms = 0;
    std::int64_t until_ms = 0;
    std::int64_t before_ms = 0;
    bool covers(const Decision& decision) const {
      const std::int64_t time_ms = to_ms(decision.time);
      return time_ms < before_ms && time_ms >= since_ms && time_ms < until_ms && clients.contains(decision.client);
    }
  };

  static std::optional<DecisionClass> class_of_record(std::span<const std::uint8_t> record) {
    // The class stands behind kind, layout and time; whoever decodes the record looks at the rest.
    constexpr std::size_t kClassAt = 10;
    if (record_kind(record) != RecordKind::decision || record.size() <= kClassAt || record[kClassAt] >= kClasses)
      return std::nullopt;
    return static_cast<DecisionClass>(record[kClassAt]);
  }

  // Counters of before do not say of which generation they are: then of the newest.
  std::uint32_t code_of_group(const CounterRecord& counters) const {
    const auto names = counters.generation.value != 0 ? names_.find(counters.generation) : names_.newest();
    return code_of_group(names.get(), counters.group);
  }

  std::uint32_t code_of_group(const PolicySet* names, std::uint32_t group) const {
    return groups_.code(names != nullptr && group < names->groups.size() ? names->groups[group].name
                                                                         : "group " + std::to_string(group));
  }

  // Counters that a weir has written which did not add them up: an older one, whose events have numbers behind the last
  // that was counted.
  Result<void> count_what_was_not_counted() {
    const auto counted = database_->find(Family::meta, "counted");
    if (!counted) return counted.error();
    const auto events = database_->iterate(Family::events);
    events->SeekToLast();
    if (!events->status().ok()) return database_->error(events->status());
    const std::uint64_t last_counted = *counted ? number_of(**counted) : 0;
    if (!events->Valid() || number_of(view(events->key()).substr(8)) <= last_counted) return {};
    rocksdb::WriteBatch writes;
    auto recounted =
        counter_sums_.recount([&](const CounterRecord& counters) { return code_of_group(counters); }, writes);
    if (!recounted) return recounted;
    writes.Put(database_->family(Family::meta), "counted", slice(number_octets(number_)));
    return commit(writes);
  }

  // Those of before, and the one that opening the database found.
  Result<void> load_losses() {
    if (auto loaded = losses_.load(); !loaded || database_->journal_fault().empty()) return loaded;
    std::int64_t first_ms = 0;
    for (const auto& [key, entry] : index_.all()) first_ms = std::max(first_ms, entry.header.last_ms);
    for_each_unsealed([&](const OpenBlock& open) { first_ms = std::max(first_ms, open.builder.last_ms()); });
    const std::int64_t now_ms = to_ms(std::chrono::system_clock::now());
    return losses_.add_journal(std::min(first_ms, now_ms), now_ms,
                               "the journal of the newest decisions was damaged: " + database_->journal_fault());
  }

  // With mutex_ held, from here on.
  void add(DecisionClass decision_class, const RecordBatch& batch, std::vector<const RecordBatch::Entry*>& entries,
           rocksdb::WriteBatch& writes) {
    OpenBlock& open = open_[static_cast<std::size_t>(decision_class)];
    // Around midnight the workers' rings tell of both days: each day's decisions come one after the other then.
    const auto days = std::minmax_element(entries.begin(), entries.end(),
                                          [](const auto* a, const auto* b) { return a->time_ms < b->time_ms; });
    if ((*days.first)->time_ms / kDayMs != (*days.second)->time_ms / kDayMs) {
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto* a, const auto* b) { return a->time_ms < b->time_ms; });
    }
    std::uint64_t number = ++number_;
    std::string waiting;
    for (const RecordBatch::Entry* entry : entries) {
      give_way();
      auto record = batch.record(*entry);
      auto decision = decode_decision(record);
      if (!decision) continue;  // the drain has looked
      std::array<std::uint8_t, kMaxRecordSize> without_client;
      if (std::any_of(forgotten_.begin(), forgotten_.end(), [&](const auto& each) { return each.covers(*decision); })) {
        decision->client = {};
        record = std::span(without_client).first(encode(*decision, without_client));
      }
      if (!open.builder.takes(to_ms(decision->time))) {
        put_recent(decision_class, number, waiting, writes);
        waiting.clear();
        hand_over(open);
        number = ++number_;
      }
      open.take(*decision, number);
      store::put_bytes(waiting, {reinterpret_cast<const char*>(record.data()), record.size()});
    }
    put_recent(decision_class, number, waiting, writes);
  }

  void put_recent(DecisionClass decision_class, std::uint64_t number, const std::string& records,
                  rocksdb::WriteBatch& writes) const {
    if (!records.empty())
      writes.Put(database_->family(Family::recent), slice(recent_key(decision_class, number)), slice(records));
  }

  void remove_recent(const OpenBlock& open, rocksdb::WriteBatch& writes) const {
    writes.DeleteRange(database_->family(Family::recent), slice(recent_key(open.decision_class, open.sequence)),
                       slice(recent_key(open.decision_class, open.last_number + 1)));
  }

  void drop_open(OpenBlock& open, rocksdb::WriteBatch& writes) {
    remove_recent(open, writes);
    open = OpenBlock(open.decision_class);
  }

  void hand_over(OpenBlock& open) {
    full_.push_back(std::make_shared<OpenBlock>(std::exchange(open, OpenBlock(open.decision_class))));
    ++handed_over_;
    changed_.notify_all();
  }

  Result<void> commit(rocksdb::WriteBatch& writes) {
    writes.Put(database_->family(Family::meta), "sequence", slice(number_octets(number_)));
    groups_.write_new(writes);
    return database_->write(writes);
  }

  // The sealing thread. Only what it writes is done with mutex_ held: reading and appending go on meanwhile.
  void seal_what_is_full() {
    rank_behind_others();
    FrameWriter frames;
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !full_.empty() || fold_wanted_; });
      if (stopping_) return;  // what is full lies in `recent`, and is so again at the next start
      if (full_.empty()) {
        fold(lock, frames);
        continue;
      }
      const std::shared_ptr<const OpenBlock> open = full_.front();
      lock.unlock();
      // Nobody changes it any more.
      const auto block = std::make_shared<const Block>(open->builder.build());
      give_way();
      const EncodedBlock encoded = encode_block(*block, frames);
      give_way();
      const BlockRollup sums = sum_of(*block);
      lock.lock();
      open->shown = std::make_shared<const BlockSnapshot>(block);
      if (auto written = write_block(*open, *block, encoded, sums, frames); !written) {
        seal_error_ = written.error();
        changed_.notify_all();
        return;
      }
      full_.pop_front();
      ++sealed_;
      count_totals();
      changed_.notify_all();
    }
  }

  // On the thread that adds to the rollups, so without mutex_: each of its writes leaves the sums as they are.
  void fold(std::unique_lock<std::mutex>& lock, FrameWriter& frames) {
    const std::int64_t now_ms = *fold_wanted_;
    lock.unlock();
    auto folded = rollups_.fold(now_ms, frames);
    lock.lock();
    if (!folded) fold_error_ = folded.error();
    fold_wanted_.reset();
    changed_.notify_all();
  }

  // How many rows changed. Without mutex_, but for the write. Errors: corrupt, incompatible, io.
  Result<std::uint64_t> rewrite_without(const ClientSet& clients, const BlockRef& ref, FrameWriter& frames) {
    const auto is_gone = [](const Error& error) { return error.code == ErrorCode::not_found; };
    const auto summary = read_summary(ref);
    if (!summary && is_gone(summary.error())) return std::uint64_t{0};
    if (summary && !clients.may_be_in(*summary)) return std::uint64_t{0};
    const auto read = read_block(ref, Parts::all, {});
    if (!read) return is_gone(read.error()) ? Result<std::uint64_t>(std::uint64_t{0}) : read.error();
    Block block = **read;
    const std::uint64_t rows = forget_clients(block, clients);
    if (rows == 0) return rows;
    const EncodedBlock encoded = encode_block(block, frames);
    const std::lock_guard lock(mutex_);
    const IndexEntry* known = index_.find(ref.key);
    if (known == nullptr) return std::uint64_t{0};  // retention came by
    IndexEntry entry = *known;
    entry.bytes = encoded.bytes();
    rocksdb::WriteBatch writes;
    writes.Put(database_->family(Family::summaries), slice(ref.key), slice(encoded.summary));
    writes.Put(database_->family(Family::columns), slice(ref.key), slice(encoded.columns));
    writes.Put(database_->family(Family::index), slice(ref.key), slice(encode(entry)));
    if (auto written = database_->write(writes); !written) return written.error();
    index_.put(ref.key, entry);
    return rows;
  }

  Error cut_short() const {
    return {ErrorCode::timed_out, "the process ends before all was forgotten: what is left waits for the next time"};
  }

  Result<void> write_block(const OpenBlock& open, const Block& block, const EncodedBlock& encoded,
                           const BlockRollup& sums, FrameWriter& frames) {
    const std::string key = block_key(open.decision_class, block.header.first_ms, open.sequence);
    const IndexEntry entry{block.header, encoded.bytes(), oldest_generation(block)};
    rocksdb::WriteBatch writes;
    writes.Put(database_->family(Family::summaries), slice(key), slice(encoded.summary));
    writes.Put(database_->family(Family::names), slice(key), slice(encoded.names));
    writes.Put(database_->family(Family::columns), slice(key), slice(encoded.columns));
    writes.Put(database_->family(Family::index), slice(key), slice(encode(entry)));
    if (auto added = rollups_.add(sums, open.decision_class, open.sequence, frames, writes); !added) return added;
    remove_recent(open, writes);
    if (auto committed = commit(writes); !committed) return committed;
    index_.put(key, entry);
    return {};
  }

  void count_totals() {
    LogTotals totals{index_.bytes() + rollups_.bytes(), index_.rows(), std::nullopt, totals_.dropped};
    std::optional<std::int64_t> oldest = index_.oldest_ms();
    for_each_unsealed([&](const OpenBlock& open) {
      totals.rows += open.builder.rows();
      totals.bytes += kBytesOfOpenRow * open.builder.rows();
      oldest = std::min(oldest.value_or(open.builder.first_ms()), open.builder.first_ms());
    });
    if (oldest) totals.oldest = from_ms(*oldest);
    const std::lock_guard lock(totals_mutex_);
    shown_totals_ = totals;
  }

  template <class Visit>
  void for_each_unsealed(Visit visit) const {
    for (const auto& full : full_) visit(*full);
    for (const OpenBlock& open : open_) {
      if (!open.builder.empty()) visit(open);
    }
  }

  std::vector<std::shared_ptr<const BlockSnapshot>> open_blocks(std::int64_t since_ms, std::int64_t until_ms) const {
    std::vector<std::shared_ptr<const BlockSnapshot>> blocks;
    for_each_unsealed([&](const OpenBlock& open) {
      if (overlaps(open.builder, since_ms, until_ms)) blocks.push_back(open.snapshot());
    });
    return blocks;
  }

  // Without mutex_, or with it.
  BlockRollup sum_of(const Block& block) const {
    const std::lock_guard lock(domains_mutex_);
    return roll_up(block, group_codes(), [this](std::string_view key) { return domains_.key_of(key); });
  }

  // For one block: each group is looked up once.
  GroupCode group_codes() const {
    return [this, known = std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint32_t>()](
               GenerationNumber generation, std::uint32_t group) mutable {
      const auto [at, is_new] = known.try_emplace({generation.value, group});
      if (is_new) at->second = code_of_group(names_.find(generation).get(), group);
      return at->second;
    };
  }

  Result<std::string> read(Family family, const BlockRef& block) const {
    auto value = database_->find(family, block.key);
    if (!value) return value.error();
    if (!*value) return Error{ErrorCode::not_found, "decision log: a block is not there any more"};
    return std::move(**value);
  }

  const std::unique_ptr<LogDatabase> database_;
  KnownNames names_;
  mutable GroupCodes groups_;
  RollupStore rollups_;
  const CounterSumStore counter_sums_;
  mutable std::mutex domains_mutex_;
  mutable RegistrableDomains domains_;

  mutable std::mutex mutex_;  // everything below; written by the thread that appends and the one that seals
  std::condition_variable changed_;
  std::array<OpenBlock, kClasses> open_{OpenBlock(DecisionClass::blocked),
                                        OpenBlock(DecisionClass::would_block),
                                        OpenBlock(DecisionClass::allowed_over_block),
                                        OpenBlock(DecisionClass::resolved),
                                        OpenBlock(DecisionClass::rebinding),
                                        OpenBlock(DecisionClass::blocked_upstream)};
  std::uint64_t number_ = 0;  // of batches and blocks
  BlockIndex index_;
  std::deque<std::shared_ptr<const OpenBlock>> full_;  // to be sealed, the oldest first
  std::uint64_t handed_over_ = 0;  // to be sealed, since this process began; and those of them that are
  std::uint64_t sealed_ = 0;
  std::optional<Error> seal_error_;
  std::optional<std::int64_t> fold_wanted_;  // as of when
  std::optional<Error> fold_error_;
  std::vector<ToForget> forgotten_;
  bool stopping_ = false;
  Losses losses_;
  std::map<std::string, RingMark> marks_;
  std::uint64_t dropped_since_shrink_ = 0;
  LogTotals totals_;  // only what was dropped

  mutable std::mutex totals_mutex_;
  LogTotals shown_totals_;  // so that nobody who shows them waits for a write
  std::mutex forgetting_;
  std::thread sealer_;
  DiskCare disk_care_;  // last: its thread looks at what stands above
};

}  // namespace

Result<std::unique_ptr<DecisionLog>> DecisionLog::open(const std::filesystem::path& directory) {
  const auto has_old = put_old_log_aside(directory);
  if (!has_old) return has_old.error();
  auto database = LogDatabase::open(directory);
  if (!database) return database.error();
  auto log = std::make_unique<RocksDecisionLog>(std::move(*database));
  if (auto loaded = log->load(); !loaded) return loaded.error();
  if (*has_old) {
    if (auto taken = take_over_old_log(directory, *log); !taken) return taken.error();
  }
  return std::unique_ptr<DecisionLog>(std::move(log));
}

}  // namespace weir::log
