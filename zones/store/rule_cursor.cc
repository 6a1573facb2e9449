#include "zones/store/rule_cursor.h"

#include <algorithm>
#include <cstring>

namespace weir::store {
namespace {

constexpr std::uint64_t kProgressEvery = 50'000;
constexpr std::size_t kAhead = 16;

std::uint64_t leading_octets(std::string_view text, std::size_t from) {
  std::uint64_t value = 0;
  for (std::size_t i = from; i < from + 8; ++i) {
    value = value << 8 | (i < text.size() ? static_cast<std::uint8_t>(text[i]) : 0);
  }
  return value;
}

}  // namespace

std::string_view Arena::store(std::string_view text) {
  if (text.empty()) return "";  // the root's key
  if (text.size() > left_) {
    left_ = std::max(kChunkBytes, text.size());
    chunks_.emplace_back(new char[left_]);
    at_ = chunks_.back().get();
  }
  std::memcpy(at_, text.data(), text.size());
  const std::string_view stored(at_, text.size());
  at_ += text.size();
  left_ -= text.size();
  return stored;
}

Result<void> RuleSorter::add(const SourcedRule& rule) {
  scratch_.assign(sizeof(Record), '\0');
  Record record{.line = rule.line, .payload = 0, .key_size = 0};
  if (auto payload = encode_payload(rule.rule)) {
    if (payloads_.size() >= UINT32_MAX - 1) return Error{ErrorCode::too_large, "too many rules with conditions"};
    const Digest digest = hash_(*payload);
    append_rule_key(scratch_, rule.rule, true, {reinterpret_cast<const char*>(digest.data()), digest.size()});
    payloads_.push_back(std::move(*payload));
    record.payload = static_cast<std::uint32_t>(payloads_.size());
  } else {
    append_rule_key(scratch_, rule.rule, false, {});
  }
  record.key_size = static_cast<std::uint32_t>(scratch_.size() - sizeof(Record));
  std::memcpy(scratch_.data(), &record, sizeof record);
  const std::string_view stored = arena_.store(scratch_);
  const std::string_view key = stored.substr(sizeof(Record));
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): a record says itself how long it is
  items_.push_back({leading_octets(key, 0), leading_octets(key, 8), stored.data()});
  return {};
}

RuleSorter::Record RuleSorter::record_of(const Item& item) {
  Record record;
  std::memcpy(&record, item.record, sizeof record);
  return record;
}

std::string_view RuleSorter::key_of(const Item& item) {
  return {item.record + sizeof(Record), record_of(item).key_size};
}

void RuleSorter::sort() {
  const auto less = [](const Item& a, const Item& b) {
    if (a.high != b.high) return a.high < b.high;
    if (a.low != b.low) return a.low < b.low;
    if (const int order = key_of(a).compare(key_of(b)); order != 0) return order < 0;
    return record_of(a).line < record_of(b).line;
  };
  if (!std::is_sorted(items_.begin(), items_.end(), less)) std::sort(items_.begin(), items_.end(), less);
}

bool RuleSorter::next(WantedRule& rule) {
  if (at_ == items_.size()) return false;
  // Sorted, the records lie anywhere in memory: without asking ahead, waiting for them was a ninth of an import.
  if (at_ + kAhead < items_.size()) __builtin_prefetch(items_[at_ + kAhead].record);
  const Record record = record_of(items_[at_]);
  rule.key = key_of(items_[at_]);
  rule.import = import_.value;
  rule.line = record.line;
  rule.detail = 0;
  rule.payload = record.payload == 0 ? nullptr : &payloads_[record.payload - 1];
  for (++at_; at_ < items_.size() && key_of(items_[at_]) == rule.key;) ++at_;
  return true;
}

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
  rule.key = arena_.store(take_open ? open_key_ : closed_key_);
  rule.import = interval.import;
  rule.line = interval.line;
  rule.detail = interval.detail;
  rule.payload = nullptr;
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

Result<void> diff(const Database& database, ListId list, RuleCursor& wanted, std::uint64_t effective,
                  std::uint64_t& next_payload, const std::function<void(std::uint64_t)>& progress, ChangeSet& out) {
  const std::string prefix = sources_prefix(list, kOpenIntervals);
  const auto present = database.iterate(Family::sources);
  present->Seek(prefix);
  const auto present_key = [&]() -> std::optional<std::string_view> {
    if (!present->Valid() || !view(present->key()).starts_with(prefix)) return std::nullopt;
    return view(present->key()).substr(prefix.size());
  };
  auto key = present_key();
  bool damaged = false;
  const auto remove_present = [&] {
    const auto interval = decode_open(view(present->value()));
    damaged = damaged || !interval;
    out.changes.push_back({out.arena.store(*key), false, interval.value_or(Interval{}), nullptr});
    ++out.removed;
    present->Next();
    key = present_key();
  };
  WantedRule rule;
  std::uint64_t done = 0;
  while (wanted.next(rule)) {
    while (key && *key < rule.key) remove_present();
    if (key && *key == rule.key) {
      ++out.unchanged;
      present->Next();
      key = present_key();
    } else {
      RuleChange change{rule.key, true, {effective, 0, rule.import, rule.line, rule.detail}, rule.payload};
      if (rule.payload != nullptr) {
        if (next_payload > UINT32_MAX) return Error{ErrorCode::too_large, "no ids are left for rules with conditions"};
        change.interval.detail = static_cast<std::uint32_t>(next_payload++);
      }
      out.changes.push_back(change);
      ++out.added;
    }
    if (++done % kProgressEvery == 0 && progress) progress(done);
  }
  if (auto status = wanted.status(); !status) return status;
  while (key) remove_present();
  if (!present->status().ok()) return to_error(present->status(), "sources");
  if (damaged) return corrupt("sources");
  if (progress) progress(done);
  return {};
}

namespace {

std::string describe(const WantedRule& wanted) {
  const auto key = decode_rule_key(wanted.key);
  const auto payload = wanted.payload != nullptr ? decode_payload(*wanted.payload) : std::nullopt;
  const auto rule = key ? make_rule(*key, payload ? &*payload : nullptr) : std::nullopt;
  return rule ? describe_pattern(*rule) : std::string();
}

}  // namespace

Result<void> difference(const Database& database, ListId list, std::uint64_t before, RuleCursor& gone, RuleCursor& come,
                        ChangeSet& out) {
  const std::string prefix = sources_prefix(list, kOpenIntervals);
  std::string value;
  WantedRule old;
  WantedRule fresh;
  bool has_old = gone.next(old);
  bool has_fresh = come.next(fresh);
  while (has_old || has_fresh) {
    const int order = !has_old ? 1 : !has_fresh ? -1 : old.key.compare(fresh.key);
    const WantedRule& rule = order <= 0 ? old : fresh;
    const auto found = database.find(Family::sources, prefix + std::string(rule.key), value);
    if (!found) return found.error();
    if (order <= 0 && !*found) {
      return Error{ErrorCode::not_found, "this rule is not in the list: " + describe(rule)};
    }
    if (order > 0 && *found) {
      return Error{ErrorCode::exists, "this rule is in the list already: " + describe(rule)};
    }
    if (order < 0) {
      const auto interval = decode_open(value);
      if (!interval) return corrupt("sources");
      out.changes.push_back({rule.key, false, *interval, nullptr});
      ++out.removed;
    } else if (order > 0) {
      out.changes.push_back({rule.key, true, {0, 0, rule.import, rule.line, rule.detail}, rule.payload});
      ++out.added;
    }
    if (order <= 0) has_old = gone.next(old);
    if (order >= 0) has_fresh = come.next(fresh);
  }
  if (auto status = gone.status(); !status) return status;
  if (auto status = come.status(); !status) return status;
  if (out.removed > before) return corrupt("lists");
  out.unchanged = before - out.removed;
  return {};
}

}  // namespace weir::store
