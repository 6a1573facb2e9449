// Every endpoint x {no token, a wrong one, analyst, admin} x {right Host, wrong Host, foreign Origin}, and what is made
// of requests and verbs.
#include "tools/http/api.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/scratch_folder.h"
#include "tools/http/openapi.h"
#include "tools/http/static_files.h"

namespace weir::http::api_test {
namespace {

namespace json = boost::json;

// The least role of each endpoint, written down a second time: one that is new, or that opened itself to others, fails.
const std::map<std::string, Role> kRoles = {
    {"GET /api/v1/openapi.json", Role::none},
    {"GET /api/v1/session", Role::analyst},
    {"GET /api/v1/status", Role::analyst},
    {"POST /api/v1/reload", Role::admin},
    {"GET /api/v1/metrics", Role::analyst},
    {"GET /api/v1/lists", Role::analyst},
    {"GET /api/v1/lists/{name}", Role::analyst},
    {"GET /api/v1/lists/{name}/history", Role::analyst},
    {"GET /api/v1/lists/{name}/diff", Role::analyst},
    {"GET /api/v1/lists/{name}/report", Role::analyst},
    {"POST /api/v1/lists/{name}/update", Role::admin},
    {"POST /api/v1/lists/{name}/approve", Role::admin},
    {"POST /api/v1/lists/{name}/rollback", Role::admin},
    {"GET /api/v1/rules", Role::analyst},
    {"POST /api/v1/rules", Role::admin},
    {"DELETE /api/v1/rules", Role::admin},
    {"GET /api/v1/overlays", Role::analyst},
    {"POST /api/v1/overlays/allow", Role::admin},
    {"POST /api/v1/overlays/pause", Role::admin},
    {"DELETE /api/v1/overlays/{id}", Role::admin},
    {"GET /api/v1/requests", Role::admin},
    {"POST /api/v1/requests/{id}/accept", Role::admin},
    {"POST /api/v1/requests/{id}/refuse", Role::admin},
    {"GET /api/v1/explain", Role::analyst},
    {"GET /api/v1/generations", Role::analyst},
    {"GET /api/v1/generations/fingerprint", Role::analyst},
    {"POST /api/v1/generations/{number}/rollback", Role::admin},
    {"GET /api/v1/policies", Role::analyst},
    {"GET /api/v1/zones", Role::analyst},
    {"GET /api/v1/sinks", Role::analyst},
    {"GET /api/v1/sinks/{name}", Role::analyst},
    {"GET /api/v1/audit", Role::analyst},
    {"GET /api/v1/audit/verify", Role::analyst},
    {"GET /api/v1/what-if", Role::admin},
    {"POST /api/v1/what-if", Role::admin},
    {"DELETE /api/v1/what-if", Role::admin},
    {"GET /api/v1/log/search", Role::analyst},
    {"GET /api/v1/log/tail", Role::analyst},
    {"GET /api/v1/log/top", Role::analyst},
    {"GET /api/v1/log/timeline", Role::analyst},
    {"GET /api/v1/log/totals", Role::analyst},
    {"GET /api/v1/log/export", Role::analyst},
    {"POST /api/v1/log/sql", Role::admin},
    {"GET /api/v1/log/verify", Role::admin},
    {"GET /api/v1/log/privacy-check", Role::admin},
    {"POST /api/v1/log/forget", Role::admin},
};

class Recorded final : public Stream {
 public:
  bool begin(const Response& head) override {
    type = head.type;
    return there;
  }
  bool send_piece(std::string_view piece) override {
    pieces += piece;
    return there;
  }
  bool is_there() override { return there; }

  std::string type, pieces;
  bool there = true;
};

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() : tokens_(scratch_ / "") {
    admin_ = *tokens_.add("alice", Role::admin, std::nullopt, now_.wall);
    analyst_ = *tokens_.add("bob", Role::analyst, std::nullopt, now_.wall);
  }

  Request make(const std::string& method, const std::string& target, const std::string& token = {},
               const std::string& body = {}) {
    Request out;
    out.method = method;
    out.target = target;
    out.fields.push_back({"host", "127.0.0.1:8053"});
    if (!token.empty()) out.fields.push_back({"authorization", "Bearer " + token});
    if (!body.empty() || method == "POST") out.fields.push_back({"content-type", "application/json"});
    out.body = body;
    return out;
  }
  Response answer(const Request& request) {
    now_.steady += std::chrono::seconds(1);  // wrong tokens are limited; that has a test of its own
    return api_.answer(request, caller_, now_, stream_);
  }

  const test::ScratchFolder scratch_;
  Now now_{SteadyTime{}, WallTime(std::chrono::seconds(1'790'000'000))};
  Caller caller_{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("127.0.0.1")};
  Tokens tokens_;
  std::string admin_, analyst_;
  Recorded stream_;
  std::vector<ControlRequest> asked_;
  std::string reply_ = encode_result(json::object{{"text", "x 1\n"}});
  Api api_{[] { return std::vector<std::string>{"weir.example"}; }, tokens_,
           [this](const ControlRequest& request, Responder&) {
             asked_.push_back(request);
             return reply_;
           }};
};

// A request that the route takes.
struct Sample {
  std::string target;
  std::string body;
};

Sample sample_of(const Route& route) {
  Sample out{std::string(route.path), {}};
  json::object body;
  std::string query;
  for (const Parameter& parameter : route.parameters) {
    const std::string value = parameter.kind == ParameterKind::number ? "7"
                              : parameter.kind == ParameterKind::flag ? "true"
                                                                      : "a1";
    const std::string in_path = "{" + std::string(parameter.name) + "}";
    if (const auto at = out.target.find(in_path); at != std::string::npos) {
      out.target.replace(at, in_path.size(), value);
    } else if (route.method != "POST") {
      query += (query.empty() ? "?" : "&") + std::string(parameter.name) + "=" + value;
    } else if (parameter.kind == ParameterKind::number) {
      body[parameter.name] = 7;
    } else if (parameter.kind == ParameterKind::flag) {
      body[parameter.name] = true;
    } else if (parameter.kind == ParameterKind::texts) {
      body[parameter.name] = json::array{"a1"};
    } else {
      body[parameter.name] = value;
    }
  }
  out.target += query;
  if (route.method == "POST") out.body = json::serialize(body);
  return out;
}

TEST_F(ApiTest, EveryEndpointByRoleHostAndOrigin) {
  std::set<std::string> seen;
  for (const Route& route : routes()) {
    const std::string name = std::string(route.method) + ' ' + std::string(route.path);
    SCOPED_TRACE(name);
    seen.insert(name);
    const auto row = kRoles.find(name);
    ASSERT_NE(row, kRoles.end()) << "a new endpoint: who may use it?";
    EXPECT_EQ(route.role, row->second);
    const Sample sample = sample_of(route);
    const std::string wrong = std::string(kTokenPrefix) + std::string(64, 'a');
    const struct {
      std::string token;
      Role role;
      unsigned without;  // status where the role does not do
    } callers[] = {
        {"", Role::none, 401}, {wrong, Role::none, 401}, {analyst_, Role::analyst, 403}, {admin_, Role::admin, 403}};
    for (const auto& caller : callers) {
      const unsigned expected = caller.role >= row->second ? 200 : caller.without;
      asked_.clear();
      const Response good = answer(make(std::string(route.method), sample.target, caller.token, sample.body));
      EXPECT_EQ(good.status, expected) << good.body;
      EXPECT_EQ(asked_.size(), expected == 200 && !route.verb.empty() ? 1U : 0U);
      if (!asked_.empty()) {
        EXPECT_EQ(asked_[0].verb, route.verb);
        EXPECT_EQ(asked_[0].who, caller.role == Role::admin ? "api:alice" : "api:bob");
      }
      asked_.clear();
      Request elsewhere = make(std::string(route.method), sample.target, caller.token, sample.body);
      elsewhere.fields[0].value = "attacker.example";
      EXPECT_EQ(answer(elsewhere).status, 421U);
      Request foreign = make(std::string(route.method), sample.target, caller.token, sample.body);
      foreign.fields.push_back({"origin", "http://attacker.example"});
      EXPECT_EQ(answer(foreign).status, 403U);
      Request beside = make(std::string(route.method), sample.target, caller.token, sample.body);
      beside.fields.push_back({"sec-fetch-site", "same-site"});
      EXPECT_EQ(answer(beside).status, 403U);
      EXPECT_TRUE(asked_.empty());
    }
  }
  EXPECT_EQ(seen.size(), kRoles.size());
}

TEST_F(ApiTest, MethodsThatAPathDoesNotHaveAreTold) {
  for (const Route& route : routes()) {
    const Sample sample = sample_of(route);
    const std::string path = sample.target.substr(0, sample.target.find('?'));
    for (const char* method : {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "X"}) {
      const auto found = find_route(method, *parse_target(path));
      if (found.route != nullptr) continue;
      const Response response = answer(make(method, path, admin_));
      EXPECT_EQ(response.status, 405U) << method << ' ' << path;
      ASSERT_EQ(response.fields.size(), 1U);
      EXPECT_EQ(response.fields[0].name, "Allow");
      EXPECT_NE(response.fields[0].value.find(route.method), std::string::npos);
    }
  }
}

TEST_F(ApiTest, OnlyWhatTheTableHasBecomesAnArgument) {
  const struct {
    const char* method;
    const char* target;
    const char* body;
    unsigned status;
    const char* expected;  // of the arguments, or of the error
  } rows[] = {
      {"GET", "/api/v1/explain?name=a.example&name=b&client=192.0.2.1", "", 200,
       R"({"names":["a.example","b"],"client":"192.0.2.1"})"},
      {"GET", "/api/v1/explain?name=a&follow=true", "", 200, R"({"names":["a"],"follow":true})"},
      {"GET", "/api/v1/lists/ads/diff?from=1&to=2", "", 200, R"({"name":"ads","from":1,"to":2})"},
      {"GET", "/api/v1/log/search?limit=5&class=blocked&since=2h", "", 200,
       R"({"limit":5,"class":"blocked","since":"2h"})"},
      {"POST", "/api/v1/lists/ads/rollback", R"({"import": 3, "reason": "x"})", 200,
       R"({"name":"ads","import":3,"reason":"x"})"},
      {"POST", "/api/v1/overlays/allow",
       R"({"name": "a", "seconds": 60, "reason": "r", "groups": ["kids"], "exact": null})", 200,
       R"({"name":"a","seconds":60,"reason":"r","groups":["kids"]})"},
      {"POST", "/api/v1/reload", "", 200, "{}"},
      {"DELETE", "/api/v1/overlays/a1?reason=x", "", 200, R"({"id":"a1","reason":"x"})"},
      {"GET", "/api/v1/explain", "", 400, R"(\"name\" must be given)"},
      {"GET", "/api/v1/explain?nam=a", "", 400, R"(did you mean \"name\"?)"},
      {"GET", "/api/v1/explain?name=a&follow=1", "", 400, "true or false"},
      {"GET", "/api/v1/explain?name=a&type=A&type=AAAA", "", 400, "given twice"},
      {"GET", "/api/v1/log/search?limit=-1", "", 400, "a number"},
      {"GET", "/api/v1/log/search?limit=99999999999999999999", "", 400, "a number"},
      {"GET", "/api/v1/log/search?limit=", "", 400, "a number"},
      {"GET", "/api/v1/status?token=weir_abc", "", 400, "belongs into the field Authorization"},
      {"GET", "/api/v1/status?access_token=weir_abc", "", 400, "belongs into the field Authorization"},
      {"GET", "/api/v1/lists/ads?name=b", "", 400, "unknown parameter"},
      {"GET", "/api/v1/status", "{}", 400, "has no body"},
      {"DELETE", "/api/v1/overlays/a1", "{}", 400, "has no body"},
      {"POST", "/api/v1/reload?reason=x", "{}", 400, "JSON object"},
      {"POST", "/api/v1/reload", "[]", 400, "JSON object"},
      {"POST", "/api/v1/reload", "{", 400, "no JSON"},
      {"POST", "/api/v1/reload", "{\"reason\": \"\xff\"}", 400, "no JSON"},
      {"POST", "/api/v1/reload", R"({"reason": 7})", 400, "a text"},
      {"POST", "/api/v1/reload", R"({"why": "x"})", 400, "unknown parameter"},
      {"POST", "/api/v1/lists/ads/rollback", R"({"import": 3, "name": "other"})", 400, "unknown parameter"},
      {"POST", "/api/v1/lists/ads/rollback", R"({"import": -3})", 400, "a number"},
      {"POST", "/api/v1/lists/ads/rollback", R"({"import": "3"})", 400, "a number"},
      {"POST", "/api/v1/generations/x/rollback", "{}", 400, "a number"},
      {"POST", "/api/v1/overlays/pause", R"({"seconds": 1, "reason": "r", "clients": [1]})", 400, "array of texts"},
      {"GET", "/api/v1/lists/..", "", 400, "another place"},
      {"GET", "/api/v1/nothing", "", 404, "nothing here"},
      {"GET", "/api", "", 404, "nothing here"},
      {"GET", "/api/v2/status", "", 404, "nothing here"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.method) + ' ' + row.target + ' ' + row.body);
    asked_.clear();
    const Response response = answer(make(row.method, row.target, admin_, row.body));
    EXPECT_EQ(response.status, row.status) << response.body;
    if (row.status == 200) {
      ASSERT_EQ(asked_.size(), 1U);
      EXPECT_EQ(asked_[0].arguments, row.expected);
    } else {
      EXPECT_TRUE(asked_.empty());
      EXPECT_NE(response.body.find(row.expected), std::string::npos) << response.body;
      EXPECT_EQ(response.body.find("weir_abc"), std::string::npos);
    }
  }
}

TEST_F(ApiTest, DeepJsonIsRefused) {
  const std::string deep = "{\"reason\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_EQ(answer(make("POST", "/api/v1/reload", admin_, deep)).status, 400U);
}

TEST_F(ApiTest, ABodyThatAFormCouldSendIsRefused) {
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json",
                           "text/plain; application/json"}) {
    Request request = make("POST", "/api/v1/reload", admin_, "{}");
    request.fields.back().value = type;
    EXPECT_EQ(answer(request).status, 415U) << type;
  }
  Request with_charset = make("POST", "/api/v1/reload", admin_, "{}");
  with_charset.fields.back().value = "Application/JSON; charset=utf-8";
  EXPECT_EQ(answer(with_charset).status, 200U);
}

TEST_F(ApiTest, TokensAreReadFromOneFieldAlone) {
  for (const char* field : {"Basic YTpi", "Bearer", "Bearer ", "bearer", "Token x"}) {
    Request request = make("GET", "/api/v1/session");
    request.fields.push_back({"authorization", field});
    EXPECT_EQ(answer(request).status, 401U) << field;
  }
  Request twice = make("GET", "/api/v1/session", admin_);
  twice.fields.push_back({"authorization", "Bearer " + admin_});
  EXPECT_EQ(answer(twice).status, 401U);
  Request cookie = make("GET", "/api/v1/session");
  cookie.fields.push_back({"cookie", "token=" + admin_});
  EXPECT_EQ(answer(cookie).status, 401U);
  Request lower = make("GET", "/api/v1/session");
  lower.fields.push_back({"authorization", "bearer  " + admin_});
  const Response response = answer(lower);
  EXPECT_EQ(response.status, 200U);
  EXPECT_NE(response.body.find(R"("name":"alice","role":"admin","until":null)"), std::string::npos) << response.body;
}

TEST_F(ApiTest, WrongTokensAreSlowedDownAndLockNobodyOut) {
  std::map<unsigned, unsigned> statuses;
  const std::string wrong = std::string(kTokenPrefix) + std::string(64, 'b');
  for (int i = 0; i < 1000; ++i) {
    now_.steady += std::chrono::milliseconds(1);
    const Response response = api_.answer(make("GET", "/api/v1/status", wrong), caller_, now_, stream_);
    ++statuses[response.status];
    if (response.status == 429) {
      EXPECT_TRUE(response.ends_connection);
      EXPECT_EQ(response.fields.at(0).name, "Retry-After");
    }
  }
  EXPECT_GE(statuses[401], 10U);
  EXPECT_LE(statuses[401], 21U);
  EXPECT_EQ(statuses[401] + statuses[429], 1000U);
  EXPECT_EQ(api_.answer(make("GET", "/api/v1/status", admin_), caller_, now_, stream_).status, 200U);
  EXPECT_NE(api_.metrics().find("weir_api_wrong_tokens_total 1000\n"), std::string::npos) << api_.metrics();
}

TEST_F(ApiTest, ErrorsOfVerbsHaveAStatus) {
  const std::pair<ErrorCode, unsigned> rows[] = {{ErrorCode::invalid, 400},
                                                 {ErrorCode::not_found, 404},
                                                 {ErrorCode::exists, 409},
                                                 {ErrorCode::corrupt, 500},
                                                 {ErrorCode::incompatible, 409},
                                                 {ErrorCode::permission, 403},
                                                 {ErrorCode::unavailable, 503},
                                                 {ErrorCode::too_large, 400},
                                                 {ErrorCode::timed_out, 504},
                                                 {ErrorCode::busy, 409},
                                                 {ErrorCode::io, 500}};
  for (const auto& [code, status] : rows) {
    reply_ = encode_error({code, "<img src=x onerror=alert(1)>\n\"quoted\""});
    const Response response = answer(make("GET", "/api/v1/status", admin_));
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.type, "application/json");
    const json::value parsed = json::parse(response.body);
    EXPECT_EQ(parsed.at("error").at("code").as_string(), to_text(code));
    EXPECT_EQ(parsed.at("error").at("message").as_string(), "<img src=x onerror=alert(1)>\n\"quoted\"");
  }
  reply_ = "no reply";
  EXPECT_EQ(answer(make("GET", "/api/v1/status", admin_)).status, 500U);
}

TEST_F(ApiTest, MetricsAreText) {
  const Response response = answer(make("GET", "/api/v1/metrics", analyst_));
  EXPECT_EQ(response.body, "x 1\n");
  EXPECT_TRUE(response.type.starts_with("text/plain; version=0.0.4"));
}

TEST_F(ApiTest, AStreamIsLinesOfJson) {
  Api api([] { return std::vector<std::string>(); }, tokens_,
          [](const ControlRequest& request, Responder& responder) {
            if (request.arguments != "{}") return encode_error({ErrorCode::invalid, "bad filter"});
            EXPECT_FALSE(responder.is_gone());
            EXPECT_TRUE(responder.progress(encode_progress(json::object{{"name", "a.example"}})));
            EXPECT_TRUE(responder.progress(encode_progress(json::object{{"name", "b.example"}})));
            return encode_result(json::object{{"missed", 3}});
          });
  const Response last = api.answer(make("GET", "/api/v1/log/tail", analyst_), caller_, now_, stream_);
  EXPECT_EQ(stream_.type, "application/jsonl");
  EXPECT_EQ(stream_.pieces, "{\"name\":\"a.example\"}\n{\"name\":\"b.example\"}\n");
  EXPECT_EQ(last.body, "{\"end\":{\"missed\":3}}\n");
  Recorded refused;
  EXPECT_EQ(api.answer(make("GET", "/api/v1/log/tail?list=x", analyst_), caller_, now_, refused).status, 400U);
  EXPECT_EQ(refused.type, "");
}

TEST_F(ApiTest, WhatTakesLongSaysHowFarItIsToWhoTakesLines) {
  Api api([] { return std::vector<std::string>(); }, tokens_,
          [](const ControlRequest& request, Responder& responder) {
            if (request.arguments.find("unchanged") != std::string::npos)
              return encode_result(json::object{{"changed", false}});
            EXPECT_TRUE(responder.progress(encode_progress(json::object{{"phase", "fetching"}})));
            if (request.arguments.find("held") != std::string::npos)
              return encode_error({ErrorCode::invalid, "the new version is held"});
            return encode_result(json::object{{"changed", true}});
          });
  const struct {
    const char* list;
    const char* accept;  // nullptr: not said
    unsigned status;
    const char* type;  // of the stream; empty: there is none
    const char* pieces;
    const char* last;
  } rows[] = {
      {"ads", nullptr, 200, "", "", R"({"changed":true})"},
      {"ads", "application/json", 200, "", "", R"({"changed":true})"},
      {"held", "application/json", 400, "", "", R"("message":"the new version is held")"},
      {"ads", "application/JSONL, application/json", 200, "application/jsonl", "{\"phase\":\"fetching\"}\n",
       R"({"end":{"changed":true}})"},
      {"held", "application/jsonl", 500, "application/jsonl", "{\"phase\":\"fetching\"}\n",
       R"({"error":{"code":"invalid","message":"the new version is held"}})"},
      // Nothing was said before its end: then it has a status of its own.
      {"unchanged", "application/jsonl", 200, "", "", R"({"changed":false})"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(std::string(row.list) + ' ' + (row.accept != nullptr ? row.accept : ""));
    Recorded stream;
    Request request = make("POST", "/api/v1/lists/" + std::string(row.list) + "/update", admin_, "{}");
    if (row.accept != nullptr) request.fields.push_back({"accept", row.accept});
    const Response last = api.answer(request, caller_, now_, stream);
    if (*row.type == 0) {
      EXPECT_EQ(last.status, row.status);
    }
    EXPECT_EQ(stream.type, row.type);
    EXPECT_EQ(stream.pieces, row.pieces);
    EXPECT_NE(last.body.find(row.last), std::string::npos) << last.body;
  }
  // What is no such verb answers as it always does.
  Recorded stream;
  Request request = make("POST", "/api/v1/lists/ads/rollback", admin_, R"({"import": 3})");
  request.fields.push_back({"accept", "application/jsonl"});
  EXPECT_EQ(api.answer(request, caller_, now_, stream).body, "{\"changed\":true}\n");
  EXPECT_EQ(stream.type, "");
}

TEST_F(ApiTest, AVerbKnowsWhoReadsItsAnswer) {
  std::vector<Audience> seen;
  Api api([] { return std::vector<std::string>(); }, tokens_,
          [&](const ControlRequest&, Responder& responder) {
            seen.push_back(responder.audience());
            return encode_result(json::object{});
          });
  for (const std::string& token : {analyst_, admin_}) {
    api.answer(make("GET", "/api/v1/log/search", token), caller_, now_, stream_);
    api.answer(make("GET", "/api/v1/log/tail", token), caller_, now_, stream_);
  }
  EXPECT_EQ(seen, (std::vector<Audience>{Audience::analyst, Audience::analyst, Audience::administrator,
                                         Audience::administrator}));
}

TEST_F(ApiTest, AStreamEndsWithItsClient) {
  unsigned turns = 0;
  Api api([] { return std::vector<std::string>(); }, tokens_,
          [&](const ControlRequest&, Responder& responder) {
            while (!responder.is_gone()) {
              if (++turns == 5) stream_.there = false;
            }
            return encode_result(json::object{});
          });
  api.answer(make("GET", "/api/v1/log/tail", analyst_), caller_, now_, stream_);
  EXPECT_EQ(turns, 5U);
}

TEST_F(ApiTest, TheConsoleIsOpenAndHoldsNoData) {
  for (const char* path : {"/", "/lists", "/why?name=a.example", "/index.html"}) {
    const Response response = answer(make("GET", path));
    EXPECT_EQ(response.status, 200U) << path;
    EXPECT_EQ(response.type, "text/html; charset=utf-8");
    EXPECT_EQ(response.cache, "no-cache");
  }
  EXPECT_TRUE(answer(make("HEAD", "/")).without_body);
  for (const char* path : {"/etc", "/index.html/x", "/api.html", "/favicon.ico", "/console"})
    EXPECT_EQ(answer(make("GET", path)).status, 404U) << path;
  EXPECT_EQ(answer(make("POST", "/")).status, 405U);
  EXPECT_EQ(answer(make("GET", "/../etc/passwd")).status, 400U);
  Request linked = make("GET", "/lists");
  linked.fields.push_back({"sec-fetch-site", "cross-site"});
  linked.fields.push_back({"sec-fetch-mode", "navigate"});
  EXPECT_EQ(answer(linked).status, 200U);
  for (const StaticFile& file : console_files()) {
    EXPECT_NE(type_of_file(file.path), "application/octet-stream") << file.path;
    EXPECT_EQ(file.text.find("style=\""), std::string_view::npos) << file.path << ": the policy refuses inline styles";
  }
}

TEST_F(ApiTest, TheDescriptionHasEveryRouteWithItsParameters) {
  const json::value parsed = json::parse(describe_api());
  std::size_t operations = 0;
  for (const auto& path : parsed.at("paths").as_object()) operations += path.value().as_object().size();
  EXPECT_EQ(operations, routes().size());
  std::set<std::string> ids;
  for (const Route& route : routes()) {
    SCOPED_TRACE(std::string(route.path));
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const json::object& described = parsed.at("paths").at(route.path).at(method).as_object();
    EXPECT_TRUE(ids.insert(std::string(described.at("operationId").as_string())).second);
    EXPECT_EQ(described.at("x-role").as_string(), to_text(route.role));
    std::size_t parameters = 0;
    if (const auto* list = described.if_contains("parameters")) parameters += list->as_array().size();
    if (const auto* body = described.if_contains("requestBody")) {
      parameters += body->at("content").at("application/json").at("schema").at("properties").as_object().size();
    }
    EXPECT_EQ(parameters, route.parameters.size());
    EXPECT_FALSE(route.summary.empty() || route.returns.empty());
    for (const Parameter& parameter : route.parameters) EXPECT_FALSE(parameter.meaning.empty()) << parameter.name;
  }
}

TEST(ResponseHead, ProtectsEveryAnswerAndCannotBeSplit) {
  const std::string head = write_head(make_error(404, "not_found", "x"), Framing::length, After::close,
                                      WallTime(std::chrono::seconds(784111777)));
  for (const char* line :
       {"HTTP/1.1 404 Not Found\r\n", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "Content-Type: application/json\r\n",
        "Cache-Control: no-store\r\n", "Connection: close\r\n", "default-src 'self'", "frame-ancestors 'none'",
        "X-Content-Type-Options: nosniff\r\n", "Referrer-Policy: no-referrer\r\n"}) {
    EXPECT_NE(head.find(line), std::string::npos) << line;
  }
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  EXPECT_EQ(head.find("\r\n\r\n"), head.size() - 4);
}

}  // namespace
}  // namespace weir::http::api_test
