#include "zones/store/rule_cursor.h"

namespace weir::store {

PastRules::PastRules(const Database& database, ListId list, std::uint64_t generation)
    : generation_(generation),
      open_prefix_(sources_prefix(list, kOpenIntervals)),
      closed_prefix_(sources_prefix(list, kClosedIntervals)),
      open_(database.iterate(Family::sources)),
      closed_(database.iterate(Family::sources)) {}

// Moves on to the next open interval that holds the generation; false at the end.
bool PastRules::find_open() {
  for (; open_->Valid() && view(open_->key()).starts_with(open_prefix_); open_->Next()) {
    const auto interval = decode_open(view(open_->value()));
    if (!interval) {
      damaged_ = true;
      return false;
    }
    if (interval->first > generation_) continue;
    open_interval_ = *interval;
    open_key_ = view(open_->key()).substr(open_prefix_.size());
    return true;
  }
  return false;
}

bool PastRules::find_closed() {
  for (; closed_->Valid() && view(closed_->key()).starts_with(closed_prefix_); closed_->Next()) {
    const auto interval =
        decode_closed(view(closed_->key()).substr(closed_prefix_.size()), view(closed_->value()), closed_key_);
    if (!interval) {
      damaged_ = true;
      return false;
    }
    if (interval->first > generation_ || interval->last < generation_) continue;
    closed_interval_ = *interval;
    return true;
  }
  return false;
}

bool PastRules::next(WantedRule& rule) {
  if (!started_) {
    started_ = true;
    open_->Seek(open_prefix_);
    closed_->Seek(closed_prefix_);
    open_valid_ = find_open();
    closed_valid_ = find_closed();
  }
  if (damaged_ || (!open_valid_ && !closed_valid_)) return false;
  const bool take_open = open_valid_ && (!closed_valid_ || open_key_ < closed_key_);
  const Interval& interval = take_open ? open_interval_ : closed_interval_;
  key_.assign(take_open ? open_key_ : closed_key_);
  rule.key = key_;
  rule.import = interval.import;
  rule.line = interval.line;
  rule.detail = interval.detail;
  rule.payload = {};
  if (take_open) {
    open_->Next();
    open_valid_ = find_open();
  } else {
    closed_->Next();
    closed_valid_ = find_closed();
  }
  return true;
}

Result<void> PastRules::status() const {
  if (damaged_) return corrupt("sources");
  for (const auto& iterator : {open_.get(), closed_.get()}) {
    if (!iterator->status().ok()) return to_error(iterator->status(), "sources");
  }
  return {};
}

}  // namespace weir::store
