#include "tools/sidecar/list_versions.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace weir::sidecar {
namespace {

constexpr std::string_view kToGeneration = "rollback to ";
constexpr std::string_view kToImport = "rollback to import ";

std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view beginning) {
  if (!text.starts_with(beginning)) return std::nullopt;
  text.remove_prefix(beginning.size());
  std::uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

// What changed the list last, up to a generation: an import of its own, or a roll-back of everything.
struct LastChange {
  const ImportRecord* import = nullptr;
  const PublishedGeneration* rollback = nullptr;
};

LastChange last_change(std::span<const ImportRecord> imports, std::span<const PublishedGeneration> generations,
                       GenerationNumber at) {
  LastChange out;
  const auto import = std::find_if(imports.begin(), imports.end(),
                                   [at](const ImportRecord& one) { return one.first_generation <= at; });
  const auto rollback = std::find_if(generations.begin(), generations.end(), [at](const PublishedGeneration& one) {
    return one.number <= at && rollback_target(one.reason);
  });
  if (import != imports.end()) out.import = &*import;
  // An import of the same number came before it, and was never in force.
  if (rollback != generations.end() && (out.import == nullptr || out.import->first_generation <= rollback->number))
    out.rollback = &*rollback;
  return out;
}

// What the list holds behind its last change. Each step leads to a lower number.
ImportId version_behind(LastChange last, std::span<const ImportRecord> imports,
                        std::span<const PublishedGeneration> generations) {
  while (last.rollback != nullptr) {
    const auto target = rollback_target(last.rollback->reason);
    if (!target || *target >= last.rollback->number) return {};
    last = last_change(imports, generations, *target);
  }
  if (last.import == nullptr) return {};
  const auto back_to = number_behind(last.import->note, kToImport);
  return back_to ? ImportId{*back_to} : last.import->import;
}

}  // namespace

std::string rollback_reason(GenerationNumber to, const std::string& who) {
  return std::string(kToGeneration) + std::to_string(to.value) + " by " + who;
}

std::optional<GenerationNumber> rollback_target(const std::string& reason) {
  const auto number = number_behind(reason, kToGeneration);
  return number ? std::optional(GenerationNumber{*number}) : std::nullopt;
}

std::optional<RolledBack> find_rolled_back(std::span<const ImportRecord> imports,
                                           std::span<const PublishedGeneration> generations) {
  if (imports.empty() || generations.empty()) return std::nullopt;
  const GenerationNumber now = generations.front().number;
  // One that is recorded and about to be published is not what is in force, nor was anything taken back from it.
  const auto newest = std::find_if(imports.begin(), imports.end(), [now](const ImportRecord& one) {
    return one.note.empty() && one.first_generation <= now;
  });
  if (newest == imports.end()) return std::nullopt;
  const LastChange last = last_change(imports, generations, now);
  RolledBack out;
  out.newest = newest->import;
  out.in_force = version_behind(last, imports, generations);
  if (out.in_force == out.newest) return std::nullopt;
  if (last.rollback != nullptr) {
    out.since = last.rollback->published_at;
    out.how = "generation " + last.rollback->reason;
  } else {
    out.since = last.import->provenance.fetched_at;
    out.how = "list rollback by " + last.import->provenance.who;
  }
  return out;
}

Result<std::optional<RolledBack>> find_rolled_back(const PolicyRecords& records, ListId list,
                                                   const std::string& imported) {
  if (!imported.empty()) {
    const auto holds = records.contents(list);
    if (!holds) return holds.error();
    if (*holds == imported) return std::optional<RolledBack>();
  }
  const auto imports = records.history(list);
  if (!imports) return imports.error();
  const auto generations = records.generations();
  if (!generations) return generations.error();
  return find_rolled_back(*imports, *generations);
}

}  // namespace weir::sidecar
