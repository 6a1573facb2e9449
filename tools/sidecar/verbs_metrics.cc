// metrics: what Prometheus reads, of the sidecar and, behind it, of the resolver where that runs.
#include <cmath>

#include "tools/sidecar/list_age.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

// A label's value (Prometheus' text format): names of lists are plain, but nothing else is to be had by a bad one.
std::string label(std::string_view text) {
  std::string out;
  for (const char c : escape_for_display(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return '"' + out + '"';
}

class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += "# HELP " + name_ + ' ' + std::string(help) + "\n# TYPE " + name_ + ' ' + std::string(type) + '\n';
  }
  void put(double value, const std::string& labels = {}) {
    const bool is_whole = std::floor(value) == value && std::abs(value) < 1e15;
    text_ += name_ + labels + ' ' +
             (is_whole ? std::to_string(static_cast<std::int64_t>(value)) : std::to_string(value)) + '\n';
  }
  void add(const std::string& text) { text_ += text; }
  std::string text() && { return std::move(text_); }

 private:
  std::string name_;
  std::string text_;
};

void put_lists(Page& page, const Services& services) {
  struct Figure {
    const char* name;
    const char* help;
    double (*of)(const ListState&);
  };
  static constexpr Figure kFigures[] = {
      {"weir_list_rules", "Rules of a list that are in force.",
       [](const ListState& state) { return static_cast<double>(state.rules); }},
      {"weir_list_imported_timestamp_seconds", "When a list last brought something new; 0: never.",
       [](const ListState& state) { return static_cast<double>(state.imported_s); }},
      {"weir_list_checked_timestamp_seconds", "When a list's source last answered well; 0: never.",
       [](const ListState& state) { return static_cast<double>(state.checked_s); }},
      {"weir_list_failures", "Attempts in a row that brought nothing.",
       [](const ListState& state) { return static_cast<double>(state.failures); }},
      {"weir_list_held", "Whether a guard holds a new version back.",
       [](const ListState& state) { return state.held.sha256.empty() ? 0.0 : 1.0; }}};
  const auto config = services.config();
  for (const Figure& figure : kFigures) {
    page.family(figure.name, "gauge", figure.help);
    for (const ListConfig& list : config->lists) {
      page.put(figure.of(services.states.get(list.definition.name)), "{list=" + label(list.definition.name) + "}");
    }
  }
  const WallTime now = read_clocks().wall;
  const auto label_of = [](const ListConfig& list) { return "{list=" + label(list.definition.name) + "}"; };
  page.family("weir_list_age_seconds", "gauge", "Since a list last loaded; absent where it never did.");
  for (const ListConfig& list : config->lists) {
    const ListAge age = age_of(services.states.get(list.definition.name), list.every, now);
    if (age.age) page.put(static_cast<double>(age.age->count()), label_of(list));
  }
  page.family("weir_list_stale", "gauge", "Whether a list has not loaded for three of its intervals.");
  for (const ListConfig& list : config->lists)
    page.put(age_of(services.states.get(list.definition.name), list.every, now).is_stale ? 1 : 0, label_of(list));
  page.family("weir_list_interval_seconds", "gauge", "How often a list is asked for.");
  for (const ListConfig& list : config->lists)
    page.put(std::chrono::duration<double>(list.every).count(), label_of(list));
}

void put_sinks(Page& page, const sinks::Sinks& sinks) {
  struct Figure {
    const char* name;
    const char* type;
    const char* help;
    std::uint64_t (*of)(const sinks::SinkState&);
  };
  static constexpr Figure kFigures[] = {
      {"weir_sink_sent_total", "counter", "Decisions that a sink has taken.",
       [](const sinks::SinkState& sink) { return sink.totals.sent; }},
      {"weir_sink_dropped_total", "counter", "Decisions that a sink never gets: its spool was full.",
       [](const sinks::SinkState& sink) { return sink.totals.dropped; }},
      {"weir_sink_failures_total", "counter", "Attempts to bring decisions to a sink that failed.",
       [](const sinks::SinkState& sink) { return sink.progress.failures; }},
      {"weir_sink_waiting", "gauge", "Decisions that wait for a sink.",
       [](const sinks::SinkState& sink) { return sink.totals.waiting; }},
      {"weir_sink_spool_bytes", "gauge", "Disk that a sink's spool takes.",
       [](const sinks::SinkState& sink) { return sink.totals.bytes; }},
      {"weir_sink_up", "gauge", "Whether the last attempt to bring decisions to a sink went well.",
       [](const sinks::SinkState& sink) { return std::uint64_t{sink.progress.error.empty()}; }}};
  const std::vector<sinks::SinkState> states = sinks.states();
  for (const Figure& figure : kFigures) {
    page.family(figure.name, figure.type, figure.help);
    for (const sinks::SinkState& sink : states)
      page.put(static_cast<double>(figure.of(sink)), "{sink=" + label(sink.name) + "}");
  }
}

}  // namespace

VerbResult show_metrics(Call& call) {
  if (!call.arguments.ok()) return call.arguments.error();
  const Services& services = call.services;
  Page page;
  page.family("weir_sidecar_start_timestamp_seconds", "gauge", "When the sidecar was started.");
  page.put(std::floor(std::chrono::duration<double>(services.started.time_since_epoch()).count()));
  if (const auto generation = services.generations.current()) {
    page.family("weir_sidecar_generation", "gauge", "Number of the newest published policy generation.");
    page.put(static_cast<double>((*generation)->number().value));
  }
  put_lists(page, services);
  const log::LogTotals totals = services.log.totals();
  page.family("weir_log_bytes", "gauge", "Disk that the decision log takes.");
  page.put(static_cast<double>(totals.bytes));
  page.family("weir_log_rows", "gauge", "Rows that the decision log holds.");
  page.put(static_cast<double>(totals.rows));
  page.family("weir_log_dropped_total", "counter", "Decisions that were lost before they were in the log.");
  page.put(static_cast<double>(totals.dropped));
  if (services.sinks != nullptr) put_sinks(page, *services.sinks);
  if (services.api != nullptr) page.add(services.api->metrics());
  if (services.self_service != nullptr) page.add(services.self_service->metrics());
  if (services.requests != nullptr) {
    page.family("weir_requests_open", "gauge", "Requests of filtered people that wait for an answer.");
    page.put(static_cast<double>(services.requests->open()));
  }
  const auto resolver = services.resolver.metrics();
  page.family("weir_resolver_reachable", "gauge", "Whether the resolver answers over its control socket.");
  page.put(resolver ? 1 : 0);
  if (resolver) page.add(*resolver);
  return json::object{{"text", std::move(page).text()}};
}

}  // namespace weir::sidecar
