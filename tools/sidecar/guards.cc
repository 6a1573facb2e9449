#include "tools/sidecar/guards.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <optional>

#include "tools/sidecar/rule_text.h"
#include "tools/support/json_members.h"
#include "zones/base/text.h"
#include "zones/name_pattern.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

Result<std::vector<std::string>> samples_of(const PreparedImport& prepared, Change change, const char* sign) {
  std::vector<std::string> samples;
  const auto read = prepared.for_each(change, [&](const SourcedRule& rule) {
    samples.push_back(sign + with_line(rule));
    return samples.size() < kGuardSamples;
  });
  if (!read) return read.error();
  return samples;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return std::to_string(part * 100 / whole) + " %";
}

// How much of it is another list than before.
Result<void> judge_shape(const ListGuards& guards, const PreparedImport& prepared, std::vector<GuardFinding>& out) {
  const std::uint64_t before = prepared.rules_before();
  const std::uint64_t after = prepared.rules_after();
  if (before < kGuardedFromRules) return {};
  const auto find = [&](const char* guard, const std::string& text, Change change) -> Result<void> {
    auto samples = samples_of(prepared, change, change == Change::added ? "+" : "-");
    if (!samples) return samples.error();
    out.push_back({guard, true, text, std::move(*samples)});
    return {};
  };
  const std::string sizes = ", from " + std::to_string(before) + " to " + std::to_string(after) + " rules";
  if (after < before && (before - after) * 100 > before * guards.max_shrink) {
    auto found = find("max_shrink",
                      "it shrinks by " + percent(before - after, before) + sizes +
                          " (max_shrink = " + std::to_string(guards.max_shrink) + ")",
                      Change::removed);
    if (!found) return found;
  }
  if (after > before && (after - before) * 100 > before * guards.max_growth) {
    auto found = find("max_growth",
                      "it grows by " + percent(after - before, before) + sizes +
                          " (max_growth = " + std::to_string(guards.max_growth) + ")",
                      Change::added);
    if (!found) return found;
  }
  const std::uint64_t all = prepared.unchanged() + prepared.added() + prepared.removed();
  if (prepared.unchanged() * 100 < all * guards.min_overlap) {
    auto found = find("min_overlap",
                      "only " + percent(prepared.unchanged(), all) + " of all rules are in both versions: " +
                          std::to_string(prepared.added()) + " are new, " + std::to_string(prepared.removed()) +
                          " go (min_overlap = " + std::to_string(guards.min_overlap) + ")",
                      Change::added);
    if (!found) return found;
  }
  return {};
}

struct Hits {
  std::uint64_t count = 0;
  std::vector<std::string> samples;

  void add(const std::string& sample) {
    ++count;
    if (samples.size() < kGuardSamples) samples.push_back(sample);
  }
};

std::string counted(std::uint64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) out += (i == 0 ? "" : ", ") + names[i];
  return names.size() > kShown ? out + " and " + counted(names.size() - kShown, "other group") : out;
}

bool is_glob_or_regex(const Rule& rule) {
  return rule.kind == PatternKind::glob || rule.kind == PatternKind::regex;
}

// A glob or a regular expression.
struct NewPattern {
  SourcedRule rule;
  std::unique_ptr<re2::RE2> regex;  // nullptr: a glob

  // `name`: in lower case.
  bool matches(const std::string& name) const {
    return regex ? regex_matches(*regex, name) : glob_matches(rule.rule.pattern, name);
  }
  // What matches two names that have nothing in common but a suffix is taken to match all below it: of those right
  // below it, or of the hosts of all of those.
  bool covers(const std::string& suffix) const {
    constexpr std::array<std::array<const char*, 2>, 2> kUnlike = {
        {{"hbqmzkvt.", "x7-kw9jq4n2."}, {"www.hbqmzkvt.", "m5.x7-kw9jq4n2."}}};
    return std::any_of(kUnlike.begin(), kUnlike.end(), [&](const auto& two) {
      return std::all_of(two.begin(), two.end(), [&](const char* label) { return matches(label + suffix); });
    });
  }
};

// What comes on one name and makes no exception.
struct NewOnName {
  std::vector<SourcedRule> rules;
  std::vector<NewPattern> patterns;  // that are filed under it
};

Result<NewOnName> new_on(const PreparedImport& prepared, const Name& name) {
  NewOnName out;
  const auto found = prepared.find(Change::added, name, [&](const SourcedRule& rule) {
    if (rule.rule.exception) return;
    if (!is_glob_or_regex(rule.rule)) return out.rules.push_back(rule);
    const bool is_regex = rule.rule.kind == PatternKind::regex;
    out.patterns.push_back({rule, is_regex ? compile_name_regex(rule.rule.pattern) : nullptr});
  });
  if (!found) return found.error();
  return out;
}

// The public suffixes in an order in which all below a name stand together.
class SuffixOrder {
 public:
  explicit SuffixOrder(const std::vector<PublicSuffix>& suffixes) {
    for (const PublicSuffix& suffix : suffixes) all_.push_back(&suffix);
    std::sort(all_.begin(), all_.end(),
              [](const PublicSuffix* a, const PublicSuffix* b) { return a->name.canonical_compare(b->name) < 0; });
  }
  std::vector<const PublicSuffix*> at_or_below(const Name& name) const {
    std::vector<const PublicSuffix*> out;
    const auto first = std::lower_bound(
        all_.begin(), all_.end(), name,
        [](const PublicSuffix* suffix, const Name& wanted) { return suffix->name.canonical_compare(wanted) < 0; });
    for (auto at = first; at != all_.end() && (*at)->name.is_at_or_below(name); ++at) out.push_back(*at);
    return out;
  }

 private:
  std::vector<const PublicSuffix*> all_;
};

// A pattern may be on a suffix below the name that it is filed under: `suffixes`.
void judge_patterns(const std::vector<NewPattern>& patterns, const std::vector<const PublicSuffix*>& suffixes,
                    Hits& icann, Hits& company) {
  std::vector<std::string> texts;
  for (const PublicSuffix* suffix : suffixes) texts.push_back(to_lower_ascii(suffix->name.to_text()));
  for (const NewPattern& pattern : patterns) {
    const auto covers = [&](bool of_registry) {
      for (std::size_t i = 0; i < suffixes.size(); ++i) {
        if (suffixes[i]->icann == of_registry && pattern.covers(texts[i])) return true;
      }
      return false;
    };
    if (covers(true)) {
      icann.add(with_line(pattern.rule));
    } else if (covers(false)) {
      company.add(with_line(pattern.rule));
    }
  }
}

Result<void> judge_suffixes(Reaction reaction, const PreparedImport& prepared,
                            const std::shared_ptr<const std::vector<PublicSuffix>>& suffixes,
                            std::vector<GuardFinding>& out) {
  if (reaction == Reaction::allow || !suffixes) return {};
  Hits icann;
  Hits company;
  std::optional<SuffixOrder> order;  // most lists need none
  const auto look_at = [&](const std::vector<NewPattern>& patterns, const Name& filed) {
    if (patterns.empty()) return;
    if (!order) order.emplace(*suffixes);
    judge_patterns(patterns, order->at_or_below(filed), icann, company);
  };
  const auto on_root = new_on(prepared, Name());
  if (!on_root) return on_root.error();
  look_at(on_root->patterns, Name());
  for (const PublicSuffix& suffix : *suffixes) {
    const auto found = new_on(prepared, suffix.name);
    if (!found) return found.error();
    for (const SourcedRule& rule : found->rules) {
      if (rule.rule.kind != PatternKind::exact) (suffix.icann ? icann : company).add(with_line(rule));
    }
    look_at(found->patterns, suffix.name);
  }
  if (icann.count > 0) {
    out.push_back({"public_suffixes", reaction == Reaction::hold,
                   counted(icann.count, "new rule") + " for all below a public suffix", icann.samples});
  }
  if (company.count > 0) {
    out.push_back({"public_suffixes", false,
                   counted(company.count, "new rule") + " for all below a suffix that a company gives names under",
                   company.samples});
  }
  return {};
}

Result<void> judge_protected(Reaction reaction, const PreparedImport& prepared, const std::vector<Name>& names,
                             std::vector<GuardFinding>& out) {
  if (reaction == Reaction::allow) return {};
  Hits hits;
  std::vector<Name> filed{Name()};  // where patterns on them may stand
  for (const Name& name : names) {
    for (unsigned labels = name.label_count(); labels > 0; --labels) {
      filed.push_back(name.suffix(labels));
      const bool itself = labels == name.label_count();
      const auto found = prepared.find(Change::added, name.suffix(labels), [&](const SourcedRule& rule) {
        const bool covers = rule.rule.kind == PatternKind::subtree ||
                            rule.rule.kind == (itself ? PatternKind::exact : PatternKind::below);
        if (!covers || rule.rule.exception || !blocks(rule.rule.action)) return;
        hits.add(name.to_text() + " by " + with_line(rule));
      });
      if (!found) return found;
    }
  }
  std::sort(filed.begin(), filed.end(), [](const Name& a, const Name& b) { return a.canonical_compare(b) < 0; });
  filed.erase(std::unique(filed.begin(), filed.end()), filed.end());
  for (const Name& suffix : filed) {
    const auto found = new_on(prepared, suffix);
    if (!found) return found.error();
    for (const NewPattern& pattern : found->patterns) {
      if (!blocks(pattern.rule.rule.action)) continue;
      for (const Name& name : names) {
        if (!name.is_at_or_below(suffix) || !pattern.matches(to_lower_ascii(name.to_text()))) continue;
        hits.add(name.to_text() + " by " + with_line(pattern.rule));
      }
    }
  }
  if (hits.count > 0) {
    out.push_back({"protected_names", reaction == Reaction::hold,
                   counted(hits.count, "new rule") + " on names that no list may block", hits.samples});
  }
  return {};
}

}  // namespace

Result<std::vector<GuardFinding>> judge(const ListConfig& list, const PreparedImport& prepared,
                                        const GuardTables& tables) {
  std::vector<GuardFinding> findings;
  if (auto done = judge_shape(list.guards, prepared, findings); !done) return done.error();
  if (auto done = judge_suffixes(list.guards.public_suffixes, prepared, tables.suffixes, findings); !done) {
    return done.error();
  }
  if (auto done = judge_protected(list.guards.protected_names, prepared, tables.protected_names, findings); !done) {
    return done.error();
  }
  return findings;
}

std::vector<GuardFinding> judge_use(const ListConfig& list, const json::object& compared) {
  Hits held;
  Hits told;
  const json::value* blocked = compared.if_contains("blocked");
  const json::value* samples =
      blocked != nullptr && blocked->is_object() ? blocked->get_object().if_contains("samples") : nullptr;
  if (samples == nullptr || !samples->is_array()) return {};
  // A name comes once for each group whose policy has the list: whose answers were counted nobody knows.
  struct Used {
    std::string name;
    std::vector<std::string> groups;
    std::uint64_t hits = 0;
  };
  std::vector<Used> used;
  for (const json::value& sample : samples->get_array()) {
    if (!sample.is_object()) continue;
    const std::string name = text_member(sample.get_object(), "name");
    auto at = std::find_if(used.begin(), used.end(), [&](const Used& each) { return each.name == name; });
    if (at == used.end()) at = used.insert(used.end(), Used{name, {}, 0});
    at->groups.push_back(text_member(sample.get_object(), "group"));
    at->hits = std::max(at->hits, count_member(sample.get_object(), "hits"));
  }
  for (const Used& each : used) {
    const std::string answers = each.hits == 0 ? "few answers" : "about " + counted(each.hits, "answer");
    (list.guards.in_use > 0 && each.hits >= list.guards.in_use ? held : told)
        .add(each.name + " (" + answers + "; blocked for " + some_of(each.groups) + ")");
  }
  std::vector<GuardFinding> findings;
  if (held.count > 0) {
    findings.push_back({"in_use", true,
                        "it would block " + counted(held.count, "name") + " that this network uses (in_use = " +
                            std::to_string(list.guards.in_use) + "; each 64th answer counts as 64)",
                        held.samples});
  }
  if (told.count > 0) {
    findings.push_back(
        {"in_use", false, "it blocks " + counted(told.count, "name") + " that were asked for lately", told.samples});
  }
  return findings;
}

json::array to_json(const std::vector<GuardFinding>& findings) {
  json::array out;
  for (const GuardFinding& finding : findings) {
    out.push_back(json::object{{"guard", finding.guard},
                               {"holds", finding.holds},
                               {"text", finding.text},
                               {"samples", json::value_from(finding.samples)}});
  }
  return out;
}

bool any_holds(const std::vector<GuardFinding>& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const GuardFinding& finding) { return finding.holds; });
}

std::string reasons_of(const std::vector<GuardFinding>& findings) {
  std::string out;
  for (const GuardFinding& finding : findings) {
    if (finding.holds) out += (out.empty() ? "" : "; ") + finding.text;
  }
  return out;
}

}  // namespace weir::sidecar
