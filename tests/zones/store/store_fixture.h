// A policy store in a folder of its own, and short ways to write rules and ask for matches.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/scratch_folder.h"
#include "zones/dns/reversed_name.h"
#include "zones/store/generation.h"
#include "zones/store/history.h"
#include "zones/store/writer.h"

namespace weir::testing {

inline Now at(std::int64_t seconds) {
  return {SteadyTime(std::chrono::seconds(seconds)), WallTime(std::chrono::seconds(1'700'000'000 + seconds))};
}

inline Name name(std::string_view text) {
  auto parsed = Name::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : Name();
}

inline Rule rule(std::string_view text, PatternKind kind = PatternKind::exact, Action action = Action::block) {
  Rule made;
  made.kind = kind;
  made.action = action;
  made.name = name(text);
  return made;
}

inline Rule address_rule(std::string_view prefix, Action action = Action::block) {
  Rule made;
  made.kind = PatternKind::address;
  made.action = action;
  made.prefix = *Prefix::parse(prefix);
  return made;
}

// Lines from 1.
inline RuleStream stream_of(std::vector<Rule> rules) {
  return [rules = std::move(rules), line = std::uint64_t{0}]() mutable -> Result<std::optional<SourcedRule>> {
    if (line == rules.size()) return std::optional<SourcedRule>();
    ++line;
    return std::optional<SourcedRule>({rules[line - 1], line});
  };
}

// A policy set with these lists, all in the default policy.
inline PolicySet lists_named(const std::vector<std::string>& names) {
  PolicySet set = PolicySet::with_defaults();
  std::uint32_t id = 1000;
  for (const std::string& text : names) {
    ListDefinition list;
    list.id = {id++};
    list.name = text;
    set.lists.push_back(list);
    set.policies[0].lists.push_back(list.id);
  }
  return set;
}

template <class T>
T must(Result<T> result) {
  EXPECT_TRUE(result.has_value()) << (result.has_value() ? "" : result.error().message);
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

class Store {
 public:
  explicit Store(const std::vector<std::string>& lists = {"ads"}, WriterOptions options = {}) : options_(options) {
    reopen();
    define(lists);
  }
  void reopen() {
    writer.reset();
    writer = must(PolicyStore::open(folder.path(), options_, at(clock)));
  }
  void close() { writer.reset(); }
  void define(const std::vector<std::string>& lists) { defined = must(writer->define(lists_named(lists))); }
  ListId list(std::string_view text) const {
    const ListDefinition* found = writer->policies().find_list(text);
    EXPECT_NE(found, nullptr) << text;
    return found == nullptr ? ListId{} : found->id;
  }
  ImportOutcome import(std::string_view text, std::vector<Rule> rules) {
    Provenance from;
    from.source = "test";
    return must(writer->import(list(text), stream_of(std::move(rules)), from, {}, at(clock)));
  }
  GenerationNumber publish(const std::string& reason = "test") { return must(writer->publish(reason, at(++clock))); }
  std::shared_ptr<const Generation> open() const { return must(Generation::open_current(folder.path(), cache)); }
  std::shared_ptr<const Generation> open(GenerationNumber number) const {
    return must(Generation::open(writer->checkpoint_path(number), cache));
  }

  test::ScratchFolder folder;
  std::shared_ptr<StoreCache> cache = StoreCache::make(4 << 20);
  std::unique_ptr<PolicyStore> writer;
  PolicySet defined;
  std::int64_t clock = 0;

 private:
  WriterOptions options_;
};

// "ads:subtree:block:2" for each match, in order, with what lies below after a slash: "/allow".
inline std::string describe(const Generation& generation, const MatchSet& set) {
  std::string text;
  for (const Match& match : set.matches) {
    if (!text.empty()) text += " ";
    const ListDefinition* list = generation.policies().find_list(match.list_id());
    text += list == nullptr ? std::to_string(match.list) : list->name;
    text += ":" + std::string(to_text(match.kind)) + ":" + std::string(to_text(match.action)) + ":" +
            std::to_string(match.labels);
    if (match.important()) text += "!";
    if (match.exception()) text += "@";
    for (unsigned i = 0; i < match.below_count; ++i) {
      const ListDefinition* below = generation.policies().find_list(ListId{set.lists_below[match.below_first + i]});
      text += "/" + (below == nullptr ? std::string("?") : below->name);
    }
  }
  return text;
}

inline std::string match(const Generation& generation, std::string_view text) {
  MatchSet set;
  generation.match(ReversedName(name(text)), set);
  return describe(generation, set);
}

inline int shared_labels(const Generation& generation, std::string_view text) {
  MatchSet set;
  generation.match(ReversedName(name(text)), set);
  return set.shared_suffix_labels;
}

inline std::string match_address(const Generation& generation, std::string_view text) {
  MatchSet set;
  generation.match_address(*IpAddress::parse(text), set);
  return describe(generation, set);
}

}  // namespace weir::testing
