#include "tools/sidecar/log_answerer.h"

#include "tools/sidecar/clickhouse_answers.h"
#include "tools/sidecar/own_log.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

constexpr std::string_view kClickHouse = "clickhouse";

Error no_source(const std::string& source) {
  return {ErrorCode::invalid, "'" + escape_for_display(source) +
                                  "' is no source of a log: expected clickhouse, or clickhouse:NAME of a sink"};
}

Error no_such_sink(const std::string& name, const Config& config) {
  std::vector<std::string_view> known;
  for (const SinkConfig& sink : config.sinks) {
    if (sink.kind == SinkConfig::Kind::clickhouse) known.emplace_back(sink.name);
    if (sink.name == name)
      return {ErrorCode::invalid, "sink \"" + escape_for_display(name) + "\" is of another kind than clickhouse"};
  }
  const std::string_view near = nearest(name, known);
  return {ErrorCode::not_found, "no sink \"" + escape_for_display(name) + "\" in the configuration" +
                                    (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?")};
}

}  // namespace

Result<std::optional<SinkConfig>> named_source(Call& call) {
  const std::string source = call.arguments.text("source");
  const std::uint64_t smallest_group = call.arguments.number("smallest_group", 1);
  if (!call.arguments.ok()) return call.arguments.error();
  if (source.empty()) return std::optional<SinkConfig>();
  if (call.responder.audience() == Audience::analyst)
    return Error{ErrorCode::permission, "another source than the log of this machine is for administrators alone"};
  if (smallest_group > 1)
    return Error{ErrorCode::invalid,
                 "\"smallest_group\" is of the log of this machine alone, not of another \"source\""};
  const std::size_t colon = source.find(':');
  const std::string name = colon == std::string::npos ? std::string() : source.substr(colon + 1);
  if (source.substr(0, colon) != kClickHouse || (colon != std::string::npos && name.empty())) return no_source(source);
  const auto config = call.services.config();
  for (const SinkConfig& sink : config->sinks) {
    if (sink.kind == SinkConfig::Kind::clickhouse && (name.empty() || sink.name == name))
      return std::optional<SinkConfig>(sink);
  }
  if (!name.empty()) return no_such_sink(name, *config);
  return Error{ErrorCode::not_found, "no [[sink]] of the configuration is of kind clickhouse"};
}

Result<std::unique_ptr<LogAnswerer>> find_answerer(Call& call) {
  const auto sink = named_source(call);
  if (!sink) return sink.error();
  return *sink ? make_clickhouse_answers(call, **sink) : make_own_log(call);
}

}  // namespace weir::sidecar
