// The statements that questions become: each filter, which table, and whatever people may type.
#include "tools/sinks/clickhouse_questions.h"

#include <gtest/gtest.h>

#include "tools/sinks/clickhouse_client.h"

namespace weir::sinks::clickhouse_questions_test {
namespace {

using log::Dimension;
using log::LogFilter;

constexpr std::int64_t kHour = 1'783'285'200'000;  // a whole one

LogFilter filter_with(const std::function<void(LogFilter&)>& set) {
  LogFilter filter;
  set(filter);
  return filter;
}

// What stands between WHERE and ORDER BY of a search.
std::string conditions(const LogFilter& filter, const RowsWanted& wanted = {}) {
  const std::string sql = rows_statement(filter, wanted);
  const std::size_t begin = sql.find(" WHERE ");
  const std::size_t end = sql.rfind(
      " ORDER BY time_ms DESC, writer DESC, batch DESC, row DESC LIMIT 1 BY time_ms, writer, batch, row LIMIT ");
  EXPECT_NE(end, std::string::npos) << sql;
  EXPECT_NE(sql.find(" FROM decisions"), std::string::npos) << sql;
  return begin == std::string::npos ? std::string() : sql.substr(begin + 7, end - begin - 7);
}

TEST(ClickHouseQuestions, EachFilterIsACondition) {
  const std::string kOdd = R"('(^|[^\\\\])(\\\\\\\\)*\\\\$')";
  const struct {
    const char* what;
    std::function<void(LogFilter&)> set;
    std::string expected;
  } kRows[] = {
      {"nothing", [](LogFilter&) {}, ""},
      {"class", [](LogFilter& f) { f.decision_class = DecisionClass::would_block; }, "class = 'would_block'"},
      {"list", [](LogFilter& f) { f.list = "ads"; }, "list = 'ads'"},
      {"group", [](LogFilter& f) { f.group = "kids"; }, "client_group = 'kids'"},
      {"type", [](LogFilter& f) { f.type = *parse_record_type("TYPE65280"); }, "type = 'TYPE65280'"},
      {"root", [](LogFilter& f) { f.name = Name(); }, ""},
      {"name", [](LogFilter& f) { f.name = *Name::parse("Ads.Example"); },
       "(lower(name) = 'ads.example' OR (endsWith(lower(name), '.ads.example') AND NOT match(substring(name, 1, "
       "length(name) - 12), " +
           kOdd + ")))"},
      {"text", [](LogFilter& f) { f.text = "100%_a"; }, "position(lower(name), '100%_a') > 0"},
      {"text of no plain octets", [](LogFilter& f) { f.text = ".a\\b.\n."; },
       R"(position(lower(name), '.a\\\\b.\\010.') > 0)"},
      {"address", [](LogFilter& f) { f.client = *Prefix::parse("192.0.2.7"); },
       "client IN ('192.0.2.7', '192.0.2.0/24')"},
      {"IPv6 address", [](LogFilter& f) { f.client = *Prefix::parse("2001:db8::7"); },
       "client IN ('2001:db8::7', '2001:db8::/56')"},
      {"prefix", [](LogFilter& f) { f.client = *Prefix::parse("192.0.2.128/25"); },
       "(client IN ('192.0.2.0/24') OR (extract(client, '^([0-9.]+)(?:/[0-9]+)?$') != '' AND "
       "IPv4StringToNum(if(extract(client, '^([0-9.]+)(?:/[0-9]+)?$') = '', '0.0.0.0', extract(client, "
       "'^([0-9.]+)(?:/[0-9]+)?$'))) >= IPv4StringToNum('192.0.2.128') AND IPv4StringToNum(if(extract(client, "
       "'^([0-9.]+)(?:/[0-9]+)?$') = '', '0.0.0.0', extract(client, '^([0-9.]+)(?:/[0-9]+)?$'))) <= "
       "IPv4StringToNum('192.0.2.255')))"},
      {"pseudonym", [](LogFilter& f) { f.pseudonym = 0x12; }, "client = 'p-0000000000000012'"},
      {"two", [](LogFilter& f) { f.list = f.group = "a"; }, "list = 'a' AND client_group = 'a'"},
  };
  for (const auto& row : kRows) EXPECT_EQ(conditions(filter_with(row.set)), row.expected) << row.what;
}

TEST(ClickHouseQuestions, TimesAndPagesAreBounds) {
  EXPECT_EQ(conditions({}, {1'500, 2'500, {}, 5}),
            "time >= toDateTime(1) AND time_ms >= 1500 AND time <= toDateTime(2) AND time_ms < 2500");
  EXPECT_EQ(conditions({}, {0, 1'000'000'000'000'000, {}, 5}),
            "time <= toDateTime(4294967295) AND time_ms < 1000000000000000");
  const ClickHousePosition position{-5, UINT64_MAX, 2, 3};
  EXPECT_EQ(conditions({}, {0, INT64_MAX, position, 5}),
            "(time_ms, writer, batch, row) < (-5, 18446744073709551615, 2, 3)");
  EXPECT_EQ(position, *ClickHousePosition::parse(position.to_text()));
  for (const char* bad : {"", "c", "1.2.3", "c1.2.3", "c1.2.3.4.", "c1.2.3.4 ", "c1.2.3.-4",
                          "c1.2.3.99999999999999999999", "c1.2.3.4' OR 1"})
    EXPECT_EQ(ClickHousePosition::parse(bad).error().code, ErrorCode::invalid) << bad;
}

// A literal as ClickHouse reads one: what it means, and where it ends.
std::optional<std::string> read_literal(std::string_view sql) {
  std::string out;
  for (std::size_t at = 1; at < sql.size(); ++at) {
    if (sql[at] == '\'') return at + 1 == sql.size() ? std::optional(out) : std::nullopt;
    if (sql[at] == '\0') return std::nullopt;
    if (sql[at] == '\\' && ++at == sql.size()) return std::nullopt;
    out += sql[at - 1] == '\\' && sql[at] == '0' ? '\0' : sql[at];
  }
  return std::nullopt;
}

TEST(ClickHouseQuestions, WhateverIsTypedStaysInItsLiteral) {
  const std::string kHostile[] = {"'",
                                  "\\",
                                  "\\'",
                                  "' OR 1 --",
                                  "\\\\' OR 1 --",
                                  "%",
                                  "_",
                                  "\n",
                                  "*/",
                                  "a\\",
                                  std::string("a\0' OR 1", 8),
                                  "\xFF\xFE'",
                                  "\u202E'",
                                  "`",
                                  ";DROP TABLE decisions",
                                  "''"};
  for (const std::string& text : kHostile) {
    EXPECT_EQ(read_literal(quote_text(text)), text);
    const std::string of_text = conditions(filter_with([&](LogFilter& f) { f.text = text; }));
    ASSERT_TRUE(of_text.starts_with("position(lower(name), '") && of_text.ends_with("') > 0")) << of_text;
    EXPECT_TRUE(read_literal(std::string_view(of_text).substr(22, of_text.size() - 27))) << of_text;
    EXPECT_EQ(conditions(filter_with([&](LogFilter& f) { f.list = text; })), "list = " + quote_text(text));
    EXPECT_EQ(conditions(filter_with([&](LogFilter& f) { f.group = text; })), "client_group = " + quote_text(text));
  }
  const auto name = Name::parse(R"(a'\\b\000.example)");
  ASSERT_TRUE(name);
  EXPECT_TRUE(conditions(filter_with([&](LogFilter& f) {
                f.name = *name;
              })).starts_with(R"((lower(name) = 'a\'\\\\b\\000.example' OR (endsWith(lower(name), )"));
}

TEST(ClickHouseQuestions, SumsComeFromTheRollupsWhereThoseKnowThem) {
  const auto of_class = filter_with([](LogFilter& f) { f.decision_class = DecisionClass::blocked; });
  const auto of_list = filter_with([](LogFilter& f) { f.list = "ads"; });
  const auto of_type = filter_with([](LogFilter& f) { f.type = RecordType::a; });
  const struct {
    Dimension by;
    LogFilter filter;
    std::int64_t since_ms;
    std::int64_t until_ms;
    std::uint32_t min_clients;
    const char* table;
  } kTops[] = {{Dimension::domain, of_class, kHour, INT64_MAX, 0, "domain_hours"},
               {Dimension::domain, of_class, kHour, kHour * 2, 0, "domain_hours"},
               {Dimension::domain, of_class, kHour + 60'000, INT64_MAX, 0, "decisions"},
               {Dimension::domain, of_class, kHour, kHour + 60'000, 0, "decisions"},
               {Dimension::domain, of_list, kHour, INT64_MAX, 0, "decisions"},
               {Dimension::domain, of_class, kHour, INT64_MAX, 2, "decisions"},
               {Dimension::list, of_class, kHour + 60'000, INT64_MAX, 0, "minutes"},
               {Dimension::category, of_list, kHour, INT64_MAX, 0, "minutes"},
               {Dimension::group, of_list, kHour, INT64_MAX, 0, "minutes"},
               {Dimension::decision_class, {}, 0, INT64_MAX, 0, "minutes"},
               {Dimension::list, of_type, kHour, INT64_MAX, 0, "decisions"},
               {Dimension::list, {}, kHour + 1, INT64_MAX, 0, "decisions"},
               {Dimension::name, {}, kHour, INT64_MAX, 0, "decisions"},
               {Dimension::client, {}, kHour, INT64_MAX, 0, "decisions"},
               {Dimension::type, {}, kHour, INT64_MAX, 0, "decisions"}};
  for (const auto& row : kTops) {
    log::TopRequest request;
    request.by = row.by;
    request.range.since_ms = row.since_ms;
    request.range.until_ms = row.until_ms;
    request.min_clients = row.min_clients;
    const std::string sql = top_statement(row.filter, request);
    EXPECT_NE(sql.find(std::string(" FROM ") + row.table + " FINAL"), std::string::npos) << sql;
  }
  log::TimelineRequest request;
  request.range.since_ms = kHour;
  request.by = Dimension::group;
  EXPECT_EQ(
      timeline_statement(of_list, request, 7),
      "SELECT intDiv(toInt64(toUInt32(minute)), 3600) * 3600 AS slot, client_group AS item, sum(decisions) AS found "
      "FROM minutes FINAL WHERE minute >= toDateTime(1783285200) AND list = 'ads' GROUP BY slot, item ORDER BY slot, "
      "item LIMIT 7 FORMAT JSONEachRow");
  request.by = std::nullopt;
  request.step_ms = 60'000;
  EXPECT_EQ(
      timeline_statement(of_type, request, 7),
      "SELECT intDiv(intDiv(time_ms, 1000), 60) * 60 AS slot, '' AS item, count() AS found FROM decisions FINAL WHERE "
      "time >= toDateTime(1783285200) AND time_ms >= 1783285200000 AND type = 'A' GROUP BY slot, item ORDER BY slot, "
      "item LIMIT 7 FORMAT JSONEachRow");
}

TEST(ClickHouseQuestions, WhatFewClientsMetIsOneRowOfTheTop) {
  log::TopRequest request;
  request.limit = 3;
  request.min_clients = 4;
  EXPECT_EQ(
      top_statement({}, request),
      "SELECT if(is_hidden, '', item) AS shown, is_hidden AS hidden, sum(number) AS found, count() AS items FROM "
      "(SELECT "
      "lower(name) AS item, count() AS number, uniqExactIf(client, client != '') < 4 AS is_hidden FROM decisions FINAL "
      "GROUP BY item) GROUP BY shown, hidden WITH TOTALS ORDER BY hidden DESC, found DESC, shown LIMIT 4 FORMAT JSON");
}

}  // namespace
}  // namespace weir::sinks::clickhouse_questions_test
