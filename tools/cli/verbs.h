// One function a family of verbs: adds them to the command line. Parsing one of them sets `chosen`.
#pragma once

#include "tools/cli/command.h"

namespace CLI {
class App;
}

namespace weir::cli {

void add_check(CLI::App& app, Action& chosen);
void add_daemon_verbs(CLI::App& app, Action& chosen);  // status, reload
void add_resolve(CLI::App& app, Action& chosen);
void add_cache_verbs(CLI::App& app, Action& chosen);
void add_anchor_verbs(CLI::App& app, Action& chosen);
void add_list_verbs(CLI::App& app, Action& chosen);
void add_rule_verbs(CLI::App& app, Action& chosen);
void add_explain(CLI::App& app, Action& chosen);
void add_learn(CLI::App& app, Action& chosen);
void add_overlay_verbs(CLI::App& app, Action& chosen);  // allow, pause, overlay
void add_what_if_verbs(CLI::App& app, Action& chosen);
void add_generation_verbs(CLI::App& app, Action& chosen);
void add_zone_verbs(CLI::App& app, Action& chosen);
void add_sink_verbs(CLI::App& app, Action& chosen);
void add_log_verbs(CLI::App& app, Action& chosen);
void add_token_verbs(CLI::App& app, Action& chosen);
void add_audit_verbs(CLI::App& app, Action& chosen);
void add_request_verbs(CLI::App& app, Action& chosen);
void add_backup_verbs(CLI::App& app, Action& chosen);  // backup, restore
void add_migrate_verbs(CLI::App& app, Action& chosen);
void add_print_verbs(CLI::App& app, Action& chosen);  // man pages, completion; `app` is the whole command line

}  // namespace weir::cli
