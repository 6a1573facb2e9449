// A migration -> files: one drop-in for weir.d, a list file for each set of the administrator's own rules, and rules
// for the store.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tools/migrate/migration.h"

namespace weir::migrate {

// What a configuration defines already: each thing may be defined once.
struct Existing {
  std::map<std::string, std::string> keys;  // "resolver.listen" -> "weir.toml:3"
  std::map<std::string, std::string> policies, groups, forwards, zones;

  // Of `config_file` and its drop-ins; nothing where there is no such file. Errors: what cannot be read or parsed.
  static Result<Existing> of(const std::filesystem::path& config_file);
};

// A rule as the sidecar's verb rule.add takes it.
struct StoreRule {
  std::string pattern;
  std::string kind;
  std::string action;
  RowId row = 0;
};

// Takes the rules out of `migration` that decide the same as the administrator's own rules in the store: of a movable
// list that is in every policy, without conditions, and with no other rule of the migration that says the opposite of a
// name at, above or below theirs.
std::vector<StoreRule> take_store_rules(Migration& migration);

struct OutputFile {
  std::string name;
  std::string text;
};

// The files; fills in the rows' targets, and says in them what `existing` has already and was left out.
std::vector<OutputFile> render(Migration& migration, const Existing& existing);

// Whether weir takes `files` as drop-ins beside an empty configuration. Errors (invalid): what it does not take.
Result<void> verify(const std::vector<OutputFile>& files);

// All of them or none. Where `config_file` is given, it must load with them. Errors: exists, invalid, permission, io.
Result<void> write(const std::filesystem::path& folder, const std::vector<OutputFile>& files,
                   const std::filesystem::path& config_file);

}  // namespace weir::migrate
