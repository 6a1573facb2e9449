#include "tools/sidecar/linter.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "tools/sidecar/rule_text.h"
#include "zones/dns/reversed_name.h"
#include "zones/lists/pattern.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

bool is_name(const Rule& rule) {
  return rule.kind == PatternKind::exact || rule.kind == PatternKind::subtree || rule.kind == PatternKind::below;
}

void add(LintFinding& finding, const SourcedRule& rule) {
  ++finding.count;
  if (finding.samples.size() < kLintSamples) {
    finding.samples.push_back(with_line(rule));
  }
}

class Linter {
 public:
  Linter(const Generation& generation, const PolicyRecords& records, const std::vector<Name>& names,
         const std::vector<Name>& in_use, const std::function<bool()>& is_gone)
      : generation_(generation),
        policies_(generation.policies()),
        records_(records),
        names_(names),
        in_use_(in_use),
        is_gone_(is_gone) {}

  Result<LintReport> run() {
    for (const ListDefinition& list : policies_.lists) {
      if ((list.kind == ListKind::allow && list.id >= kFirstDefinedList) || list.id == kLocalRules) {
        if (auto read = collect_allows(list); !read) return read.error();
      }
    }
    for (const ListDefinition& list : policies_.lists) {
      if (list.id == kOverlays || list.kind == ListKind::allow || list.kind == ListKind::address) continue;
      if (auto read = read_blocks(list); !read) return read.error();
    }
    tell_idle_allows();
    look_at_triggers();
    look_at_protected_names();
    look_at_names_in_use();
    return std::move(report_);
  }

 private:
  struct Allow {
    const ListDefinition* list;
    SourcedRule rule;
    bool used = false;
  };

  // Whether `a` and `b` are read together by some policy.
  bool share_a_policy(const ListDefinition& a, const ListDefinition& b) const {
    return std::any_of(policies_.policies.begin(), policies_.policies.end(),
                       [&](const Policy& policy) { return policy.has_list(a.id) && policy.has_list(b.id); });
  }

  bool goes_on() {
    if (++rules_ <= kMaxLintedRules && (rules_ % 4096 != 0 || !is_gone_ || !is_gone_())) return true;
    return report_.complete = false;
  }

  Result<void> collect_allows(const ListDefinition& list) {
    return records_.visit(list.id, [&](const SourcedRule& rule) {
      if (!goes_on()) return false;
      if (rule.rule.action != Action::allow || rule.rule.exception || !is_name(rule.rule)) return true;
      if (allows_.size() >= kMaxLintedAllows) return report_.complete = false;
      allows_at_[std::string(ReversedName(rule.rule.name).key())].push_back(allows_.size());
      allows_.push_back({&list, rule, blocks_above(list, rule.rule)});
      return true;
    });
  }

  // A rule that would block what the allow is for, on its name or above it.
  bool blocks_above(const ListDefinition& list, const Rule& rule) {
    generation_.match(ReversedName(rule.name), matches_);
    return std::any_of(matches_.matches.begin(), matches_.matches.end(), [&](const Match& match) {
      const ListDefinition* other = policies_.find_list(match.list_id());
      return blocks(match.action) && other != nullptr && (other == &list || share_a_policy(list, *other));
    });
  }

  Result<void> read_blocks(const ListDefinition& list) {
    LintFinding beaten{"always_beaten", list.name, "rules that an earlier rank always decides before", 0, {}};
    LintFinding costly{
        "regex_is_name", list.name, "regular expressions that say what a plain name says, at more cost", 0, {}};
    const auto read = records_.visit(list.id, [&](const SourcedRule& rule) {
      if (!goes_on()) return false;
      ++rules_of_[list.id.value];
      if (rule.rule.kind == PatternKind::regex && plain_meaning(rule.rule.pattern)) add(costly, rule);
      if (!is_name(rule.rule) || !blocks(rule.rule.action)) return true;
      mark_allows(list, rule.rule);
      if (list.id >= kFirstDefinedList && is_always_beaten(list, rule.rule)) add(beaten, rule);
      return true;
    });
    if (!read) return read;
    for (LintFinding* finding : {&beaten, &costly}) {
      if (finding->count > 0) report_.findings.push_back(std::move(*finding));
    }
    return {};
  }

  // An allow of a subtree has something to do where anything in it is blocked.
  void mark_allows(const ListDefinition& list, const Rule& block) {
    if (allows_.empty()) return;
    const ReversedName name(block.name);
    for (unsigned labels = 0; labels <= name.label_count(); ++labels) {
      const auto at = allows_at_.find(std::string(name.key_of_suffix(labels)));
      if (at == allows_at_.end()) continue;
      for (const std::size_t index : at->second) {
        Allow& allow = allows_[index];
        const bool itself = labels == name.label_count();
        if (allow.used || (!itself && allow.rule.rule.kind == PatternKind::exact)) continue;
        allow.used = allow.list == &list || share_a_policy(list, *allow.list);
      }
    }
  }

  // In every policy that has the list, a rule of an earlier rank covers all that this one covers, whoever asks.
  bool is_always_beaten(const ListDefinition& list, const Rule& rule) {
    generation_.match(ReversedName(rule.name), matches_);
    bool used = false;
    for (const Policy& policy : policies_.policies) {
      if (!policy.has_list(list.id)) continue;
      used = true;
      const bool beaten = std::any_of(matches_.matches.begin(), matches_.matches.end(), [&](const Match& match) {
        const ListDefinition* other = policies_.find_list(match.list_id());
        if (other == nullptr || other->rank >= list.rank || other->mode == ListMode::observe || match.exception() ||
            !policy.has_list(other->id) || has_conditions(match)) {
          return false;
        }
        if (rule.kind == PatternKind::exact) return true;
        const bool above = match.labels < rule.name.label_count();
        return match.kind == PatternKind::subtree ||
               (match.kind == PatternKind::below && (above || rule.kind == PatternKind::below));
      });
      if (!beaten) return false;
    }
    return used;
  }

  bool has_conditions(const Match& match) const {
    if (match.detail == 0) return false;
    const RuleDetail* detail = generation_.detail({match.detail});
    return detail == nullptr || !detail->conditions.empty();
  }

  void tell_idle_allows() {
    if (!report_.complete) return;  // what was not read may be what they are for
    std::map<std::string, LintFinding> by_list;
    for (const Allow& allow : allows_) {
      if (allow.used) continue;
      LintFinding& finding = by_list[allow.list->name];
      finding.kind = "allow_without_effect";
      finding.list = allow.list->name;
      finding.text = "rules that allow what nothing blocks";
      add(finding, allow.rule);
    }
    for (auto& [name, finding] : by_list) report_.findings.push_back(std::move(finding));
  }

  // What such zones cost: names that later ranks block have to be resolved first, name servers have to be looked up.
  void look_at_triggers() {
    for (const ListDefinition& list : policies_.lists) {
      const Generation::Triggers triggers = generation_.triggers(list.id);
      if (!triggers.address && !triggers.name_server) continue;
      LintFinding finding{"resolves_first", list.name, {}, 1, {}};
      finding.text = "has rules on addresses or name servers: what later ranks block is resolved before it is blocked";
      if (triggers.name_server) finding.text += "; and each answer's name servers are looked up";
      report_.findings.push_back(std::move(finding));
    }
  }

  void look_at_protected_names() {
    std::map<std::string, LintFinding> by_list;
    for (const Name& name : names_) {
      generation_.match(ReversedName(name), matches_);
      for (const Match& match : matches_.matches) {
        const ListDefinition* list = policies_.find_list(match.list_id());
        if (list == nullptr || list->id < kFirstDefinedList || !blocks(match.action) || match.exception()) continue;
        LintFinding& finding = by_list[list->name];
        finding.kind = "protected_name";
        finding.list = list->name;
        finding.text = "rules on names that must go on resolving";
        ++finding.count;
        if (finding.samples.size() < kLintSamples) finding.samples.push_back(name.to_text());
      }
    }
    for (auto& [name, finding] : by_list) report_.findings.push_back(std::move(finding));
  }

  // A block list most of whose rules are met all day holds what people need: it was meant as an allow list.
  void look_at_names_in_use() {
    if (!report_.complete) return;
    std::map<std::uint32_t, std::map<std::string, std::string>> met;  // of a list: pattern -> a name
    for (const Name& name : in_use_) {
      generation_.match(ReversedName(name), matches_);
      for (const Match& match : matches_.matches) {
        if (match.list_id() < kFirstDefinedList || !blocks(match.action) || match.exception()) continue;
        const auto pattern =
            std::string(ReversedName(name).key_of_suffix(match.labels)) + std::string(to_text(match.kind));
        met[match.list].emplace(pattern, name.to_text());
      }
    }
    for (const auto& [id, patterns] : met) {
      const std::uint64_t rules = rules_of_[id];
      const ListDefinition* list = policies_.find_list(ListId{id});
      if (list == nullptr || rules < kFewestRulesOfAnAllowList || patterns.size() * 2 <= rules) continue;
      LintFinding finding{"allow_list_as_block", list->name, {}, patterns.size(), {}};
      finding.text =
          "rules on names in use, of " + std::to_string(rules) + " that it has: was it meant as an allow list?";
      for (const auto& [pattern, name] : patterns) {
        if (finding.samples.size() < kLintSamples) finding.samples.push_back(name);
      }
      report_.findings.push_back(std::move(finding));
    }
  }

  const Generation& generation_;
  const PolicySet& policies_;
  const PolicyRecords& records_;
  const std::vector<Name>& names_;
  const std::vector<Name>& in_use_;
  const std::function<bool()>& is_gone_;
  LintReport report_;
  MatchSet matches_;
  std::uint64_t rules_ = 0;
  std::unordered_map<std::uint32_t, std::uint64_t> rules_of_;  // by the list's number
  std::vector<Allow> allows_;
  std::unordered_map<std::string, std::vector<std::size_t>> allows_at_;  // reversed name -> into allows_
};

}  // namespace

Result<LintReport> lint(const Generation& generation, const PolicyRecords& records, const std::vector<Name>& names,
                        const std::vector<Name>& in_use, const std::function<bool()>& is_gone) {
  return Linter(generation, records, names, in_use, is_gone).run();
}

json::object to_json(const LintReport& report) {
  json::array findings;
  for (const LintFinding& finding : report.findings) {
    findings.push_back(json::object{{"kind", finding.kind},
                                    {"list", finding.list},
                                    {"text", finding.text},
                                    {"count", finding.count},
                                    {"samples", json::value_from(finding.samples)}});
  }
  return {{"findings", std::move(findings)}, {"complete", report.complete}};
}

}  // namespace weir::sidecar
