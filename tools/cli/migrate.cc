// weir migrate: another system's configuration becomes drop-ins, lists and rules, with a report of every line.
#include <CLI/CLI.hpp>

#include <memory>
#include <ostream>

#include "tools/cli/verbs.h"
#include "tools/migrate/migration.h"
#include "tools/migrate/writer.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using migrate::Migration;
using migrate::Outcome;
using migrate::OutputFile;
using migrate::StoreRule;

constexpr Outcome kOutcomes[] = {Outcome::translated, Outcome::differs, Outcome::none, Outcome::idle};

struct MigrateOptions {
  const migrate::System* system = nullptr;
  std::string file;
  std::string into;
  bool dry_run = false;
  bool apply = false;
};

struct Done {
  std::vector<OutputFile> files;
  std::vector<StoreRule> rules;
  std::string folder;
};

std::string show_place(const migrate::Place& place) {
  std::string out = place.file;
  if (place.line > 0) out += ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
  return out;
}

void tell(Command& command, const Migration& migration, const Done& done, bool dry_run) {
  for (const migrate::Row* each : migration.in_order()) {
    const migrate::Row& row = *each;
    std::string to;
    for (const migrate::Target& target : row.targets) {
      to += to.empty() ? " -> " : ", ";
      to += target.file == "rule.add" ? "own rule" : target.file + ':' + std::to_string(target.line);
    }
    command.say(show_place(row.place) + ": " + row.text + ": " + std::string(to_text(row.outcome)) + to +
                (row.note.empty() ? "" : ": " + row.note));
  }
  for (const std::string& note : migration.notes) command.say("note: " + note);
  std::string counts;
  for (const Outcome outcome : kOutcomes)
    counts +=
        (counts.empty() ? "" : ", ") + std::string(to_text(outcome)) + ' ' + std::to_string(migration.count(outcome));
  command.say("lines: " + counts);
  for (const OutputFile& file : done.files)
    command.say((dry_run ? "would write " : "wrote ") + (fs::path(done.folder) / file.name).string());
  if (!done.rules.empty())
    command.say(std::string(dry_run ? "would add " : "added ") + std::to_string(done.rules.size()) +
                " rules of your own");
}

void print(Command& command, const Migration& migration, const Done& done) {
  json::array rows;
  for (const migrate::Row* each : migration.in_order()) {
    const migrate::Row& row = *each;
    json::array targets;
    for (const migrate::Target& target : row.targets) targets.push_back({{"file", target.file}, {"line", target.line}});
    rows.push_back({{"file", row.place.file},
                    {"line", row.place.line},
                    {"column", row.place.column},
                    {"text", escape_for_display(row.text)},
                    {"outcome", to_text(row.outcome)},
                    {"note", row.note},
                    {"became", std::move(targets)}});
  }
  json::object counts;
  for (const Outcome outcome : kOutcomes) counts[to_text(outcome)] = migration.count(outcome);
  json::array files;
  for (const OutputFile& file : done.files) files.push_back({{"name", file.name}, {"size_bytes", file.text.size()}});
  json::array rules;
  for (const StoreRule& rule : done.rules)
    rules.push_back({{"pattern", rule.pattern}, {"kind", rule.kind}, {"action", rule.action}});
  command.print(json::object{{"system", migration.system},
                             {"folder", done.folder},
                             {"files", std::move(files)},
                             {"rules", std::move(rules)},
                             {"counts", std::move(counts)},
                             {"notes", json::value_from(migration.notes)},
                             {"rows", std::move(rows)}});
}

// The rules of one's own, one request each; then the files. A rule that is there already is no fault.
std::optional<ExitCode> bring_in(Command& command, const Done& done) {
  for (const StoreRule& rule : done.rules) {
    const auto answer =
        command.ask("rule.add", {{"pattern", rule.pattern}, {"kind", rule.kind}, {"action", rule.action}});
    if (!answer) return answer.failure;
  }
  const auto reloaded = command.ask("reload", {});
  if (!reloaded) return reloaded.failure;
  return std::nullopt;
}

ExitCode run_migration(Command& command, const MigrateOptions& options) {
  auto migration = read_configuration(*options.system, options.file);
  if (!migration) return command.fail(migration.error());
  std::error_code code;
  const fs::path beside = fs::absolute(command.config_file(), code).lexically_normal().parent_path() / "weir.d";
  const fs::path folder = options.into.empty() ? beside : fs::absolute(options.into, code).lexically_normal();
  // Only beside the configuration do its keys stand in the way, and only there the whole can be tried.
  const bool is_beside = folder == beside || fs::equivalent(folder, beside, code);
  if (options.apply && !is_beside)
    return command.usage("--apply brings what was written into force, and that is read from " + beside.string() +
                         ": leave --into out");
  auto existing =
      is_beside ? migrate::Existing::of(command.config_file()) : Result<migrate::Existing>(migrate::Existing{});
  if (!existing) return command.fail(existing.error());
  Done done;
  done.folder = folder.string();
  if (options.apply) done.rules = take_store_rules(*migration);
  done.files = render(*migration, *existing);
  if (auto good = verify(done.files); !good) return command.fail(good.error());
  if (!options.dry_run) {
    if (options.apply) {
      // Nothing is written where nobody could bring it into force.
      if (const auto there = command.ask("status", {}); !there) return there.failure;
    }
    if (auto wrote = write(folder, done.files, is_beside ? command.config_file() : fs::path()); !wrote)
      return command.fail(wrote.error());
    if (options.apply) {
      if (const auto failure = bring_in(command, done)) {
        command.err()
            << "weir: the files are written and stay; add the rules with 'weir rule add', then 'weir reload'\n";
        return *failure;
      }
    }
  }
  if (command.is_json()) {
    print(command, *migration, done);
  } else {
    tell(command, *migration, done, options.dry_run);
    if (!options.dry_run && !options.apply && is_beside) command.say("'weir reload' brings it into force");
  }
  const bool all = migration->count(Outcome::differs) + migration->count(Outcome::none) == 0;
  return all ? ExitCode::done : ExitCode::answer_is_no;
}

}  // namespace

void add_migrate_verbs(CLI::App& app, Action& chosen) {
  CLI::App* family = app.add_subcommand(
      "migrate", "turn another system's configuration into weir's, with a report of what became of each line");
  family->require_subcommand(1);
  for (const migrate::System& system : migrate::systems()) {
    CLI::App* verb = family->add_subcommand(std::string(system.name), "reads " + std::string(system.reads));
    auto options = std::make_shared<MigrateOptions>();
    options->system = &system;
    verb->add_option("FILE", options->file, std::string(system.reads))->required();
    verb->add_option("--into", options->into, "write into this folder instead of weir.d beside the configuration");
    verb->add_flag("--dry-run", options->dry_run, "report only; write nothing");
    verb->add_flag("--apply", options->apply,
                   "bring it into force, and put rules into the store as your own where that decides the same");
    verb->callback(
        [&chosen, options] { chosen = [options](Command& command) { return run_migration(command, *options); }; });
  }
}

}  // namespace weir::cli
