// One entry of the store beside one name: whether it matches, and as what the resolver sees it.
#pragma once

#include <algorithm>
#include <array>
#include <string>

#include "zones/cancelled_rules.h"
#include "zones/dns/reversed_name.h"
#include "zones/match.h"
#include "zones/store/keys.h"
#include "zones/store/payload_table.h"

namespace weir::store {

// A name that entries are compared with; its text is made when a pattern asks for it.
class MatchedName {
 public:
  explicit MatchedName(const ReversedName& name) : name_(name) {}
  unsigned label_count() const { return name_.label_count(); }
  const std::string& text() {
    if (text_.empty()) {
      if (const auto plain = ReversedName::to_name(name_.key())) text_ = plain->to_text();
    }
    return text_;
  }

 private:
  const ReversedName& name_;
  std::string text_;
};

inline bool is_pattern(const Entry& entry) {
  return entry.kind == PatternKind::glob || entry.kind == PatternKind::regex;
}

// `labels`: of the suffix of `name` that the entry stands on.
inline bool entry_matches(const Entry& entry, unsigned labels, MatchedName& name, const PayloadTable& payloads) {
  switch (entry.kind) {
    case PatternKind::exact:
      return labels == name.label_count();
    case PatternKind::subtree:
      return true;
    case PatternKind::below:
      return labels < name.label_count();
    case PatternKind::glob:
    case PatternKind::regex:
      return payloads.pattern_matches(entry.detail, entry.kind, name.text());
    default:
      return false;
  }
}

// Lets something through below the name that it stands on.
inline bool opens_below_itself(const Entry& entry) {
  const bool reaches = entry.kind == PatternKind::below || is_pattern(entry) || (entry.flags & kEntryDenyAllow) != 0;
  return reaches && entry.opens();
}

inline Match make_match(const Entry& entry, unsigned labels) {
  Match match;
  match.list = entry.list;
  match.detail = entry.detail;
  match.kind = entry.kind;
  match.action = entry.action;
  match.labels = static_cast<std::uint8_t>(labels);
  match.flags = entry.flags & (Match::kImportant | Match::kException);
  return match;
}

// The lists that have rules on the suffixes of a name that were looked at so far, longest first. Patterns are filed
// under a suffix and are no rules on it.
class NearerNames {
 public:
  void note(const Entry& entry) {
    if (entry.kind == PatternKind::glob || entry.kind == PatternKind::regex || has(entry.list, count_)) return;
    if (count_ < some_.size()) {
      some_[count_] = entry.list;
    } else {
      more_.push_back(entry.list);
    }
    ++count_;
  }
  // `match` was made of an entry of the suffix at hand.
  void mark(Match& match) const {
    if (match.kind == PatternKind::below && has(match.list, before_)) match.flags |= Match::kNearerName;
  }
  // All entries of the suffix are noted: what comes is of a shorter one.
  void next_suffix() { before_ = count_; }

 private:
  bool has(std::uint32_t list, std::size_t count) const {
    for (std::size_t i = 0; i < count; ++i) {
      if ((i < some_.size() ? some_[i] : more_[i - some_.size()]) == list) return true;
    }
    return false;
  }

  std::array<std::uint32_t, 16> some_;  // the first of them
  std::vector<std::uint32_t> more_;
  std::size_t count_ = 0;
  std::size_t before_ = 0;  // those of longer suffixes than the one at hand
};

// The rules of lists on one suffix that the administrator has disabled (cancelled_rules.h).
class CancelledEntries {
 public:
  // An entry of kCancelledRules. In entry_order() they come before what they disable.
  void note(const Entry& entry) {
    if (count_ < some_.size()) {
      some_[count_] = entry;
    } else {
      more_.push_back(entry);
    }
    ++count_;
  }
  bool has(const Entry& entry, const PayloadTable& payloads, const PolicySet& policies) const {
    if (count_ == 0 || entry.list < kFirstDefinedList.value) return false;
    for (std::size_t i = 0; i < count_; ++i) {
      const Entry& cancelled = i < some_.size() ? some_[i] : more_[i - some_.size()];
      if (is_same(cancelled, entry, payloads, policies)) return true;
    }
    return false;
  }

 private:
  static bool is_same(const Entry& cancelled, const Entry& entry, const PayloadTable& payloads,
                      const PolicySet& policies) {
    constexpr std::uint8_t kRest = Match::kImportant | kEntryDenyAllow;
    if (cancelled.kind != entry.kind || (cancelled.flags & kRest) != (entry.flags & kRest)) return false;
    if (cancelled.action != entry.action || cancelled.flags != entry.flags) {
      if (entry.action != Action::allow || (entry.flags & Match::kException) != 0) return false;
      const ListDefinition* list = policies.find_list(ListId{entry.list});
      Rule in_list;
      in_list.action = cancelled.action;
      in_list.exception = (cancelled.flags & Match::kException) != 0;
      if (list == nullptr || list->kind != ListKind::allow) return false;
      if (as_in_list(std::move(in_list), list->kind).action != Action::allow) return false;
    }
    if (cancelled.detail == 0 || entry.detail == 0) return cancelled.detail == entry.detail;
    const RuleDetail* wanted = payloads.detail(cancelled.detail);
    const RuleDetail* found = payloads.detail(entry.detail);
    return wanted != nullptr && found != nullptr && *wanted == *found &&
           payloads.pattern(cancelled.detail) == payloads.pattern(entry.detail);
  }

  std::array<Entry, 8> some_;
  std::vector<Entry> more_;
  std::size_t count_ = 0;
};

// The matches of one suffix, and the lists that open something below it: what all of them carry (Match::below_first).
class SuffixMatches {
 public:
  explicit SuffixMatches(MatchSet& out)
      : out_(out), first_match_(out.matches.size()), first_below_(out.lists_below.size()) {}

  void add(const Match& match) { out_.matches.push_back(match); }
  void add_below(std::uint32_t list) {
    const auto begin = out_.lists_below.begin() + static_cast<std::ptrdiff_t>(first_below_);
    if (std::find(begin, out_.lists_below.end(), list) != out_.lists_below.end()) return;
    if (out_.lists_below.size() - first_below_ >= kMaxListsBelow || out_.lists_below.size() >= UINT8_MAX) {
      many_ = true;
      return;
    }
    out_.lists_below.push_back(list);
  }
  // What its list says of all below the name itself. Entries of one name come by kind: exact ones were before.
  void note_below(const Entry& below) {
    for (std::size_t i = first_match_; i < out_.matches.size(); ++i) {
      Match& match = out_.matches[i];
      const bool same = match.kind == PatternKind::exact && match.list == below.list && match.action == below.action;
      if (same && match.detail == 0 && below.detail == 0) match.flags |= Match::kWithBelow;
    }
  }
  bool any() const { return out_.matches.size() > first_match_; }
  void finish() {
    if (!any()) {
      out_.lists_below.resize(first_below_);
      return;
    }
    for (std::size_t i = first_match_; i < out_.matches.size(); ++i) {
      Match& match = out_.matches[i];
      match.below_first = static_cast<std::uint8_t>(first_below_);
      match.below_count = static_cast<std::uint8_t>(out_.lists_below.size() - first_below_);
      if (many_) match.flags |= Match::kManyListsBelow;
    }
  }

 private:
  // More lists than this below one name are not told apart (Match::kManyListsBelow).
  static constexpr std::size_t kMaxListsBelow = 32;

  MatchSet& out_;
  const std::size_t first_match_;
  const std::size_t first_below_;
  bool many_ = false;
};

// Whose rules come one by one, numbered as they come (SourcedRule::line): the higher number is the newer rule.
inline bool is_numbered(std::uint32_t list) {
  return list == kLocalRules.value || list == kOverlays.value;
}

struct NumberedEntry {
  Entry entry;
  std::uint64_t number = 0;  // where is_numbered(entry.list)
};

// The order of entries on one name or address: by kind (globs and regular expressions are one, since they weigh the
// same), by list, and of numbered ones the newest first. What else decides nothing makes the order one.
inline bool entry_order(const NumberedEntry& a, const NumberedEntry& b) {
  const auto weighs_as = [](PatternKind kind) { return kind == PatternKind::regex ? PatternKind::glob : kind; };
  const auto kind_a = weighs_as(a.entry.kind);
  const auto kind_b = weighs_as(b.entry.kind);
  if (kind_a != kind_b) return kind_a < kind_b;
  if (a.entry.list != b.entry.list) return a.entry.list < b.entry.list;
  if (is_numbered(a.entry.list) && a.number != b.number) return a.number > b.number;
  return a.entry < b.entry;
}

}  // namespace weir::store
