#include "tools/sinks/sinks.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <utility>

#include "zones/base/text.h"
#include "zones/store/codec.h"

namespace weir::sinks {
namespace {

namespace fs = std::filesystem;

std::uint64_t random_writer() {
  std::random_device device;  // the kernel's
  const std::uint64_t high = device();
  return std::max<std::uint64_t>(high << 32 | device(), 1);
}

LogPosition position_of(const std::optional<log::RingMark>& mark) {
  LogPosition position;
  if (mark) {
    store::ByteReader in(mark->hash);
    position = {in.u64(), mark->records, mark->dropped};
  }
  if (position.writer == 0) position.writer = random_writer();
  return position;
}

// The writer stands where a ring's mark has its hash, the rows where that has what was dropped.
log::RingMark mark_of(const LogPosition& position) {
  std::string writer;
  store::put_u64(writer, position.writer);
  return {kSinksMark, position.number, writer, position.rows, 0};
}

bool is_same(const SinkConfig& a, const SinkConfig& b) {
  return a.kind == b.kind && a.to == b.to && a.database == b.database && a.user == b.user &&
         a.password_file == b.password_file;
}

// Without user, password and parameters. A password may have an '@' in it, or what else a URL has no place for: all up
// to the last '@' goes.
std::string shown_target(const SinkConfig& config) {
  const std::size_t scheme = config.to.find("://");
  if (config.kind != SinkConfig::Kind::clickhouse || scheme == std::string::npos) return escape_for_display(config.to);
  std::string place = config.to.substr(scheme + 3);
  if (const std::size_t user = place.rfind('@'); user != std::string::npos) place.erase(0, user + 1);
  place.erase(std::min(place.find_first_of("?#"), place.size()));
  return escape_for_display(config.to.substr(0, scheme + 3) + place);
}

void remove_spool(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) spdlog::error("cannot remove {}: {}", folder.string(), error.message());
}

}  // namespace

Sinks::Sinks(const fs::path& store, const std::optional<log::RingMark>& mark, ShowDecisionSource show, WallTime now)
    : folder_(store / "spool"),
      show_(std::move(show)),
      position_(position_of(mark)),
      first_number_(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count())) {}

Sinks::~Sinks() = default;

Sinks::Entry Sinks::make(const SinkConfig& config) const {
  Entry entry{config, nullptr, nullptr, {}, 0};
  auto spool = Spool::open(folder_ / config.name, config.spool_bytes, position_);
  if (!spool) {
    entry.fault = spool.error().message;
    spdlog::error("sink {} has no spool: {}", config.name, entry.fault);
    return entry;
  }
  entry.spool = std::move(*spool);
  entry.sink = std::make_unique<Sink>(config, *entry.spool, show_);
  return entry;
}

void Sinks::apply(const std::vector<SinkConfig>& configs) {
  const std::lock_guard one_at_a_time(applying_);
  // To end a sink takes up to a second, which the log's thread must not wait for.
  std::map<std::string, Entry> gone;
  std::vector<std::unique_ptr<Sink>> ending;
  std::vector<std::string> redefined;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = entries_.begin(); at != entries_.end();) {
      const auto wanted = std::find_if(configs.begin(), configs.end(),
                                       [&](const SinkConfig& config) { return config.name == at->first; });
      if (wanted == configs.end() || at->second.spool == nullptr) {
        gone.insert(entries_.extract(at++));
        continue;
      }
      at->second.spool->set_bound(wanted->spool_bytes);
      if (!is_same(at->second.config, *wanted)) {
        ending.push_back(std::move(at->second.sink));
        redefined.push_back(at->first);
      }
      at->second.config = *wanted;
      ++at;
    }
  }
  ending.clear();
  for (auto& [name, entry] : gone) {
    entry.sink.reset();
    const std::uint64_t waiting = entry.spool ? entry.spool->totals().waiting : 0;
    if (waiting > 0) spdlog::warn("sink {} is gone, and with it {} decisions that waited for it", name, waiting);
    entry.spool.reset();
  }
  const std::lock_guard lock(mutex_);
  for (const std::string& name : redefined) {
    Entry& entry = entries_.at(name);
    entry.sink = std::make_unique<Sink>(entry.config, *entry.spool, show_);
  }
  std::error_code error;
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (std::none_of(configs.begin(), configs.end(), [&](const SinkConfig& each) { return each.name == name; }))
      remove_spool(at->path());
  }
  for (const SinkConfig& config : configs) {
    if (!entries_.contains(config.name)) entries_.emplace(config.name, make(config));
  }
}

Sinks::Turn Sinks::begin(const log::RecordBatch& batch) {
  Turn turn(*this);
  const std::uint32_t rows = count_decisions(batch);
  if (rows == 0) return turn;
  turn.after_ = {position_.writer, std::max(position_.number + 1, first_number_), position_.rows + rows};
  turn.mark_ = mark_of(turn.after_);
  const bool is_wanted =
      std::any_of(entries_.begin(), entries_.end(), [](const auto& each) { return each.second.spool != nullptr; });
  if (!is_wanted) return turn;
  const PackedBatch packed{{turn.after_.writer, turn.after_.number}, rows, pack(batch, frames_)};
  for (auto& [name, entry] : entries_) {
    if (entry.spool) entry.spool->append(packed);
  }
  return turn;
}

void Sinks::Turn::commit() {
  if (!mark_) return;
  for (auto& [name, entry] : sinks_.entries_) {
    if (entry.spool) {
      entry.spool->commit({after_.writer, after_.number});
    } else {
      entry.lost += after_.rows - sinks_.position_.rows;
    }
  }
  sinks_.position_ = after_;
}

void Sinks::sync() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, entry] : entries_) {
    if (entry.spool) entry.spool->sync();
  }
}

std::vector<SinkState> Sinks::states() const {
  const std::lock_guard lock(mutex_);
  std::vector<SinkState> states;
  for (const auto& [name, entry] : entries_) {
    SinkState state{
        name, std::string(to_text(entry.config.kind)), shown_target(entry.config), entry.config.spool_bytes, {}, {}};
    if (entry.spool) state.totals = entry.spool->totals();
    if (entry.sink) state.progress = entry.sink->progress();
    if (!entry.fault.empty()) state.progress.error = entry.fault;
    state.totals.dropped += entry.lost;
    states.push_back(std::move(state));
  }
  return states;
}

}  // namespace weir::sinks
