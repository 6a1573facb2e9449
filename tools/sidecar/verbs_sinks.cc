// sink.show.
#include <vector>

#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

json::object describe_sink(const sinks::SinkState& sink) {
  const auto time = [](WallTime moment) {
    return moment == WallTime() ? json::value(nullptr) : json::value(format_time(moment));
  };
  return {{"name", sink.name},
          {"kind", sink.kind},
          {"to", sink.to},
          {"up", sink.progress.error.empty()},
          {"sent", sink.totals.sent},
          {"waiting", sink.totals.waiting},
          {"spool_bytes", sink.totals.bytes},
          {"spool_bound_bytes", sink.spool_bytes},
          {"dropped", sink.totals.dropped},
          {"failures", sink.progress.failures},
          {"fault", sink.progress.error},
          {"failing_since", time(sink.progress.failing_since)},
          {"last_error", sink.progress.last_error},
          {"last_error_at", time(sink.progress.error_at)},
          {"last_sent_at", time(sink.progress.sent_at)}};
}

Error no_sink(const std::string& name, const std::vector<sinks::SinkState>& states) {
  std::vector<std::string_view> known;
  for (const sinks::SinkState& sink : states) known.emplace_back(sink.name);
  const std::string_view near = nearest(name, known);
  return {ErrorCode::not_found, "no sink \"" + escape_for_display(name) + "\" in the configuration" +
                                    (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?")};
}

}  // namespace

json::array describe_sinks(const sinks::Sinks& sinks) {
  json::array out;
  for (const sinks::SinkState& sink : sinks.states()) out.push_back(describe_sink(sink));
  return out;
}

VerbResult show_sinks(Call& call) {
  const std::string name = call.arguments.text("name");
  if (!call.arguments.ok()) return call.arguments.error();
  const auto states = call.services.sinks != nullptr ? call.services.sinks->states() : std::vector<sinks::SinkState>();
  json::array shown;
  for (const sinks::SinkState& sink : states) {
    if (name.empty() || sink.name == name) shown.push_back(describe_sink(sink));
  }
  if (!name.empty() && shown.empty()) return no_sink(name, states);
  return json::object{{"sinks", std::move(shown)}};
}

}  // namespace weir::sidecar
