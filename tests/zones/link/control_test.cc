#include "zones/link/control.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <random>

#include "zones/link/match_json.h"

namespace weir::control_test {
namespace {

TEST(Control, RequestsComeBackAsTheyWereSent) {
  const ControlRequest rows[] = {
      {"status", "{}", ""},
      {"list.update", R"({"name":"ads","dry_run":true})", "alice"},
      {"explain", R"({"names":["a.example","b.example"],"client":"192.0.2.1"})", "bob \"the\" \n builder"},
      {"rule.add", R"({"pattern":"b\u00fccher.example"})", "\u00e9"},
  };
  for (const auto& row : rows) {
    const std::string line = encode_request(row);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
    const auto back = decode_request(line);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->verb, row.verb);
    EXPECT_EQ(boost::json::parse(back->arguments), boost::json::parse(row.arguments));
    EXPECT_EQ(back->who, row.who);
  }
}

TEST(Control, MatchesComeBackAsTheyWereSent) {
  Match match;
  match.list = 4'294'967'295;
  match.detail = 7;
  match.kind = PatternKind::ns_address;
  match.action = Action::answer;
  match.labels = 128;
  match.flags = Match::kImportant | Match::kException;
  const auto back = match_from_json(boost::json::parse(boost::json::serialize(match_to_json(match))));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, match);
  for (const char* bad : {"null", "[]", "[1,0,0,1,2]", "[1,0,9,1,2,0]", "[1,0,0,11,2,0]", "[1,0,0,1,256,0]",
                          "[-1,0,0,1,2,0]", "[4294967296,0,0,1,2,0]", "[\"1\",0,0,1,2,0]"}) {
    EXPECT_FALSE(match_from_json(boost::json::parse(bad))) << bad;
  }
}

TEST(Control, AbsentArgumentsAreAnEmptyObject) {
  const auto request = decode_request(R"({"verb":"status"})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->arguments, "{}");
  EXPECT_EQ(request->who, "");
  EXPECT_EQ(decode_request(encode_request({"status", "", ""}))->arguments, "{}");
}

TEST(Control, BadRequestsSayWhatIsWrong) {
  struct Row {
    std::string line;
    const char* expected;
  };
  const Row rows[] = {
      {"", "JSON"},
      {"status", "JSON"},
      {"[]", "object"},
      {"{}", "verb"},
      {R"({"verb":7})", "verb"},
      {R"({"verb":""})", "verb"},
      {R"({"verb":"status","args":[]})", "args"},
      {R"({"verb":"status","args":null})", "args"},
      {R"({"verb":"status","who":1})", "who"},
      {R"({"verb":"status","whom":"x"})", "whom"},
      {"{\"verb\":\"sta\xFFtus\"}", "JSON"},
      {R"({"verb":"status"} x)", "JSON"},
      {std::string(100000, '['), "JSON"},
      {encode_request({"status", "{not json", ""}), "args"},
  };
  for (const auto& row : rows) {
    const auto request = decode_request(row.line);
    ASSERT_FALSE(request) << row.line.substr(0, 80);
    EXPECT_EQ(request.error().code, ErrorCode::invalid);
    EXPECT_NE(request.error().message.find(row.expected), std::string::npos)
        << row.line.substr(0, 80) << ": " << request.error().message;
  }
  const auto large = decode_request(std::string(kMaxControlLine + 1, ' '));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::too_large);
}

TEST(Control, RepliesComeBackAsTheyWereSent) {
  const auto result = decode_reply(encode_result({{"rules", 3}}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->kind, ControlReply::Kind::result);
  EXPECT_EQ(result->body, R"({"rules":3})");

  const auto progress = decode_reply(encode_progress({{"done", 1}, {"of", 2}}));
  ASSERT_TRUE(progress);
  EXPECT_EQ(progress->kind, ControlReply::Kind::progress);
  EXPECT_EQ(progress->body, R"({"done":1,"of":2})");

  for (int code = 0; code <= static_cast<int>(ErrorCode::io); ++code) {
    const Error sent{static_cast<ErrorCode>(code), "weir.toml:12:3: unknown key\nweir.toml:14:1: another"};
    const auto error = decode_reply(encode_error(sent));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind, ControlReply::Kind::error);
    EXPECT_EQ(error->error.code, sent.code);
    EXPECT_EQ(error->error.message, sent.message);
    EXPECT_EQ(parse_error_code(to_text(sent.code)), sent.code);
  }
  EXPECT_EQ(parse_error_code("something new"), ErrorCode::io);
}

TEST(Control, BadRepliesAreErrors) {
  for (const char* line :
       {"", "null", "{}", R"({"ok":1})", R"({"ok":false})", R"({"ok":false,"error":"x"})",
        R"({"ok":false,"error":{"code":1,"message":"x"}})", R"({"ok":false,"error":{"code":"io","message":[]}})"}) {
    const auto reply = decode_reply(line);
    ASSERT_FALSE(reply) << line;
    EXPECT_EQ(reply.error().code, ErrorCode::invalid);
  }
}

// What a list or a client sent stands in messages; it must not make a line that the other side cannot read.
TEST(Control, OctetsThatAreNotUtf8AreReplaced) {
  const std::pair<std::string, std::string> rows[] = {
      {"a\xFFz", "a\uFFFDz"},
      {"\xC0\x80", "\uFFFD\uFFFD"},                      // overlong
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},            // surrogate
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},  // past U+10FFFF
      {"cut \xE2\x82", "cut \uFFFD\uFFFD"},
      {"\u20AC \U0001F600 \u00fc", "\u20AC \U0001F600 \u00fc"},
      {std::string("nul\0nul", 7), std::string("nul\0nul", 7)},
  };
  for (const auto& [sent, expected] : rows) {
    const auto reply = decode_reply(encode_error({ErrorCode::invalid, sent}));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->error.message, expected);
  }
}

TEST(Control, AnAnswerOverTheBoundBecomesAnError) {
  const auto reply = decode_reply(encode_result(boost::json::string(kMaxControlLine, 'x')));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->kind, ControlReply::Kind::error);
  EXPECT_EQ(reply->error.code, ErrorCode::too_large);
}

TEST(Control, RandomLinesAreReadOrRefused) {
  std::mt19937 random(7);
  const std::string sound = encode_request({"explain", R"({"names":["a.example"],"type":"AAAA"})", "alice"});
  const std::string reply = encode_error({ErrorCode::busy, "another"});
  unsigned refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string line = round % 2 == 0 ? sound : reply;
    for (unsigned i = 0; i < 1 + random() % 3; ++i) line[random() % line.size()] = static_cast<char>(random());
    if (!decode_request(line)) ++refused;
    if (const auto back = decode_reply(line); !back) {
      EXPECT_FALSE(back.error().message.empty());
    }
  }
  EXPECT_GT(refused, 10000u);
}

}  // namespace
}  // namespace weir::control_test
