#include "tools/sidecar/clickhouse_answers.h"

#include <boost/json.hpp>

#include "tools/log/row_text.h"
#include "tools/sidecar/shown_name.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

json::value number_or_null(std::uint64_t number) {
  return number == 0 ? json::value(nullptr) : json::value(number);
}

// The element `at` of an array of texts.
std::string text_in(const json::object& row, std::string_view key, std::size_t at) {
  const json::value* texts = row.if_contains(key);
  if (texts == nullptr || !texts->is_array() || at >= texts->get_array().size()) return {};
  return sinks::text_of_row({{"text", texts->get_array()[at]}}, "text");
}

json::array show_losers(const json::object& row) {
  json::array out;
  const json::value* lists = row.if_contains("loser_lists");
  const std::size_t count = lists != nullptr && lists->is_array() ? lists->get_array().size() : 0;
  for (std::size_t i = 0; i < count; ++i) {
    json::object loser{{"list", text_in(row, "loser_lists", i)}};
    put_name(loser, "pattern", text_in(row, "loser_patterns", i));
    loser["kind"] = text_in(row, "loser_kinds", i);
    loser["action"] = text_in(row, "loser_actions", i);
    out.push_back(std::move(loser));
  }
  return out;
}

// With the members of a row of the log (log_rows.cc), and the machine that it comes from.
json::object show_row(const json::object& row) {
  const auto text = [&](std::string_view key) { return sinks::text_of_row(row, key); };
  json::object out{{"time", log::time_text(static_cast<std::int64_t>(sinks::number_of_row(row, "time_ms")))},
                   {"class", text("class")}};
  put_name(out, "name", text("name"));
  out["type"] = text("type");
  out["client"] = text("client");
  out["group"] = text("client_group");
  out["list"] = text("list");
  put_name(out, "pattern", text("pattern"));
  for (const char* key : {"action", "mode", "link"}) out[key] = text(key);
  put_name(out, "link_name", text("link_name"));
  if (const std::string referring = text("referring"); !referring.empty()) put_name(out, "referring", referring);
  out["generation"] = sinks::number_of_row(row, "generation");
  out["import"] = number_or_null(sinks::number_of_row(row, "import"));
  out["line"] = number_or_null(sinks::number_of_row(row, "line"));
  out["latency_us"] = sinks::number_of_row(row, "latency_us");
  out["transport"] = text("transport");
  out["losers"] = show_losers(row);
  out["node"] = text("node");
  return out;
}

class ClickHouseAnswers final : public LogAnswerer {
 public:
  ClickHouseAnswers(const Call& call, const SinkConfig& sink)
      : name_("clickhouse:" + sink.name), log_(open_clickhouse_log(call, sink)) {}
  bool is_own() const override { return false; }
  std::string name() const override { return name_; }

  Result<LogPage> search(const Question& question, const log::SearchRequest& range,
                         const std::string& cursor) override {
    if (!question.asks_decisions()) {
      return Error{ErrorCode::invalid, "a sink is sent decisions alone: " + question.row_class +
                                           " are in the log of each machine, asked without a source"};
    }
    std::optional<sinks::ClickHousePosition> after;
    if (!cursor.empty()) {
      const auto position = sinks::ClickHousePosition::parse(cursor);
      if (!position) return position.error();
      after = *position;
    }
    LogPage page;
    std::size_t octets = 0;
    const auto end = log_.search(question.filter, range, after, [&](const json::object& row) {
      json::object shown = show_row(row);
      octets += json::serialize(shown).size() + 1;
      if (octets > kMaxReplyOctets) return false;
      page.newest_first.push_back(std::move(shown));
      return true;
    });
    if (!end) return end.error();
    page.complete = end->complete;
    if (end->next) page.next = end->next->to_text();
    return page;
  }
  Result<log::Top> top(const Question& question, const log::TopRequest& request) override {
    return log_.top(question.filter, request);
  }
  Result<log::Timeline> timeline(const Question& question, const log::TimelineRequest& request) override {
    if (!question.asks_decisions())
      return Error{ErrorCode::invalid, "a sink is sent decisions alone: " + question.row_class + " have no timeline"};
    return log_.timeline(question.filter, request);
  }
  std::string note(const Question&) const override { return {}; }

 private:
  const std::string name_;
  sinks::ClickHouseLog log_;
};

}  // namespace

std::unique_ptr<LogAnswerer> make_clickhouse_answers(const Call& call, const SinkConfig& sink) {
  return std::make_unique<ClickHouseAnswers>(call, sink);
}

sinks::ClickHouseLog open_clickhouse_log(const Call& call, const SinkConfig& sink) {
  return sinks::ClickHouseLog(
      sink, [&call] { return call.services.stop.load(std::memory_order_relaxed) || call.responder.is_gone(); });
}

}  // namespace weir::sidecar
