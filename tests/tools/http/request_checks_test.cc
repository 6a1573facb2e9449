#include "tools/http/request_checks.h"

#include <gtest/gtest.h>

namespace weir::http::request_checks_test {
namespace {

Request request(std::vector<Field> fields) {
  Request out;
  out.method = "GET";
  out.target = "/";
  out.fields = std::move(fields);
  return out;
}

TEST(RequestChecks, OnlyNamesOfOursAreAnswered) {
  const IpAddress loopback = *IpAddress::parse("127.0.0.1");
  const IpAddress loopback6 = *IpAddress::parse("::1");
  const IpAddress outside = *IpAddress::parse("192.0.2.1");
  const std::vector<std::string> hosts = {"weir.example"};
  const struct {
    const char* host;
    IpAddress local;
    unsigned status;  // 0: not refused
  } rows[] = {
      {"127.0.0.1", loopback, 0},
      {"127.0.0.1:8053", loopback, 0},
      {"127.0.0.1:1", loopback, 0},
      {"localhost:8053", loopback, 0},
      {"LOCALHOST.", loopback, 0},
      {"[::1]:8053", loopback6, 0},
      {"localhost", loopback6, 0},
      {"192.0.2.1", outside, 0},
      {"weir.example", outside, 0},
      {"Weir.Example:443", loopback, 0},
      {"localhost", outside, 421},
      {"127.0.0.1", outside, 421},
      {"192.0.2.2", outside, 421},
      {"127.0.0.2", loopback, 421},
      {"attacker.example", loopback, 421},
      {"attacker.example:8053", loopback, 421},
      {"weir.example.attacker.example", loopback, 421},
      {"127.0.0.1.attacker.example", loopback, 421},
      {"localhost:8053@attacker.example", loopback, 421},
      {"user@localhost", loopback, 421},
      {"", loopback, 421},
      {":8053", loopback, 421},
      {"[::1", loopback6, 421},
      {"::1", loopback6, 421},
      {"localhost:80x", loopback, 421},
      {"localhost:1234567", loopback, 421},
  };
  for (const auto& row : rows) {
    const auto refused = refuse_host(request({{"host", row.host}}), row.local, hosts);
    EXPECT_EQ(refused ? refused->status : 0, row.status) << row.host;
  }
  EXPECT_EQ(refuse_host(request({}), loopback, {})->status, 400U);
  EXPECT_EQ(refuse_host(request({{"host", "localhost"}, {"host", "localhost"}}), loopback, {})->status, 400U);
}

TEST(RequestChecks, PagesOfOtherSitesAreRefused) {
  const struct {
    std::vector<Field> fields;
    bool data;  // refused as data
    bool page;  // refused as a page
  } rows[] = {
      {{}, false, false},
      {{{"origin", "http://localhost:8053"}}, false, false},
      {{{"origin", "https://LOCALHOST:8053"}}, false, false},
      {{{"sec-fetch-site", "same-origin"}}, false, false},
      {{{"sec-fetch-site", "none"}}, false, false},
      {{{"origin", "null"}}, true, true},
      {{{"origin", ""}}, true, true},
      {{{"origin", "http://localhost"}}, true, true},
      {{{"origin", "http://attacker.example"}}, true, true},
      {{{"origin", "http://localhost:8053.attacker.example"}}, true, true},
      {{{"origin", "http://localhost:8053"}, {"origin", "http://attacker.example"}}, true, true},
      {{{"sec-fetch-site", "cross-site"}}, true, true},
      {{{"sec-fetch-site", "same-site"}}, true, true},
      {{{"sec-fetch-site", "anything"}}, true, true},
      {{{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "no-cors"}}, true, true},
      {{{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}}, true, false},
  };
  for (const auto& row : rows) {
    std::vector<Field> fields = row.fields;
    fields.push_back({"host", "localhost:8053"});
    const std::string shown = row.fields.empty() ? "" : row.fields[0].name + ": " + row.fields[0].value;
    EXPECT_EQ(refuse_origin(request(fields), Asked::data).has_value(), row.data) << shown;
    EXPECT_EQ(refuse_origin(request(fields), Asked::page).has_value(), row.page) << shown;
  }
}

}  // namespace
}  // namespace weir::http::request_checks_test
