#include "zones/store/change_set.h"

#include <algorithm>

#include "zones/base/thread_rank.h"

namespace weir::store {
namespace {

constexpr std::uint64_t kProgressEvery = 50'000;
constexpr std::uint8_t kAdded = 1;

std::string describe(const WantedRule& wanted) {
  const auto key = decode_rule_key(wanted.key);
  const auto payload = wanted.payload.empty() ? std::nullopt : decode_payload(wanted.payload);
  const auto rule = key ? make_rule(*key, payload ? &*payload : nullptr) : std::nullopt;
  return rule ? describe_pattern(*rule) : std::string();
}

RuleChange added(const WantedRule& rule) {
  return {rule.key, true, {0, 0, rule.import, rule.line, rule.detail}, rule.payload};
}

}  // namespace

void ChangeSet::add(const RuleChange& change) {
  if (spool_.next_block() == first_keys_.size()) first_keys_.emplace_back(change.key);
  scratch_.clear();
  put_u8(scratch_, change.added ? kAdded : 0);
  put_bytes(scratch_, change.key);
  put_varint(scratch_, change.interval.first);
  put_varint(scratch_, change.interval.import);
  put_varint(scratch_, change.interval.line);
  put_varint(scratch_, change.interval.detail);
  scratch_ += change.payload;
  spool_.add(scratch_);
  const auto trigger = triggers_index(static_cast<RuleSpace>(change.key[0]));
  if (change.added) {
    ++added_;
    payloads_ += change.payload.empty() ? 0 : 1;
    last_line_ = std::max(last_line_, change.interval.line);
    store::add(sum_added_, hash_(change.key));
    if (trigger) ++triggers_[*trigger];
  } else {
    ++removed_;
    store::add(sum_removed_, hash_(change.key));
    if (trigger) --triggers_[*trigger];
  }
}

Result<void> ChangeSet::finish() {
  return spool_.finish();
}

ChangeReader::ChangeReader(const ChangeSet& changes)
    : changes_(changes), reader_(changes.spool_), next_payload_(changes.stamp_ ? changes.stamp_->first_payload : 0) {}

ChangeReader::ChangeReader(const ChangeSet& changes, std::string_view key)
    : changes_(changes),
      reader_(changes.spool_, SpoolReader::Direction::forwards, block_of(changes, key)),
      from_(key) {}

// The last block that begins before `key`.
std::size_t ChangeReader::block_of(const ChangeSet& changes, std::string_view key) {
  const auto& keys = changes.first_keys_;
  const auto behind = std::lower_bound(keys.begin(), keys.end(), key);
  return behind == keys.begin() ? 0 : static_cast<std::size_t>(behind - keys.begin()) - 1;
}

bool ChangeReader::next(RuleChange& change) {
  std::string_view record;
  while (reader_.next(record)) {
    ByteReader reader(record);
    change.added = reader.u8() == kAdded;
    change.key = reader.bytes();
    change.interval = {};
    change.interval.first = reader.varint();
    change.interval.import = reader.varint();
    change.interval.line = reader.varint();
    change.interval.detail = reader.varint32();
    change.payload = reader.rest();
    if (!reader.ok() || change.key.empty()) {
      damaged_ = true;
      return false;
    }
    if (change.key < from_) continue;
    if (change.added && changes_.stamp_) {
      change.interval.first = changes_.stamp_->effective;
      change.interval.import = changes_.stamp_->import;
      if (!change.payload.empty()) change.interval.detail = static_cast<std::uint32_t>(next_payload_++);
    }
    return true;
  }
  return false;
}

Result<void> ChangeReader::status() const {
  if (damaged_) return Error{ErrorCode::corrupt, "the changes of an import are not what was written"};
  return reader_.status();
}

Result<void> diff(const Database& database, ListId list, RuleCursor& wanted,
                  const std::function<void(std::uint64_t)>& progress, ChangeSet& out, PresentRulesDraft* seen) {
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
    out.add({*key, false, interval.value_or(Interval{}), {}});
    present->Next();
    key = present_key();
  };
  WantedRule rule;
  std::uint64_t done = 0;
  while (wanted.next(rule)) {
    give_way();
    if (seen != nullptr) seen->add(rule.key);
    while (key && *key < rule.key) remove_present();
    if (key && *key == rule.key) {
      out.count_unchanged(1);
      present->Next();
      key = present_key();
    } else {
      out.add(added(rule));
    }
    if (++done % kProgressEvery == 0 && progress) progress(done);
  }
  if (auto status = wanted.status(); !status) return status;
  while (key) remove_present();
  if (!present->status().ok()) return to_error(present->status(), "sources");
  if (damaged) return corrupt("sources");
  if (progress) progress(done);
  return out.finish();
}

Result<void> diff(const Database& database, ListId list, PresentRules& present, RuleCursor& come,
                  const std::function<void(std::uint64_t)>& progress, ChangeSet& out) {
  const std::string prefix = sources_prefix(list, kOpenIntervals);
  WantedRule rule;
  bool has_rule = come.next(rule);
  std::uint64_t done = present.marked();
  const auto add_until = [&](std::string_view key, bool to_the_end) {
    for (; has_rule && (to_the_end || rule.key < key); has_rule = come.next(rule)) {
      give_way();
      present.add(rule.key);
      out.add(added(rule));
      if (++done % kProgressEvery == 0 && progress) progress(done);
    }
  };
  bool fits = true;
  const auto walker = present.missing() == 0 ? nullptr : database.iterate(Family::sources);
  for (const PresentRules::Range& range : present.ranges_with_missing()) {
    for (walker->Seek(prefix + std::string(range.begin)); walker->Valid(); walker->Next()) {
      give_way();
      const std::string_view whole = view(walker->key());
      if (!whole.starts_with(prefix)) break;
      const std::string_view key = whole.substr(prefix.size());
      if (!range.end.empty() && key >= range.end) break;
      if (present.is_marked(key)) continue;
      add_until(key, false);
      const auto interval = decode_open(view(walker->value()));
      fits = fits && interval && !(has_rule && rule.key == key);
      out.add({key, false, interval.value_or(Interval{}), {}});
    }
    if (!walker->status().ok()) return to_error(walker->status(), "sources");
  }
  add_until({}, true);
  if (auto status = come.status(); !status) return status;
  if (!fits || out.removed() != present.missing()) {
    return Error{ErrorCode::busy, "what is kept of the list's rules is not what it has: update it again"};
  }
  out.count_unchanged(present.marked());
  if (progress) progress(done);
  return out.finish();
}

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
      out.add({rule.key, false, *interval, {}});
    } else if (order > 0) {
      out.add(added(rule));
    }
    if (order <= 0) has_old = gone.next(old);
    if (order >= 0) has_fresh = come.next(fresh);
  }
  if (auto status = gone.status(); !status) return status;
  if (auto status = come.status(); !status) return status;
  if (out.removed() > before) return corrupt("lists");
  out.count_unchanged(before - out.removed());
  return out.finish();
}

}  // namespace weir::store
