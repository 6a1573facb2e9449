#include "resolver/server/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <thread>

namespace weir::metrics_test {
namespace {

// The samples of a Prometheus text, by "name{labels}".
std::map<std::string, std::string> samples(const std::string& text) {
  std::map<std::string, std::string> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#")) continue;
    const auto space = line.rfind(' ');
    EXPECT_NE(space, std::string::npos) << line;
    EXPECT_TRUE(found.emplace(line.substr(0, space), line.substr(space + 1)).second) << "twice: " << line;
  }
  return found;
}

TEST(Metrics, TableFollowsTheRulesOfPrometheus) {
  std::set<std::string_view> ended;
  std::string_view before;
  for (const MetricRow& row : metric_table()) {
    EXPECT_TRUE(row.name.starts_with("weir_") || row.name.starts_with("process_")) << row.name;
    for (const char c : row.name) EXPECT_TRUE((c >= 'a' && c <= 'z') || c == '_') << row.name;
    EXPECT_EQ(row.type == MetricType::counter, row.name.ends_with("_total")) << row.name;
    EXPECT_FALSE(row.help.empty()) << row.name;
    EXPECT_EQ(row.help.find_first_of("\n\\"), std::string_view::npos) << row.name;
    if (row.name != before) {
      EXPECT_TRUE(ended.insert(row.name).second) << "rows of one name must stand together: " << row.name;
    }
    before = row.name;
  }
  EXPECT_EQ(metric_table().size(), kMetricCount);
}

TEST(Metrics, WorkersAreAddedUpOrTheWorstOfThemTaken) {
  WorkerMetrics first;
  WorkerMetrics second;
  first.add(Metric::queries_udp, 5);
  second.add(Metric::queries_udp, 7);
  first.answered(Rcode::nxdomain);
  second.answered(Rcode::nxdomain);
  second.answered(Rcode::badvers);
  first.raise_to(Metric::longest_turn_us, 800);
  first.raise_to(Metric::longest_turn_us, 300);
  second.raise_to(Metric::longest_turn_us, 450);
  first.add(metric_of(Limit::upstream_packets), 3);
  second.add(metric_of(Limit::upstream_packets), 4);
  second.add(metric_of(Limit::lame_zones_per_server));
  first.set(Metric::tcp_connections, 2);
  second.set(Metric::tcp_connections, 3);
  const WorkerMetrics* workers[] = {&first, &second};
  const Figure process[] = {{Metric::generation, 12}, {Metric::cpu_seconds, 0.25}};
  const auto found = samples(prometheus_text(gather(workers, process)));
  EXPECT_EQ(found.size(), kMetricCount);
  const std::pair<const char*, const char*> rows[] = {
      {R"(weir_queries_total{transport="udp"})", "12"},
      {R"(weir_queries_total{transport="tcp"})", "0"},
      {R"(weir_answers_total{rcode="nxdomain"})", "2"},
      {R"(weir_answers_total{rcode="other"})", "1"},
      {"weir_worker_longest_turn_microseconds", "800"},
      {R"(weir_limits_reached_total{limit="upstream_packets"})", "7"},
      {R"(weir_limits_reached_total{limit="upstream_octets"})", "0"},
      {R"(weir_limits_reached_total{limit="lame_zones_per_server"})", "1"},
      {"weir_tcp_connections", "5"},
      {"weir_generation", "12"},
      {"process_cpu_seconds_total", "0.25"},
  };
  for (const auto& [name, value] : rows) {
    ASSERT_TRUE(found.contains(name)) << name;
    EXPECT_EQ(found.at(name), value) << name;
  }
}

TEST(Metrics, TextBeginsEachNameOnceWithHelpAndType) {
  const std::string text = prometheus_text(gather({}, {}));
  const std::string expected =
      "# HELP weir_queries_total Queries received.\n"
      "# TYPE weir_queries_total counter\n"
      "weir_queries_total{transport=\"udp\"} 0\n"
      "weir_queries_total{transport=\"tcp\"} 0\n"
      "# HELP weir_answers_total ";
  EXPECT_EQ(text.substr(0, expected.size()), expected);
  EXPECT_TRUE(text.ends_with("\n"));
}

TEST(Metrics, LargeCountersStayWhole) {
  WorkerMetrics metrics;
  metrics.add(Metric::queries_udp, 123456789012345);
  const WorkerMetrics* workers[] = {&metrics};
  EXPECT_EQ(samples(prometheus_text(gather(workers, {}))).at(R"(weir_queries_total{transport="udp"})"),
            "123456789012345");
}

TEST(Metrics, AreReadWhileTheyAreWritten) {
  WorkerMetrics metrics;
  const WorkerMetrics* workers[] = {&metrics};
  std::thread writer([&] {
    for (int i = 0; i < 100000; ++i) metrics.add(Metric::cached);
  });
  double last = 0;
  while (last < 100000) {
    const double now = gather(workers, {})[static_cast<std::size_t>(Metric::cached)];
    ASSERT_GE(now, last);
    last = now;
  }
  writer.join();
}

TEST(Metrics, ProcessKnowsItsMemoryAndTime) {
  const auto figures = process_figures();
  ASSERT_EQ(figures.size(), 2u);
  EXPECT_EQ(figures[0].metric, Metric::resident_bytes);
  EXPECT_GT(figures[0].value, 100 * 1024);
  EXPECT_EQ(figures[1].metric, Metric::cpu_seconds);
  EXPECT_GT(figures[1].value, 0);
}

}  // namespace
}  // namespace weir::metrics_test
