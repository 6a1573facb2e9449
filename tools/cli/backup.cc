// weir backup, weir restore: definitions, policy with history and audit log in one file.
#include <CLI/CLI.hpp>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "tools/backup/backup_file.h"
#include "tools/backup/restore.h"
#include "tools/cli/verbs.h"
#include "tools/support/table.h"
#include "zones/base/text.h"
#include "zones/base/version.h"

namespace weir::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

struct BackupOptions {
  std::string file, reason;
  bool with_log = false;
};

struct RestoreChoice {
  std::string file, reason;
  bool replace = false;
  bool keep_config = false;
};

// weir.toml and its drop-ins as their caller reads them; the copy's files.
Result<std::vector<backup::Source>> find_sources(const Config& config, const fs::path& config_file,
                                                 const fs::path& copy) {
  std::vector<backup::Source> out;
  for (const fs::path& file : config.files) {
    std::error_code ignored;
    const bool is_main = file == config_file || fs::equivalent(file, config_file, ignored);
    out.push_back(
        {is_main ? std::string(backup::kConfigMember) : std::string(backup::kDropInFolder) + file.filename().string(),
         file});
  }
  std::vector<backup::Source> stored;
  std::error_code fault;
  for (fs::recursive_directory_iterator at(copy, fault), end; !fault && at != end; at.increment(fault)) {
    if (at->is_regular_file(fault))
      stored.push_back({fs::relative(at->path(), copy, fault).generic_string(), at->path()});
  }
  if (fault) {
    const bool is_denied = fault == std::errc::permission_denied;
    return Error{is_denied ? ErrorCode::permission : ErrorCode::io, copy.string() + ": " + fault.message()};
  }
  std::sort(stored.begin(), stored.end(), [](const auto& a, const auto& b) { return a.member < b.member; });
  out.insert(out.end(), stored.begin(), stored.end());
  return out;
}

ExitCode back_up(Command& command, const BackupOptions& options) {
  const auto config = Config::load(command.config_file());
  if (!config) return command.fail(config.error());
  json::object arguments{{"with_log", options.with_log}};
  if (!options.reason.empty()) arguments["reason"] = options.reason;
  const auto begun = command.ask("backup.begin", arguments);
  if (!begun) return begun.failure;
  backup::Manifest about;
  about.weir = version();
  about.store_format = number_at(begun.result, "store_format");
  about.made = format_time(std::chrono::system_clock::now());
  about.generation = number_at(begun.result, "generation");
  about.fingerprint = text_at(begun.result, "fingerprint");
  about.has_log = options.with_log;
  about.reason = options.reason;
  const auto sources = find_sources(*config, command.config_file(), text_at(begun.result, "folder"));
  const auto written =
      sources ? backup::write_backup(options.file, about, *sources) : Result<std::uint64_t>(sources.error());
  static_cast<void>(command.try_ask("backup.end", {{"id", number_at(begun.result, "id")}}));
  if (!written) return command.fail(written.error());
  if (command.is_json()) {
    command.print(json::object{{"file", options.file},
                               {"bytes", *written},
                               {"generation", about.generation},
                               {"fingerprint", about.fingerprint},
                               {"log", about.has_log}});
  } else {
    command.say(options.file + ": " + show_size(*written) + ", generation " + std::to_string(about.generation) +
                ", fingerprint " + about.fingerprint + (about.has_log ? ", with the decision log" : ""));
    command.say("tokens of the API and what weir.toml names as files are not in it");
  }
  return ExitCode::done;
}

std::string own_name() {
  const passwd* user = ::getpwuid(::getuid());
  return user != nullptr ? user->pw_name : std::to_string(::getuid());
}

ExitCode restore(Command& command, const RestoreChoice& choice) {
  const backup::RestoreOptions options{
      choice.file,
      command.config_file(),
      choice.replace ? backup::Present::put_aside : backup::Present::refused,
      choice.keep_config ? backup::Definitions::of_this_machine : backup::Definitions::of_the_backup,
      own_name(),
      choice.reason};
  const auto report =
      backup::restore_backup(options, {std::chrono::steady_clock::now(), std::chrono::system_clock::now()});
  if (!report) {
    const Error error{report.error().code, report.error().message + "; nothing was changed"};
    return error.code == ErrorCode::corrupt ? command.fail(error, ExitCode::refused) : command.fail(error);
  }
  json::array aside;
  for (const fs::path& path : report->put_aside) aside.emplace_back(path.string());
  if (command.is_json()) {
    command.print(json::object{{"generation", report->generation.value},
                               {"fingerprint", report->fingerprint},
                               {"store", report->store.string()},
                               {"made", report->about.made},
                               {"log", report->about.has_log},
                               {"put_aside", std::move(aside)}});
    return ExitCode::done;
  }
  command.say("restored into " + report->store.string() + ": generation " + std::to_string(report->generation.value) +
              ", fingerprint " + report->fingerprint + ", made " + report->about.made + " by weir " +
              report->about.weir + (report->about.has_log ? ", with the decision log" : ""));
  for (const fs::path& path : report->put_aside) command.say("what was there before is in " + path.string());
  command.say("start weir-sidecar, and weir-resolver anew; tokens of the API are not in a backup: 'weir token add'");
  return ExitCode::done;
}

}  // namespace

void add_backup_verbs(CLI::App& app, Action& chosen) {
  auto made = std::make_shared<BackupOptions>();
  CLI::App* making = app.add_subcommand("backup", "definitions, policy with its history and audit log, in one file");
  making->add_option("FILE", made->file, "a file that is not there yet: weir-2026-07-06.tar.zst")->required();
  making->add_flag("--with-log", made->with_log, "the decision log, too");
  making->add_option("--reason", made->reason, "why; for the audit log");
  making->callback([&chosen, made] { chosen = [made](Command& command) { return back_up(command, *made); }; });

  auto taken = std::make_shared<RestoreChoice>();
  CLI::App* taking = app.add_subcommand("restore", "what a backup holds, into an empty store; while no sidecar runs");
  taking->add_option("FILE", taken->file, "as 'weir backup' wrote it")->required();
  taking->add_flag("--replace", taken->replace, "put what is there aside: into the store's replaced-TIME");
  taking->add_flag("--keep-config", taken->keep_config,
                   "take the store alone, and leave the configuration of this machine as it is");
  taking->add_option("--reason", taken->reason, "why; for the audit log");
  taking->callback([&chosen, taken] { chosen = [taken](Command& command) { return restore(command, *taken); }; });
}

}  // namespace weir::cli
