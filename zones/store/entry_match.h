// One entry of the store beside one name: whether it matches, and as what the resolver sees it.
#pragma once

#include <algorithm>
#include <string>

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

// The order of entries on one name or address.
inline bool entry_order(const Entry& a, const Entry& b) {
  if (a.kind != b.kind) return a.kind < b.kind;
  return a < b;
}

}  // namespace weir::store
