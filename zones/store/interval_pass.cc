#include "zones/store/interval_pass.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace weir::store {
namespace {

// The intervals of one part (open or closed) of a list.
class Part {
 public:
  Part(const Database& database, ListId list, std::uint8_t part, std::string_view beginning)
      : prefix_(sources_prefix(list, part)),
        wanted_(prefix_ + std::string(beginning)),
        closed_(part == kClosedIntervals),
        at_(database.iterate(Family::sources)) {
    at_->Seek(wanted_);
    read();
  }
  bool valid() const { return valid_; }
  bool damaged() const { return damaged_; }
  const rocksdb::Status status() const { return at_->status(); }
  std::string_view key() const { return key_; }
  const Interval& interval() const { return interval_; }
  void next() {
    at_->Next();
    read();
  }

 private:
  void read() {
    valid_ = at_->Valid() && view(at_->key()).starts_with(wanted_);
    if (!valid_) return;
    const std::string_view rest = view(at_->key()).substr(prefix_.size());
    std::optional<Interval> interval;
    if (closed_) {
      interval = decode_closed(rest, view(at_->value()), key_);
    } else {
      key_ = rest;
      interval = decode_open(view(at_->value()));
    }
    damaged_ = damaged_ || !interval;
    valid_ = interval.has_value();
    if (interval) interval_ = *interval;
  }

  const std::string prefix_;
  const std::string wanted_;
  const bool closed_;
  std::unique_ptr<rocksdb::Iterator> at_;
  bool valid_ = false;
  bool damaged_ = false;
  std::string_view key_;
  Interval interval_;
};

}  // namespace

const Interval* RuleHistory::at(std::uint64_t generation) const {
  if (open != nullptr && open->first <= generation) return open;
  for (const Interval& interval : closed) {
    if (interval.first <= generation && generation <= interval.last) return &interval;
  }
  return nullptr;
}

Result<void> for_each_rule(const Database& database, ListId list, const std::function<bool(const RuleHistory&)>& each) {
  return for_each_rule(database, list, {}, each);
}

Result<void> for_each_rule(const Database& database, ListId list, std::string_view beginning,
                           const std::function<bool(const RuleHistory&)>& each) {
  Part open(database, list, kOpenIntervals, beginning);
  Part closed(database, list, kClosedIntervals, beginning);
  std::vector<Interval> past;
  std::string key;
  bool more = true;
  while (more && (open.valid() || closed.valid())) {
    if (!closed.valid() || (open.valid() && open.key() < closed.key())) {  // most rules never left the list
      more = each({open.key(), &open.interval(), {}});
      open.next();
      continue;
    }
    key = closed.key();
    past.clear();
    for (; closed.valid() && closed.key() == key; closed.next()) past.push_back(closed.interval());
    const bool is_open = open.valid() && open.key() == key;
    more = each({key, is_open ? &open.interval() : nullptr, past});
    if (is_open) open.next();
  }
  if (open.damaged() || closed.damaged()) return corrupt("sources");
  for (const rocksdb::Status& status : {open.status(), closed.status()}) {
    if (!status.ok()) return to_error(status, "sources");
  }
  return {};
}

Result<void> past_changes(const Database& database, ListId list, std::uint64_t generation, std::uint64_t effective,
                          ChangeSet& out) {
  const auto done = for_each_rule(database, list, [&](const RuleHistory& rule) {
    const Interval* then = rule.at(generation);
    if (then != nullptr && rule.open != nullptr) {
      out.count_unchanged(1);
    } else if (then != nullptr) {
      out.add({rule.key, true, {effective, 0, then->import, then->line, then->detail}, {}});
    } else if (rule.open != nullptr) {
      out.add({rule.key, false, *rule.open, {}});
    }
    return true;
  });
  return done ? out.finish() : done;
}

}  // namespace weir::store
