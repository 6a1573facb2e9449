#include "tests/scenario/message_match.h"

#include <gtest/gtest.h>

#include "tests/scenario/entry_message.h"

namespace weir::scenario::message_match_test {
namespace {

Entry entry_of(const std::string& lines) {
  auto scenario = parse_scenario(
      "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 QUERY\nENTRY_BEGIN\n" + lines + "\nENTRY_END\nSCENARIO_END\n", "f");
  if (!scenario) throw std::invalid_argument(scenario.error().message);
  return *scenario->steps.at(0).entry;
}

// The message that the lines describe; the ID is 0x1234.
std::vector<std::uint8_t> message_of(const std::string& lines) {
  Entry entry = entry_of(lines);
  return build_query_message(entry, 0x1234, 1232);
}

const std::string kQuestion = "SECTION QUESTION\nwww.Example.org. IN A\n";
const std::string kAnswer =
    "SECTION ANSWER\nwww.example.org. 60 IN CNAME Host.example.org.\nhost.example.org. 30 IN A 192.0.2.1\n";

TEST(MessageMatch, EachElement) {
  struct Row {
    std::string expected;
    std::string got;
    const char* difference;  // empty: matches
  };
  const std::string answer = "REPLY QR RD RA NOERROR\n" + kQuestion + kAnswer;
  const Row rows[] = {
      {"MATCH opcode\nREPLY STATUS", "REPLY QUERY", "opcode"},
      {"MATCH qname\n" + kQuestion, "SECTION QUESTION\nWWW.example.ORG. IN MX", ""},
      {"MATCH qname\n" + kQuestion, "SECTION QUESTION\nwww.example.net. IN A", "qname"},
      {"MATCH qcase\n" + kQuestion, "SECTION QUESTION\nwww.example.org. IN A", "qname's case"},
      {"MATCH qtype\n" + kQuestion, "SECTION QUESTION\nother. IN A", ""},
      {"MATCH qtype\n" + kQuestion, "SECTION QUESTION\nother. IN AAAA", "qtype"},
      {"MATCH qtype", "SECTION QUESTION\nother. IN AAAA", "question"},
      {"MATCH subdomain\nSECTION QUESTION\nexample.org. IN NS", kQuestion, ""},
      {"MATCH subdomain\n" + kQuestion, kQuestion, ""},
      {"MATCH subdomain\nSECTION QUESTION\na.www.example.org. IN NS", kQuestion, "qname"},
      {"MATCH subdomain\nSECTION QUESTION\nxample.org. IN NS", kQuestion, "qname"},
      {"MATCH question\n" + kQuestion, "SECTION QUESTION\nwww.example.org. CH A", "question"},
      {"MATCH rcode\nREPLY NXDOMAIN", "REPLY NXDOMAIN", ""},
      {"MATCH rcode\nREPLY NXDOMAIN", "REPLY NOERROR", "rcode"},
      {"MATCH rcode\nREPLY YXRRSET", "REPLY BADCOOKIE", ""},  // the header's four bits alone
      {"MATCH rcode\nREPLY BADCOOKIE", "REPLY YXRRSET", "rcode"},
      {"MATCH flags\nREPLY QR RD RA AD", "REPLY QR RD RA AD NXDOMAIN", ""},
      {"MATCH flags\nREPLY QR RD RA AD", "REPLY QR RD RA", "flags"},
      {"MATCH answer\n" + answer, answer, ""},
      {"MATCH answer\nSECTION ANSWER\nhost.example.org. 1 IN A 192.0.2.1\nWWW.example.org. 2 IN CNAME "
       "host.EXAMPLE.org.",
       answer, ""},
      {"MATCH answer ttl\nSECTION ANSWER\nhost.example.org. 1 IN A 192.0.2.1\nwww.example.org. 60 IN CNAME "
       "host.example.org.",
       answer, "answer; missing"},
      {"MATCH answer\nSECTION ANSWER\nhost.example.org. 30 IN A 192.0.2.1", answer, "not expected: www.example.org."},
      {"MATCH answer\nSECTION ANSWER\nhost.example.org. 30 IN A 192.0.2.2", answer, "missing: host.example.org."},
      {"MATCH answer\nSECTION ANSWER\na. TXT x", "SECTION ANSWER\na. TXT X", "answer"},  // text has case
      {"MATCH authority\nSECTION AUTHORITY\na. NS b.", "SECTION AUTHORITY\na. NS B.", ""},
      {"MATCH additional\nSECTION ADDITIONAL\na. A 192.0.2.1", "SECTION AUTHORITY\na. A 192.0.2.1", "additional"},
      {"MATCH all\n" + answer, answer, ""},
      {"MATCH all\n" + answer, "REPLY QR RD RA NOERROR\n" + kQuestion, "answer; missing"},
      {"MATCH all\nREPLY QR DO\n" + kQuestion, "REPLY QR\n" + kQuestion, "EDNS: expected"},
      {"MATCH all\nREPLY QR\n" + kQuestion, "REPLY QR DO\n" + kQuestion, ""},  // who sent EDNS gets EDNS
      {"MATCH all_noedns\nREPLY QR\n" + kQuestion, "REPLY QR DO\n" + kQuestion, ""},
      {"MATCH DO", "REPLY DO", ""},
      {"MATCH DO", "HEX_EDNSDATA_BEGIN\nHEX_EDNSDATA_END", "DO"},
      {"MATCH noedns", "REPLY DO", "EDNS"},
      {"MATCH TCP", "REPLY QR", "transport"},
      {"MATCH UDP", "REPLY QR", ""},
      {"MATCH ede=6", "HEX_EDNSDATA_BEGIN\n000f 0002 0006\nHEX_EDNSDATA_END", ""},
      {"MATCH ede=any", "HEX_EDNSDATA_BEGIN\n000f 0002 0006\nHEX_EDNSDATA_END", ""},
      {"MATCH ede=7", "HEX_EDNSDATA_BEGIN\n000f 0002 0006\nHEX_EDNSDATA_END", "ede: expected 7, got 6"},
      {"MATCH ede=any", "REPLY DO", "ede: expected any, got none"},
      {"MATCH ede=6 ednsdata", "HEX_EDNSDATA_BEGIN\n000f 0002 0006\nHEX_EDNSDATA_END", ""},  // taken out before
      {"MATCH ednsdata\nHEX_EDNSDATA_BEGIN\n000b 0000\nHEX_EDNSDATA_END",
       "HEX_EDNSDATA_BEGIN\n000b 0000\nHEX_EDNSDATA_END", ""},
      {"MATCH ednsdata\nHEX_EDNSDATA_BEGIN\n000b 0000\nHEX_EDNSDATA_END", "REPLY DO", "EDNS options"},
      {"MATCH client_cookie", "HEX_EDNSDATA_BEGIN\n000a 0008 0102030405060708\nHEX_EDNSDATA_END", ""},
      {"MATCH server_cookie", "HEX_EDNSDATA_BEGIN\n000a 0008 0102030405060708\nHEX_EDNSDATA_END",
       "cookie: expected 24"},
      {"MATCH nsid", "HEX_EDNSDATA_BEGIN\n0003 0000\nHEX_EDNSDATA_END", ""},
      {"MATCH nsid", "REPLY DO", "nsid"},
      {"MATCH serial=15", "SECTION AUTHORITY\na. SOA . . 15 1 1 1 1", ""},
      {"MATCH serial=15", "SECTION AUTHORITY\na. SOA . . 16 1 1 1 1", "serial"},
      {"", "REPLY QR", ""},  // nothing is asked for
  };
  for (const Row& row : rows) {
    const auto difference = first_difference(entry_of(row.expected), message_of(row.got), MessageTransport::udp);
    if (*row.difference == '\0') {
      EXPECT_FALSE(difference) << row.expected << "\n" << *difference;
    } else {
      ASSERT_TRUE(difference) << row.expected;
      EXPECT_NE(difference->find(row.difference), std::string::npos) << *difference;
    }
  }
}

TEST(MessageMatch, CutMessagesMatchNothing) {
  const Entry entry = entry_of("MATCH qname\n" + kQuestion);
  const auto message = message_of(kQuestion);
  for (std::size_t size = 0; size < message.size(); ++size) {
    EXPECT_TRUE(first_difference(entry, std::span(message).first(size), MessageTransport::udp)) << size;
  }
}

TEST(MessageMatch, ExplanationShowsBoth) {
  const Entry entry = entry_of("MATCH all\nREPLY QR NOERROR\n" + kQuestion + kAnswer);
  const std::string text = explain(entry, message_of("REPLY QR NXDOMAIN\n" + kQuestion), "rcode");
  EXPECT_NE(text.find("NOERROR, flags: QR"), std::string::npos) << text;
  EXPECT_NE(text.find("NXDOMAIN, flags: QR"), std::string::npos) << text;
  EXPECT_NE(text.find("answer     host.example.org. 30 IN A 192.0.2.1"), std::string::npos) << text;
}

TEST(EntryMessage, AnswersCopyWhatTheyAreTold) {
  const auto query = message_of("REPLY RD\nSECTION QUESTION\na.WWW.example.org. IN AAAA");
  const auto plain = build_answer_messages(entry_of("REPLY QR\n" + kQuestion), query).at(0);
  EXPECT_EQ(plain[0] << 8 | plain[1], 0x1234);
  EXPECT_FALSE(first_difference(entry_of("MATCH question\n" + kQuestion), plain, MessageTransport::udp));
  const auto copied =
      build_answer_messages(entry_of("ADJUST copy_id copy_query\nREPLY QR\n" + kQuestion + kAnswer), query).at(0);
  EXPECT_EQ(copied[0] << 8 | copied[1], 0x1234);
  EXPECT_FALSE(
      first_difference(entry_of("MATCH all qcase\nREPLY QR\nSECTION QUESTION\na.WWW.example.org. IN AAAA\n" + kAnswer),
                       copied, MessageTransport::udp));
}

TEST(EntryMessage, TheClientsPartOfACookieIsCopied) {
  const auto cookie = [](const std::string& data) {
    return kQuestion + "SECTION ADDITIONAL\nHEX_EDNSDATA_BEGIN\n" + data + "\nHEX_EDNSDATA_END\n";
  };
  const auto query = message_of("REPLY RD\n" + cookie("00 0a 00 08 01 02 03 04 05 06 07 08"));
  const std::string answer =
      "REPLY QR\n" + cookie("00 03 00 01 61  00 0a 00 10 00 00 00 00 00 00 00 00 73 65 72 76 65 72 20 31");
  const Entry wanted = entry_of("MATCH ednsdata\nREPLY QR\n" +
                                cookie("00 03 00 01 61  00 0a 00 10 01 02 03 04 05 06 07 08 73 65 72 76 65 72 20 31"));
  const auto adjusted = build_answer_messages(entry_of("ADJUST copy_cookie\n" + answer), query).at(0);
  EXPECT_FALSE(first_difference(wanted, adjusted, MessageTransport::udp));
  const auto plain = build_answer_messages(entry_of(answer), query).at(0);
  EXPECT_TRUE(first_difference(wanted, plain, MessageTransport::udp));
}

}  // namespace
}  // namespace weir::scenario::message_match_test
