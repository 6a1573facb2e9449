// status, reload.
#include <unistd.h>

#include <algorithm>

#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"
#include "zones/base/version.h"
#include "zones/store/files.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

// Why it was published: stands beside its files, not in its database.
std::string reason_of(const std::filesystem::path& store_directory, GenerationNumber number) {
  const auto info = store::read_generation_info(store::generation_path(store_directory, number));
  return info ? info->record.reason : std::string();
}

json::object describe(const Generation& generation, const std::filesystem::path& store_directory) {
  return {{"number", generation.number().value},
          {"names_epoch", generation.names_epoch().value},
          {"fingerprint", generation.fingerprint()},
          {"published", format_time(generation.published_at())},
          {"reason", escape_for_display(reason_of(store_directory, generation.number()))},
          {"rules", generation.rule_count()}};
}

}  // namespace

json::array describe_restarts(const std::vector<PendingRestart>& pending) {
  json::array out;
  for (const auto& [daemon, keys] : pending) {
    if (!keys.empty()) out.push_back(json::object{{"daemon", daemon}, {"keys", json::value_from(keys)}});
  }
  return out;
}

VerbResult show_status(Call& call) {
  const Services& services = call.services;
  json::object out{{"version", version()}, {"pid", ::getpid()}, {"started", format_time(services.started)}};
  const auto config = services.config();
  const auto generation = services.generations.current();
  out["generation"] = generation ? json::value(describe(**generation, config->store.path)) : json::value(nullptr);
  if (!generation) out["generation_error"] = generation.error().message;
  json::array lists;
  for (const ListConfig& list : config->lists) {
    lists.push_back(describe_list(services, list, generation ? generation->get() : nullptr));
  }
  out["lists"] = std::move(lists);
  out["pinned"] = services.writer.pinned();
  if (auto overlays = show_overlays(call)) out["overlays"] = std::move((*overlays)["overlays"]);
  const auto resolver = services.resolver.status();
  out["resolver"] = {{"reachable", resolver.has_value()}, {"generation", resolver ? resolver->generation.value : 0}};
  out["needs_restart"] = describe_restarts(
      {{kResolverName, resolver ? resolver->needs_restart : std::vector<std::string>()},
       {kSidecarName, services.keys_for_restart ? services.keys_for_restart() : std::vector<std::string>()}});
  if (services.api != nullptr) {
    const http::Service::State api = services.api->state();
    out["api"] = {{"urls", json::value_from(api.urls)}, {"fault", api.fault}};
  }
  if (services.requests != nullptr) out["requests_open"] = services.requests->open();
  const log::LogTotals totals = services.log.totals();
  out["log"] = {{"bytes", totals.bytes},
                {"rows", totals.rows},
                {"oldest", totals.oldest ? json::value(format_time(*totals.oldest)) : json::value(nullptr)},
                {"dropped", totals.dropped}};
  if (services.sinks != nullptr) out["sinks"] = describe_sinks(*services.sinks);
  return out;
}

VerbResult reload(Call& call) {
  const std::string why = call.arguments.text("reason");
  if (!call.arguments.ok()) return call.arguments.error();
  const auto report = call.services.reload(call.who, why);
  if (!report) return report.error();
  json::object out{{"generation", report->generation.value},
                   {"lists_added", json::value_from(report->lists_added)},
                   {"lists_removed", json::value_from(report->lists_removed)},
                   {"needs_restart", describe_restarts(report->needs_restart)}};
  if (!report->resolver_fault.empty()) out["resolver_fault"] = report->resolver_fault;
  tell_resolver(call.services, out);
  return out;
}

}  // namespace weir::sidecar
