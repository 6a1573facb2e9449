#include "tools/sidecar/guards.h"

#include <algorithm>

#include "tools/sidecar/rule_text.h"
#include "zones/base/text.h"

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

Result<void> judge_suffixes(Reaction reaction, const PreparedImport& prepared,
                            const std::shared_ptr<const std::vector<PublicSuffix>>& suffixes,
                            std::vector<GuardFinding>& out) {
  if (reaction == Reaction::allow || !suffixes) return {};
  Hits icann;
  Hits company;
  for (const PublicSuffix& suffix : *suffixes) {
    const auto found = prepared.find(Change::added, suffix.name, [&](const SourcedRule& rule) {
      if (rule.rule.kind == PatternKind::exact || rule.rule.exception) return;
      (suffix.icann ? icann : company).add(with_line(rule));
    });
    if (!found) return found;
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
  for (const Name& name : names) {
    for (unsigned labels = name.label_count(); labels > 0; --labels) {
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
  if (hits.count > 0) {
    out.push_back({"protected_names", reaction == Reaction::hold,
                   counted(hits.count, "new rule") + " on names that no list may block", hits.samples});
  }
  return {};
}

std::uint64_t number_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

std::string text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
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
  for (const json::value& sample : samples->get_array()) {
    if (!sample.is_object()) continue;
    const std::uint64_t hits = number_at(sample.get_object(), "hits");
    const std::string text = text_at(sample.get_object(), "name") + " (group " + text_at(sample.get_object(), "group") +
                             ", " + counted(hits, "answer") + ")";
    (list.guards.in_use > 0 && hits >= list.guards.in_use ? held : told).add(text);
  }
  std::vector<GuardFinding> findings;
  if (held.count > 0) {
    findings.push_back({"in_use", true,
                        "it would block " + counted(held.count, "name") +
                            " that this network uses (in_use = " + std::to_string(list.guards.in_use) + ")",
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
