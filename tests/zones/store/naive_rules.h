// Random rules and names that meet, and what rules say by comparing each with each.
#pragma once

#include <random>
#include <string>

#include "zones/rule.h"

namespace weir::testing {

using Random = std::mt19937_64;

// Few labels, so that names meet; sometimes very deep.
inline Name random_name(Random& random) {
  static const char* kLabels[] = {"a", "b", "ab", "com", "x"};
  unsigned count = static_cast<unsigned>(random() % 6);
  if (random() % 40 == 0) count = 120 + static_cast<unsigned>(random() % 8);
  Name made;
  for (unsigned i = 0; i < count; ++i) {
    const auto longer = made.child(count > 100 ? "a" : kLabels[random() % 5]);
    if (!longer) break;
    made = *longer;
  }
  return made;
}

inline Rule random_rule(Random& random) {
  Rule made;
  made.name = random_name(random);
  made.kind = static_cast<PatternKind>(random() % 3);
  made.action = random() % 4 == 0 ? Action::allow : Action::block;
  made.important = random() % 8 == 0;
  if (random() % 10 == 0) made.detail.conditions.types = {RecordType::aaaa};
  if (random() % 20 == 0) {
    made.kind = PatternKind::glob;
    made.pattern = "*b.a*";
  }
  return made;
}

inline bool naive_matches(const Rule& rule, const Name& asked) {
  switch (rule.kind) {
    case PatternKind::exact:
      return rule.name == asked;
    case PatternKind::subtree:
      return asked.is_at_or_below(rule.name);
    case PatternKind::below:
      return asked.is_at_or_below(rule.name) && !(asked == rule.name);
    default:
      return asked.is_at_or_below(rule.name) && asked.to_text().find("b.a") != std::string::npos;
  }
}

// Whether it lets something through below `name`.
inline bool naive_opens_below(const Rule& rule, const Name& name) {
  if (rule.action != Action::allow || !rule.name.is_at_or_below(name)) return false;
  return !(rule.name == name) || rule.kind == PatternKind::below || rule.kind == PatternKind::glob;
}

}  // namespace weir::testing
