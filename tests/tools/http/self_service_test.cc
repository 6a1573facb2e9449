#include "tools/http/self_service.h"

#include <gtest/gtest.h>

#include <optional>

#include "tools/http/self_service_page.h"

namespace weir::http::self_service_test {
namespace {

namespace json = boost::json;

class NoStream final : public Stream {
 public:
  bool begin(const Response&) override { return false; }
  bool send_piece(std::string_view) override { return false; }
  bool is_there() override { return true; }
};

class SelfServiceTest : public ::testing::Test {
 protected:
  Request make(const std::string& method, const std::string& target, const std::string& body = {},
               const std::string& type = "application/x-www-form-urlencoded") {
    Request out;
    out.method = method;
    out.target = target;
    out.fields.push_back({"host", "192.0.2.53:8054"});
    if (!body.empty()) out.fields.push_back({"content-type", type});
    out.body = body;
    return out;
  }
  Response answer(const Request& request, const char* from = "192.0.2.7") {
    NoStream stream;
    return page_.answer(request, {*IpAddress::parse(from), *IpAddress::parse("192.0.2.53")}, {}, stream);
  }

  std::vector<std::pair<std::string, Complaint>> complaints_;
  std::vector<std::string> asked_;
  std::optional<Error> failure_;
  SelfService page_{[] { return std::vector<std::string>{"filter.example"}; },
                    {[this](const IpAddress& client) -> Result<json::object> {
                       asked_.push_back(client.to_text());
                       if (failure_) return *failure_;
                       return json::object{
                           {"client", client.to_text()},
                           {"minutes", 10},
                           {"contact", "the <b>admin</b>"},
                           {"rows", json::array{json::object{{"time", "2026-07-06T00:40:32.123Z"},
                                                             {"name", "<script>alert(1)</script>.example."},
                                                             {"count", 3},
                                                             {"outcome", "blocked"},
                                                             {"is_blocked", true},
                                                             {"may_complain", true},
                                                             {"list", "ads\"onload=\"x"},
                                                             {"rule", "a&b"}}}},
                           {"requests", json::array{}}};
                     },
                     [this](const IpAddress& client, const Complaint& complaint) -> Result<json::object> {
                       if (failure_) return *failure_;
                       complaints_.emplace_back(client.to_text(), complaint);
                       return json::object{{"id", "r1"}};
                     }}};
};

TEST_F(SelfServiceTest, ShowsWhoAsksWhatItsOwnAddressHas) {
  const Response page = answer(make("GET", "/"));
  EXPECT_EQ(page.status, 200U);
  EXPECT_EQ(page.type, "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("192.0.2.7"), std::string::npos);
  EXPECT_NE(page.body.find("3 times"), std::string::npos);
  // Whatever a request says of where it comes from.
  Request proxied = make("GET", "/decisions.json?client=192.0.2.8");
  for (const char* name : {"x-forwarded-for", "forwarded", "x-real-ip", "client-ip"})
    proxied.fields.push_back({name, "192.0.2.8"});
  EXPECT_EQ(json::parse(answer(proxied).body).at("client").as_string(), "192.0.2.7");
  EXPECT_EQ(asked_, (std::vector<std::string>{"192.0.2.7", "192.0.2.7"}));
}

TEST_F(SelfServiceTest, WritesNothingOfOthersAsHtml) {
  const Response page = answer(make("GET", "/"));
  for (const char* bad : {"<script", "<b>admin", "onload=\"x"})
    EXPECT_EQ(page.body.find(bad), std::string::npos) << bad;
  EXPECT_NE(page.body.find("&lt;script&gt;"), std::string::npos);
  const std::string head = write_head(page, Framing::length, After::keep, {});
  EXPECT_NE(head.find("form-action 'self'"), std::string::npos);
  EXPECT_NE(head.find("Referrer-Policy: same-origin"), std::string::npos) << "or forms come with Origin: null";
  EXPECT_EQ(escape_html("a\x1b<'\"&"), "a\\x1B&lt;&#39;&quot;&amp;");
}

TEST_F(SelfServiceTest, AnswersByTableOfRoutes) {
  const struct {
    const char* method;
    const char* target;
    unsigned status;
  } rows[] = {{"GET", "/", 200},
              {"HEAD", "/", 200},
              {"GET", "/decisions.json", 200},
              {"GET", "/console.css", 200},
              {"GET", "/icon.svg", 200},
              {"GET", "/app.js", 404},
              {"GET", "/api/v1/status", 404},
              {"GET", "/wrong", 405},
              {"POST", "/", 405},
              {"DELETE", "/wrong", 405},
              {"GET", "/../etc", 400},
              {"POST", "/wrong", 415}};
  for (const auto& row : rows) EXPECT_EQ(answer(make(row.method, row.target)).status, row.status) << row.target;
  EXPECT_NE(page_.metrics().find("weir_self_service_requests_total{code=\"2xx\"} 5\n"), std::string::npos);
}

TEST_F(SelfServiceTest, TakesAComplaintFromItsOwnPageAlone) {
  const std::string form = "name=ads.example.&remark=it+is+%C3%BC";
  EXPECT_EQ(answer(make("POST", "/wrong", form)).status, 200U);
  ASSERT_EQ(complaints_.size(), 1U);
  EXPECT_EQ(complaints_[0].first, "192.0.2.7");
  EXPECT_EQ(complaints_[0].second.name, "ads.example.");
  EXPECT_EQ(complaints_[0].second.remark, "it is ü");
  EXPECT_EQ(answer(make("POST", "/wrong", R"({"name":"ads.example."})", "application/json")).status, 200U);

  const struct {
    const char* field;
    const char* value;
    unsigned status;
  } rows[] = {{"origin", "http://192.0.2.53:8054", 200},
              {"origin", "http://evil.example", 403},
              {"origin", "null", 403},
              {"sec-fetch-site", "cross-site", 403},
              {"sec-fetch-site", "same-origin", 200}};
  for (const auto& row : rows) {
    Request request = make("POST", "/wrong", form);
    request.fields.push_back({row.field, row.value});
    EXPECT_EQ(answer(request).status, row.status) << row.field << ' ' << row.value;
  }
  for (const char* host : {"evil.example", "192.0.2.54"}) {
    Request request = make("GET", "/");
    request.fields[0].value = host;
    EXPECT_EQ(answer(request).status, 421U) << host;
  }
  Request named = make("GET", "/");
  named.fields[0].value = "filter.example";
  EXPECT_EQ(answer(named).status, 200U);
  for (const char* bad : {"remark=x", "name=%4", "name=%ff", "name=", "x"})
    EXPECT_EQ(answer(make("POST", "/wrong", bad)).status, 400U) << bad;
  EXPECT_EQ(answer(make("POST", "/wrong", "name=a&remark=" + std::string(kMaxRemark + 1, 'x'))).status, 400U);
  for (const char* bad : {"[]", "{", R"({"name":1})"})
    EXPECT_EQ(answer(make("POST", "/wrong", bad, "application/json")).status, 400U) << bad;
  EXPECT_EQ(answer(make("POST", "/wrong", "name=a", "text/plain")).status, 415U);
}

TEST_F(SelfServiceTest, SaysWhyThereIsNothing) {
  const struct {
    ErrorCode code;
    unsigned status;
    bool is_told;
  } rows[] = {{ErrorCode::permission, 403, true},   {ErrorCode::busy, 429, true},
              {ErrorCode::not_found, 404, true},    {ErrorCode::io, 500, false},
              {ErrorCode::unavailable, 503, false}, {ErrorCode::corrupt, 500, false}};
  for (const auto& row : rows) {
    failure_ = Error{row.code, "why <it> is so"};
    const Response page = answer(make("GET", "/"));
    EXPECT_EQ(page.status, row.status);
    EXPECT_EQ(page.body.find("why &lt;it&gt; is so") != std::string::npos, row.is_told);
    EXPECT_EQ(answer(make("GET", "/decisions.json")).status, row.status);
    EXPECT_EQ(answer(make("POST", "/wrong", "name=a")).status, row.status);
  }
}

}  // namespace
}  // namespace weir::http::self_service_test
