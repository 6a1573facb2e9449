#include "tests/scenario/scenario_file.h"

#include <gtest/gtest.h>

namespace weir::scenario::scenario_file_test {
namespace {

// A whole scenario around some lines.
std::string in_body(const std::string& lines) {
  return "CONFIG_END\nSCENARIO_BEGIN t\n" + lines + "\nSCENARIO_END\n";
}
std::string in_entry(const std::string& lines) {
  return in_body("STEP 1 QUERY\nENTRY_BEGIN\n" + lines + "\nENTRY_END");
}

Entry entry_of(const std::string& lines) {
  auto scenario = parse_scenario(in_entry(lines), "f");
  if (!scenario) {
    ADD_FAILURE() << scenario.error().message;
    return Entry{.line = 0, .match = {}, .adjust = {}, .header = {}, .messages = std::vector<EntryMessage>(1)};
  }
  return *scenario->steps.at(0).entry;
}

constexpr const char* kWhole = R"(; a comment
server:
	target-fetch-policy: "0 0 0 0 0"   # another
	local-data: 'foo. TXT "two; words"'
forward-zone: name: "." forward-addr: 192.0.2.1
rpz:
	zonefile:
TEMPFILE_NAME a.zone
TEMPFILE_CONTENTS a.zone
a CNAME . ; kept
TEMPFILE_END
	tags: "x y"
CONFIG_END
SCENARIO_BEGIN What it is
RANGE_BEGIN 0 100   ; alive
	ADDRESS 192.0.2.7
	ADDRESS 2001:db8::7
	ENTRY_BEGIN
	MATCH opcode qname  ; c
	ADJUST copy_id
	REPLY QR AA NXDOMAIN
	SECTION QUESTION
	www.example.org. IN A
	SECTION ANSWER
	www.example.org. A 192.0.2.1
	SECTION AUTHORITY
	ENTRY_END
RANGE_END
STEP 1 QUERY ADDRESS 192.0.2.9
ENTRY_BEGIN
REPLY RD DO
SECTION QUESTION
www.example.org.	IN	A
ENTRY_END
STEP 2 TIME_PASSES ELAPSE 0.5 ; half
SCENARIO_END
whatever stands behind it
)";

TEST(ScenarioFile, ReadsAWholeScenario) {
  const auto scenario = parse_scenario(kWhole, "f");
  ASSERT_TRUE(scenario) << scenario.error().message;
  EXPECT_EQ(scenario->title, "What it is");

  ASSERT_EQ(scenario->config.size(), 4U);  // the implicit server block, and three
  const ConfigBlock& server = scenario->config[1];
  EXPECT_EQ(server.kind, "server");
  ASSERT_EQ(server.lines.size(), 2U);
  EXPECT_EQ(server.lines[0].line, 3U);
  EXPECT_EQ(server.lines[0].value(), "0 0 0 0 0");
  EXPECT_EQ(server.lines[1].value(), "foo. TXT \"two; words\"");
  EXPECT_EQ(scenario->config[2].kind, "forward-zone");
  ASSERT_EQ(scenario->config[2].lines.size(), 2U);
  EXPECT_EQ(scenario->config[2].lines[0].value(), ".");
  ASSERT_EQ(scenario->config[3].lines.size(), 2U);
  EXPECT_EQ(scenario->config[3].lines[0].value(), "a.zone");
  EXPECT_EQ(scenario->files.at("a.zone"), "a CNAME . ; kept\n");

  ASSERT_EQ(scenario->ranges.size(), 1U);
  const Range& range = scenario->ranges[0];
  EXPECT_EQ(range.to, 100U);
  EXPECT_EQ(range.addresses.size(), 2U);
  ASSERT_EQ(range.entries.size(), 1U);
  EXPECT_EQ(range.entries[0].line, 18U);
  EXPECT_EQ(range.entries[0].header.rcode, Rcode::nxdomain);
  EXPECT_TRUE(range.entries[0].header.flags.authoritative);
  ASSERT_EQ(range.entries[0].first().answer.size(), 1U);
  EXPECT_EQ(range.entries[0].first().answer[0].ttl, kDefaultTtl);

  ASSERT_EQ(scenario->steps.size(), 2U);
  EXPECT_EQ(scenario->steps[0].address->to_text(), "192.0.2.9");
  EXPECT_TRUE(scenario->steps[0].entry->header.dnssec_ok);
  EXPECT_EQ(scenario->steps[1].kind, StepKind::time_passes);
  EXPECT_EQ(scenario->steps[1].words, (std::vector<std::string>{"ELAPSE", "0.5"}));
}

TEST(ScenarioFile, ReadsRecords) {
  struct Row {
    const char* line;
    const char* text;
  };
  const Row rows[] = {
      {"a.test. 60 IN A 192.0.2.1", "a.test. 60 IN A 192.0.2.1"},
      {"a.test. A 192.0.2.1", "a.test. 3600 IN A 192.0.2.1"},
      {"a.test. CH TXT x", "a.test. 3600 CH TXT \"x\""},
      {"a.test. TXT \"with ; inside\" ; and outside", "a.test. 3600 IN TXT \"with ; inside\""},
      {"a.test. 60 IN TYPE65280 \\# 3 010203", "a.test. 60 IN TYPE65280 \\# 3 010203"},
      {"a.test. 60 IN NS ns", "a.test. 60 IN NS ns."},
      {"a.test. 60 IN SOA . . ( 1 2 3 4 5 )", "a.test. 60 IN SOA . . 1 2 3 4 5"},
      {"a.test. 60 IN DNSKEY 256 3 8 AQAB AQAB ;{id = 1}", "a.test. 60 IN DNSKEY 256 3 8 AQABAQAB"},
      // What the field's files hold and ldns alone does not read: no signature, and base64 without padding.
      {"a.test. 60 IN RRSIG A 8 2 60 20201116135527 20201019135527 1 test. ",
       "a.test. 60 IN RRSIG A 8 2 60 20201116135527 20201019135527 1 test."},
      {"a.test. 60 IN RRSIG A 8 2 60 20201116135527 20201019135527 1 test. AQ",
       "a.test. 60 IN RRSIG A 8 2 60 20201116135527 20201019135527 1 test. AQ=="},
  };
  for (const Row& row : rows) {
    const Entry entry = entry_of(std::string("SECTION ANSWER\n") + row.line);
    ASSERT_EQ(entry.first().answer.size(), 1U) << row.line;
    const std::string text = to_text(entry.first().answer[0]);
    EXPECT_EQ(text.substr(0, text.find(" ;{")), row.text);
  }
}

TEST(ScenarioFile, OriginAndTtlHoldForWhatFollows) {
  const Entry entry = entry_of("SECTION ANSWER\n$ORIGIN test.\n$TTL 5\na A 192.0.2.1\n");
  EXPECT_EQ(to_text(entry.first().answer.at(0)), "a.test. 5 IN A 192.0.2.1");
}

TEST(ScenarioFile, ReadsOctets) {
  const Entry entry =
      entry_of("SECTION ADDITIONAL\nHEX_EDNSDATA_BEGIN\n 00 0a ; cookie\n 00 01 ff\nHEX_EDNSDATA_END\n");
  EXPECT_EQ(entry.first().edns_options, (std::vector<std::uint8_t>{0, 10, 0, 1, 0xFF}));
  const Entry empty = entry_of("HEX_EDNSDATA_BEGIN\nHEX_EDNSDATA_END\n");
  EXPECT_EQ(empty.first().edns_options, std::vector<std::uint8_t>());
  const Entry raw = entry_of("RAW\nb5C9\n00");
  EXPECT_TRUE(raw.raw);
  EXPECT_EQ(raw.first().octets, (std::vector<std::uint8_t>{0xB5, 0xC9, 0}));
  const Entry section = entry_of("SECTION RAW\nff");
  EXPECT_EQ(section.first().octets, std::vector<std::uint8_t>{0xFF});
  const Entry packets =
      entry_of("SECTION ANSWER\na.test. A 192.0.2.1\nEXTRA_PACKET\nSECTION ANSWER\nb.test. A 192.0.2.2");
  EXPECT_EQ(packets.messages.size(), 2U);
}

TEST(ScenarioFile, ReadsWhatToMatchAndAdjust) {
  const Entry entry = entry_of("MATCH all ttl ede=6\nMATCH TCP serial=7\nADJUST copy_query sleep=1.5 do_not_answer");
  EXPECT_TRUE(entry.match.all && entry.match.ttl);
  EXPECT_EQ(entry.match.ede, 6);
  EXPECT_EQ(entry.match.serial, 7U);
  EXPECT_EQ(entry.match.transport, MessageTransport::tcp);
  EXPECT_TRUE(entry.adjust.copy_query && entry.adjust.do_not_answer && !entry.adjust.copy_id);
  EXPECT_EQ(entry.adjust.delay, std::chrono::milliseconds(1500));
}

TEST(ScenarioFile, ErrorsSayWhere) {
  struct Row {
    std::string text;
    const char* where;
    const char* what;
  };
  const std::string unclosed = "CONFIG_END\nSCENARIO_BEGIN t\nSTEP 1 QUERY\nENTRY_BEGIN\n";
  const Row rows[] = {
      {"", "f:0: ", "CONFIG_END"},
      {"server:\n", "f:1: ", "CONFIG_END"},
      {"value\nCONFIG_END\n", "f:1: ", "key: value"},
      {"TEMPFILE_NAME f\nCONFIG_END\n", "f:1: ", "below a key"},
      {"server:\nTEMPFILE_CONTENTS f\nx\n", "f:2: ", "TEMPFILE_END"},
      {"CONFIG_END\nSTEP 1 QUERY\n", "f:2: ", "SCENARIO_BEGIN"},
      {"CONFIG_END\nSCENARIO_BEGIN t\n", "f:2: ", "SCENARIO_END"},
      {in_body("STEP x QUERY"), "f:3: ", "STEP n TYPE"},
      {in_body("STEP 1 DANCE"), "f:3: ", "type of step"},
      {in_body("STEP 2 NOTHING\nSTEP 1 NOTHING"), "f:4: ", "behind step 2"},
      {in_body("RANGE_BEGIN 0\n"), "f:3: ", "RANGE_BEGIN from to"},
      {in_body("RANGE_BEGIN 0 99999999999\n"), "f:3: ", "RANGE_BEGIN from to"},
      {in_body("RANGE_BEGIN 0 1\nADDRESS here"), "f:4: ", "address"},
      {in_body("RANGE_BEGIN 0 1\nSTEP 1 NOTHING"), "f:4: ", "RANGE_END"},
      {in_body("ENTRY_BEGIN\nENTRY_END"), "f:4: ", "no range"},
      {unclosed + "REPLY RD", "f:4: ", "ENTRY_END"},
      {in_entry("MATCH qnome"), "f:5: ", "'qnome'"},
      {in_entry("MATCH ede=x"), "f:5: ", "ede="},
      {in_entry("ADJUST copy"), "f:5: ", "copy_id"},
      {in_entry("ADJUST sleep=long"), "f:5: ", "seconds"},
      {in_entry("REPLY RD MAYBE"), "f:5: ", "'MAYBE'"},
      {in_entry("SECTION FIFTH"), "f:5: ", "QUESTION, ANSWER"},
      {in_entry("www. A 192.0.2.1"), "f:5: ", "SECTION before"},
      {in_entry("SECTION ANSWER\nwww. A 192.0.2.256"), "f:6: ", "www. A"},
      {in_entry("SECTION ANSWER\nwww. NOTYPE x"), "f:6: ", "NOTYPE"},
      {in_entry("HEX_ANSWER_BEGIN\n0x\nHEX_ANSWER_END"), "f:6: ", "hexadecimal"},
      {in_entry("HEX_ANSWER_BEGIN\n012\nHEX_ANSWER_END"), "f:7: ", "odd"},
      {unclosed + "HEX_ANSWER_BEGIN\n01\n", "f:5: ", "HEX_ANSWER_END"},
      {in_entry("$TTL forever"), "f:5: ", "TTL"},
  };
  for (const Row& row : rows) {
    const auto scenario = parse_scenario(row.text, "f");
    ASSERT_FALSE(scenario) << row.text;
    EXPECT_TRUE(scenario.error().message.starts_with(row.where)) << scenario.error().message;
    EXPECT_NE(scenario.error().message.find(row.what), std::string::npos) << scenario.error().message;
  }
}

TEST(ScenarioFile, HostileSizesAreRefused) {
  EXPECT_FALSE(parse_scenario(std::string(kMaxScenarioSize + 1, ' '), "f"));
  EXPECT_FALSE(parse_scenario(in_entry(std::string(kMaxLineSize + 1, 'x')), "f"));
  EXPECT_FALSE(parse_scenario(
      in_entry("RAW\n" + std::string(30'000, '0') + "\n" + std::string(60'000, '0') + "\n" + std::string(60'000, '0')),
      "f"));
  std::string steps;
  for (std::size_t i = 0; i <= kMaxSteps; ++i) steps += "STEP 1 NOTHING\n";
  EXPECT_FALSE(parse_scenario(in_body(steps), "f"));
  // Not a crash, whatever becomes of it.
  for (const char* record : {"\\", "\"", "\"\\", "a. TXT \"", "a. TYPE1 \\# 4 00", "a. NSEC", "a. LOC",
                             "a. APL 1:", "a. A (", "\\999. A 1.2.3.4", "a. SVCB 1 . key0="}) {
    (void)parse_scenario(in_entry(std::string("SECTION ANSWER\n") + record), "f");
  }
}

}  // namespace
}  // namespace weir::scenario::scenario_file_test
