#include "zones/store/past_generation.h"

#include <algorithm>
#include <functional>
#include <set>

#include "zones/store/entry_match.h"

namespace weir::store {

// The rules of one list, among those whose keys begin alike, that held at a generation.
class PastGeneration::Intervals {
 public:
  Intervals(const Database& live, std::uint64_t at, std::atomic<std::uint64_t>& damaged)
      : at_(at), damaged_(damaged), open_(live.iterate(Family::sources)), closed_(live.iterate(Family::sources)) {}

  // Each rule once; `each` returns false when it has seen enough. Open ones first: what is closed meanwhile is then
  // seen in one of the two, or in both.
  void visit(ListId list, std::string_view beginning,
             const std::function<bool(std::string_view, const Interval&)>& each) {
    std::set<std::string, std::less<>> seen;
    const std::string open_list = sources_prefix(list, kOpenIntervals);
    const std::string open_from = open_list + std::string(beginning);
    for (open_->Seek(open_from); open_->Valid() && view(open_->key()).starts_with(open_from); open_->Next()) {
      const auto interval = decode_open(view(open_->value()));
      if (!interval) return fail();
      if (interval->first > at_) continue;
      const std::string_view rule_key = view(open_->key()).substr(open_list.size());
      if (!each(rule_key, *interval)) return;
      seen.emplace(rule_key);
    }
    const std::string closed_list = sources_prefix(list, kClosedIntervals);
    const std::string closed_from = closed_list + std::string(beginning);
    for (closed_->Seek(closed_from); closed_->Valid() && view(closed_->key()).starts_with(closed_from);
         closed_->Next()) {
      std::string_view rule_key;
      const auto interval =
          decode_closed(view(closed_->key()).substr(closed_list.size()), view(closed_->value()), rule_key);
      if (!interval) return fail();
      if (interval->first > at_ || interval->last < at_ || seen.contains(rule_key)) continue;
      if (!each(rule_key, *interval)) return;
    }
    if (!open_->status().ok() || !closed_->status().ok()) fail();
  }
  void fail() { damaged_.fetch_add(1, std::memory_order_relaxed); }

 private:
  const std::uint64_t at_;
  std::atomic<std::uint64_t>& damaged_;
  std::unique_ptr<rocksdb::Iterator> open_;
  std::unique_ptr<rocksdb::Iterator> closed_;
};

PastGeneration::PastGeneration(const Database& live, GenerationNumber number, PolicySet policies)
    : live_(live), number_(number), policies_(std::move(policies)), payloads_(live, damaged_reads_) {
  if (!policies_.local_zones.empty()) zones_.emplace(policies_);
}

Result<std::shared_ptr<const RulesInForce>> PastGeneration::open(const Database& live, GenerationNumber number) {
  std::string published;
  const auto known = live.find(Family::timeline, generation_key(number.value), published);
  if (!known) return known.error();
  if (!*known) return Error{ErrorCode::not_found, "there was no generation " + std::to_string(number.value)};
  auto policies = policies_at(live, number);
  if (!policies) return policies.error();
  return std::shared_ptr<const RulesInForce>(new PastGeneration(live, number, std::move(*policies)));
}

// What stood on one name or prefix, of all lists that were defined; in the order of a names value.
std::vector<Entry> PastGeneration::entries_on(Intervals& intervals, RuleSpace space, std::string_view target) const {
  std::string beginning;
  put_u8(beginning, static_cast<std::uint8_t>(space));
  beginning.append(target);
  if (space == RuleSpace::name) put_u8(beginning, 0);
  std::vector<NumberedEntry> numbered;
  for (const ListDefinition& list : policies_.lists) {
    intervals.visit(list.id, beginning, [&](std::string_view rule_key, const Interval& interval) {
      const auto key = decode_rule_key(rule_key);
      if (!key) {
        intervals.fail();
      } else if (key->target == target) {
        numbered.push_back({make_entry(*key, list.id, interval.detail), interval.line});
      }
      return true;
    });
  }
  std::sort(numbered.begin(), numbered.end(), entry_order);
  std::vector<Entry> entries;
  for (const NumberedEntry& one : numbered) entries.push_back(one.entry);
  return entries;
}

bool PastGeneration::opens_below(Intervals& intervals, ListId list, std::string_view target) const {
  std::string beginning;
  put_u8(beginning, static_cast<std::uint8_t>(RuleSpace::name));
  beginning.append(target);
  bool opens = false;
  intervals.visit(list, beginning, [&](std::string_view rule_key, const Interval& interval) {
    const auto key = decode_rule_key(rule_key);
    if (!key) {
      intervals.fail();
      return true;
    }
    const Entry entry = make_entry(*key, list, interval.detail);
    opens = key->target == target ? opens_below_itself(entry) : entry.opens();
    return !opens;
  });
  return opens;
}

void PastGeneration::match(const ReversedName& name, MatchSet& out) const {
  out.clear();
  Intervals intervals(live_, number_.value, damaged_reads_);
  MatchedName matched(name);
  NearerNames nearer;
  for (unsigned labels = name.label_count() + 1; labels-- > 0;) {
    const std::string_view target = name.key_of_suffix(labels);
    SuffixMatches found(out);
    CancelledEntries cancelled;
    for (const Entry& entry : entries_on(intervals, RuleSpace::name, target)) {
      if (entry.list == kCancelledRules.value) {
        cancelled.note(entry);
      } else if (cancelled.has(entry, payloads_, policies_)) {
        continue;
      }
      if (entry_matches(entry, labels, matched, payloads_)) {
        Match match = make_match(entry, labels);
        nearer.mark(match);
        found.add(match);
      } else if (entry.kind == PatternKind::below) {
        found.note_below(entry);
      }
      nearer.note(entry);
    }
    nearer.next_suffix();
    if (found.any()) {
      for (const ListDefinition& list : policies_.lists) {
        if (opens_below(intervals, list.id, target)) found.add_below(list.id.value);
      }
    }
    found.finish();
  }
}

void PastGeneration::match_address(const IpAddress& address, MatchSet& out) const {
  match_prefixes(RuleSpace::address, address, out);
}

void PastGeneration::match_client(const IpAddress& address, MatchSet& out) const {
  match_prefixes(RuleSpace::client, address, out);
}

void PastGeneration::match_prefixes(RuleSpace space, const IpAddress& address, MatchSet& out) const {
  out.clear();
  Intervals intervals(live_, number_.value, damaged_reads_);
  const IpAddress plain = address.unmapped();
  for (unsigned length = plain.bits() + 1; length-- > 0;) {
    const std::string target = encode_prefix(Prefix::of(plain, length));
    for (const Entry& entry : entries_on(intervals, space, target)) {
      out.matches.push_back(make_match(entry, length));
    }
  }
}

Result<PolicySet> policies_at(const Database& live, GenerationNumber number) {
  const auto versions = live.iterate(Family::policies);
  versions->SeekForPrev(policies_key(number.value));
  if (!versions->status().ok()) return to_error(versions->status(), "policies");
  if (!versions->Valid()) return corrupt("policies");
  return PolicySet::from_json(view(versions->value()));
}

Result<GenerationNumber> generation_at(const Database& database, WallTime time) {
  const auto timeline = database.iterate(Family::timeline);
  timeline->SeekForPrev(published_at_key(to_ns(time), UINT64_MAX));
  if (!timeline->status().ok()) return to_error(timeline->status(), "timeline");
  if (!timeline->Valid() || !view(timeline->key()).starts_with("t")) {
    return Error{ErrorCode::not_found, "nothing was published yet at that time"};
  }
  ByteReader key(view(timeline->key()).substr(1));
  (void)key.u64();
  const GenerationNumber number{key.u64()};
  if (!key.ok()) return corrupt("timeline");
  return number;
}

}  // namespace weir::store
