#include "tools/sidecar/verbs.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <exception>

#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

struct Verb {
  std::string_view name;
  VerbResult (*run)(Call&);
};

constexpr std::array kVerbs = {
    Verb{"status", show_status},
    Verb{"reload", reload},
    Verb{"explain", explain_names},
    Verb{"policy.show", show_policies},
    Verb{"policy.check", check_policy},
    Verb{"policy.learn", learn_policy},
    Verb{"list.update", update_list},
    Verb{"list.show", show_lists},
    Verb{"list.history", show_history},
    Verb{"list.rollback", rollback_list},
    Verb{"list.approve", approve_list},
    Verb{"list.diff", compare_imports},
    Verb{"list.report", report_list},
    Verb{"rule.add", add_rule},
    Verb{"rule.remove", remove_rule},
    Verb{"rule.show", show_rules},
    Verb{"overlay.allow", allow_name},
    Verb{"overlay.pause", pause_filtering},
    Verb{"overlay.end", end_overlay},
    Verb{"overlay.show", show_overlays},
    Verb{"what_if.start", start_what_if},
    Verb{"what_if.show", show_what_if},
    Verb{"what_if.stop", stop_what_if},
    Verb{"generation.show", show_generations},
    Verb{"generation.rollback", rollback_generation},
    Verb{"generation.fingerprint", show_fingerprint},
    Verb{"zone.show", show_zones},
    Verb{"token.add", add_token},
    Verb{"token.remove", remove_token},
    Verb{"token.show", show_tokens},
    Verb{"backup.begin", begin_backup},
    Verb{"backup.end", end_backup},
    Verb{"request.list", list_requests},
    Verb{"request.accept", accept_request},
    Verb{"request.refuse", refuse_request},
    Verb{"sink.show", show_sinks},
    Verb{"metrics", show_metrics},
    Verb{"audit.show", show_audit},
    Verb{"audit.verify", verify_audit},
    Verb{"log.search", search_log},
    Verb{"log.tail", tail_log},
    Verb{"log.export", export_log},
    Verb{"log.top", show_top},
    Verb{"log.timeline", show_timeline},
    Verb{"log.totals", show_totals},
    Verb{"log.verify", verify_log},
    Verb{"log.sql", query_log},
    Verb{"log.forget", forget_log},
    Verb{"log.privacy_check", check_log_privacy},
};

Error unknown_verb(const std::string& verb) {
  std::array<std::string_view, kVerbs.size()> names;
  for (std::size_t i = 0; i < kVerbs.size(); ++i) names[i] = kVerbs[i].name;
  const std::string_view near = nearest(verb, names);
  return {ErrorCode::invalid, "unknown verb '" + escape_for_display(verb) + "'" +
                                  (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?")};
}

VerbResult run(const Services& services, const ControlRequest& request, Responder& responder) {
  for (const Verb& verb : kVerbs) {
    if (verb.name != request.verb) continue;
    auto arguments = Arguments::read(request);
    if (!arguments) return arguments.error();
    Call call{services, *arguments, request.who, responder};
    return verb.run(call);
  }
  return unknown_verb(request.verb);
}

}  // namespace

std::string handle(const Services& services, const ControlRequest& request, Responder& responder) {
  try {
    const VerbResult result = run(services, request, responder);
    return result ? encode_result(*result) : encode_error(result.error());
  } catch (const std::exception& error) {  // of Boost.JSON or the standard library: this request ends, nothing else
    spdlog::error("control verb {}: {}", request.verb, error.what());
    return encode_error({ErrorCode::io, std::string("failed inside: ") + error.what()});
  }
}

bool has_verb(std::string_view name) {
  return std::any_of(kVerbs.begin(), kVerbs.end(), [name](const Verb& verb) { return verb.name == name; });
}

Now read_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

Result<void> record(Call& call, std::string what, std::string subject, boost::json::object details,
                    GenerationNumber number) {
  AuditEntry entry{call.who, std::move(what), std::move(subject), call.arguments.text("reason"), std::move(details)};
  return call.services.audit.append(entry, number, read_clocks().wall);
}

Result<void> record_in_turn(Call& call, const std::string& what, const std::string& subject,
                            boost::json::object details) {
  const auto recorded =
      call.services.writer.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore&) -> Result<GenerationNumber> {
        const auto current = call.services.generations.current();
        if (!current) return current.error();
        const GenerationNumber number = (*current)->number();
        if (auto done = record(call, what, subject, std::move(details), number); !done) return done.error();
        return number;
      });
  if (!recorded) return recorded.error();
  return {};
}

boost::json::value parsed_or(const std::string& text, const boost::json::value& fallback) {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (error) return fallback;
  return value;
}

boost::json::value time_or_null(std::int64_t seconds) {
  if (seconds == 0) return nullptr;
  return boost::json::value(format_time(WallTime(std::chrono::seconds(seconds))));
}

void tell_resolver(const Services& services, boost::json::object& out) {
  const auto told = services.resolver.load_generation();
  out["in_force"] = told.has_value();
  if (!told) out["resolver_error"] = told.error().message;
}

}  // namespace weir::sidecar
