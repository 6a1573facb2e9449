// The verbs by their groups. For verbs.cc and the files that hold them.
#pragma once

#include <boost/json.hpp>

#include <chrono>
#include <string>

#include "tools/sidecar/arguments.h"
#include "tools/sidecar/verbs.h"

namespace weir::sidecar {

// One request on its way through a verb.
struct Call {
  const Services& services;
  Arguments& arguments;
  const std::string& who;
  Responder& responder;
};
using VerbResult = Result<boost::json::object>;

// verbs_daemon.cc
VerbResult show_status(Call& call);
VerbResult reload(Call& call);
// verbs_explain.cc
VerbResult explain_names(Call& call);
// verbs_lists.cc
VerbResult update_list(Call& call);
VerbResult show_lists(Call& call);
VerbResult show_history(Call& call);
VerbResult rollback_list(Call& call);
VerbResult approve_list(Call& call);
VerbResult compare_imports(Call& call);
// verbs_policy.cc
VerbResult check_policy(Call& call);
// verbs_groups.cc
VerbResult show_policies(Call& call);
// verbs_learn.cc
VerbResult learn_policy(Call& call);
// verbs_list_report.cc
VerbResult report_list(Call& call);
// verbs_dry_run.cc
VerbResult preview_update(Call& call, const std::string& name, const UpdateProgress& progress);
// verbs_rules.cc
VerbResult add_rule(Call& call);
VerbResult remove_rule(Call& call);
VerbResult show_rules(Call& call);
// verbs_generations.cc
VerbResult show_generations(Call& call);
VerbResult rollback_generation(Call& call);
VerbResult show_fingerprint(Call& call);
// verbs_log.cc
VerbResult search_log(Call& call);
VerbResult tail_log(Call& call);
VerbResult export_log(Call& call);
VerbResult show_top(Call& call);
VerbResult show_timeline(Call& call);
VerbResult verify_log(Call& call);
// verbs_log_totals.cc
VerbResult show_totals(Call& call);
// verbs_sql.cc
VerbResult query_log(Call& call);
// verbs_forget.cc
VerbResult forget_log(Call& call);
// verbs_privacy_check.cc
VerbResult check_log_privacy(Call& call);
// verbs_overlays.cc
VerbResult allow_name(Call& call);
VerbResult pause_filtering(Call& call);
VerbResult end_overlay(Call& call);
VerbResult show_overlays(Call& call);
// verbs_zones.cc
VerbResult show_zones(Call& call);
// verbs_what_if.cc
VerbResult start_what_if(Call& call);
VerbResult show_what_if(Call& call);
VerbResult stop_what_if(Call& call);
// verbs_tokens.cc
VerbResult add_token(Call& call);
VerbResult remove_token(Call& call);
VerbResult show_tokens(Call& call);
// verbs_backup.cc
VerbResult begin_backup(Call& call);
VerbResult end_backup(Call& call);
// verbs_requests.cc
VerbResult list_requests(Call& call);
VerbResult accept_request(Call& call);
VerbResult refuse_request(Call& call);
// verbs_sinks.cc
VerbResult show_sinks(Call& call);
// verbs_metrics.cc
VerbResult show_metrics(Call& call);
// verbs_audit.cc
VerbResult show_audit(Call& call);
VerbResult verify_audit(Call& call);

// Small things that several of them need.
boost::json::value parsed_or(const std::string& text, const boost::json::value& fallback);
// The record of a change that `number` shows; on the writer's thread, before the change is acknowledged.
Result<void> record(Call& call, std::string what, std::string subject, boost::json::object details,
                    GenerationNumber number);
// Likewise, in its turn among the other changes, of one that leaves the policy in force as it is.
Result<void> record_in_turn(Call& call, const std::string& what, const std::string& subject,
                            boost::json::object details);
Now read_clocks();
boost::json::object describe_overlay(const Overlay& overlay, WallTime now);
boost::json::array describe_restarts(const std::vector<PendingRestart>& pending);
boost::json::value time_or_null(std::int64_t seconds);  // 0: null
// Where an older version of the list is in force than its source brought; nullptr where it is the newest.
boost::json::value describe_rolled_back(const Services& services, const std::string& list);
boost::json::array describe_sinks(const sinks::Sinks& sinks);
boost::json::object describe_list(const Services& services, const ListConfig& list, const Generation* generation);
// Tells the resolver; what became of it goes into `out` as "in_force", with "resolver_error" where it did not.
void tell_resolver(const Services& services, boost::json::object& out);

}  // namespace weir::sidecar
