// What sinks write, octet by octet: dnstap, RowBinary, system logs.
#include <boost/json/object.hpp>
#include <dnstap.pb-c.h>
#include <fstrm.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <regex>
#include <thread>

#include "tests/support/scratch_folder.h"
#include "tests/tools/sinks/batches.h"
#include "tools/sinks/clickhouse_rows.h"
#include "tools/sinks/clickhouse_writer.h"
#include "tools/sinks/dnstap_message.h"
#include "tools/sinks/line_writers.h"
#include "tools/sinks/packed_batch.h"
#include "zones/store/codec.h"

namespace weir::sinks::writers_test {
namespace {

// As the sidecar does for its whole process: whoever reads a pipe or socket may leave at any time.
const auto kWithoutSignal = ::signal(SIGPIPE, SIG_IGN);

std::vector<PackedBatch> packed(unsigned first, unsigned count) {
  log::FrameWriter frames;
  const log::RecordBatch batch = test::make_batch(first, count);
  return {{{7, 9}, count_decisions(batch), pack(batch, frames)}};
}

Row row_of(const Decision& decision) {
  ShownDecision shown = test::show_names()()(decision);
  return {decision, std::move(shown.row), std::move(shown.category), {7, 9}, 4};
}

using Tap = std::unique_ptr<Dnstap__Dnstap, void (*)(Dnstap__Dnstap*)>;
Tap unpack_tap(const std::string& octets) {
  return {dnstap__dnstap__unpack(nullptr, octets.size(), reinterpret_cast<const std::uint8_t*>(octets.data())),
          [](Dnstap__Dnstap* tap) { dnstap__dnstap__free_unpacked(tap, nullptr); }};
}
std::string text(const ProtobufCBinaryData& data) {
  return {reinterpret_cast<const char*>(data.data), data.len};
}

TEST(Dnstap, SaysWhichPolicyDidWhat) {
  struct Case {
    DecisionClass decision_class;
    Action action;
    BlockMode mode;
    int expected;  // -1: none
    int rcode;
  };
  constexpr Case kCases[] = {
      {DecisionClass::blocked, Action::block, BlockMode::null, DNSTAP__POLICY__ACTION__LOCAL_DATA, 0},
      {DecisionClass::blocked, Action::block, BlockMode::nxdomain, DNSTAP__POLICY__ACTION__NXDOMAIN, 3},
      {DecisionClass::blocked, Action::block, BlockMode::nodata, DNSTAP__POLICY__ACTION__NODATA, 0},
      {DecisionClass::blocked, Action::block, BlockMode::refused, -1, 5},
      {DecisionClass::blocked, Action::nxdomain, BlockMode::null, DNSTAP__POLICY__ACTION__NXDOMAIN, 3},
      {DecisionClass::blocked, Action::drop, BlockMode::nxdomain, DNSTAP__POLICY__ACTION__DROP, 0},
      {DecisionClass::would_block, Action::block, BlockMode::nxdomain, DNSTAP__POLICY__ACTION__PASS, 0},
      {DecisionClass::allowed_over_block, Action::allow, BlockMode::null, DNSTAP__POLICY__ACTION__PASS, 0}};
  for (const Case& each : kCases) {
    Decision decision = test::make_decision(1);
    decision.decision_class = each.decision_class;
    decision.action = each.action;
    decision.mode = each.mode;
    const Tap tap = unpack_tap(encode_dnstap(row_of(decision), "here"));
    ASSERT_NE(tap, nullptr);
    const Dnstap__Message& message = *tap->message;
    ASSERT_NE(message.policy, nullptr);
    EXPECT_EQ(message.policy->has_action ? static_cast<int>(message.policy->action) : -1, each.expected);
    EXPECT_EQ(text(message.response_message).at(3) & 15, each.rcode);
    EXPECT_EQ(text(message.policy->rule), "ads: ads.example");
    EXPECT_EQ(text(message.policy->value), text(message.query_message).substr(12, decision.qname.size()));
    EXPECT_EQ(text(message.query_address), std::string("\xC0\0\2\0", 4));
    EXPECT_EQ(message.response_time_sec, 20'000U * 86'400);
    EXPECT_EQ(message.response_time_nsec, 1'000'000U);
    EXPECT_EQ(message.query_time_nsec, 750'000U);
  }
}

TEST(Dnstap, HasNoMoreOfAClientThanTheDecision) {
  for (const Privacy level : {Privacy::pseudonym, Privacy::none}) {
    Decision decision = test::make_decision(1);
    decision.client = {level, {}, 0, 0x1234};
    decision.link = LinkKind::client;
    const Tap tap = unpack_tap(encode_dnstap(row_of(decision), "here"));
    ASSERT_NE(tap, nullptr);
    EXPECT_FALSE(tap->message->has_query_address);
    EXPECT_FALSE(tap->message->has_socket_family);
    EXPECT_FALSE(tap->message->policy->has_value);
  }
}

TEST(ClickHouseColumns, AreThoseOfTheSchema) {
  const std::vector<std::string> statements = schema_statements("elsewhere");
  ASSERT_EQ(statements.size(), 6U);
  EXPECT_EQ(statements[0], "CREATE DATABASE IF NOT EXISTS `elsewhere`");
  for (const std::string& statement : statements) EXPECT_EQ(statement.find("weir"), std::string::npos) << statement;
  std::string columns;
  const std::regex column(R"(\n    (\w+) (\w+))");
  const std::string& table = statements[1];
  for (std::sregex_iterator at(table.begin(), table.end(), column), end; at != end; ++at)
    columns += (columns.empty() ? "" : ", ") + (*at)[1].str();
  EXPECT_EQ(insert_statement(), "INSERT INTO decisions (" + columns + ") FORMAT RowBinary");
}

TEST(ClickHouseColumns, HaveTheirOctets) {
  ClickHouseRows rows;
  rows.add(row_of(test::make_decision(1)));
  store::ByteReader in(rows.octets());
  EXPECT_EQ(in.u32(), __builtin_bswap32(20'000U * 86'400));
  EXPECT_EQ(in.u64(), __builtin_bswap64(20'000ULL * 86'400 * 1000 + 1));
  EXPECT_EQ(in.bytes(), "");  // class: the row that is shown has none here
  EXPECT_EQ(in.bytes(), "host1.ads.example.co.uk");
  EXPECT_EQ(in.bytes(), "example.co.uk");
  EXPECT_TRUE(rows.octets().ends_with(std::string("\7\0\0\0\0\0\0\0\11\0\0\0\0\0\0\0\4\0\0\0", 20)));
}

// A socket that reads whatever comes.
class Listener {
 public:
  Listener(const std::filesystem::path& path, int type) : socket_(::socket(AF_UNIX, type, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    if (type != SOCK_STREAM) return;
    EXPECT_EQ(::listen(socket_.get(), 1), 0);
  }
  std::string message() const {
    std::array<char, 4096> buffer;
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }
  std::string stream_of(std::size_t octets) const {
    const Descriptor accepted(::accept(socket_.get(), nullptr, nullptr));
    std::string all(octets, '\0');
    const ssize_t got = ::recv(accepted.get(), all.data(), all.size(), MSG_WAITALL);
    all.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return all;
  }

 private:
  Descriptor socket_;
};

TEST(Syslog, WritesMessagesOfRfc5424) {
  const test::ScratchFolder scratch;
  const Listener listener(scratch / "log", SOCK_DGRAM);
  const Interrupt interrupt;
  SyslogWriter writer("unix:" + (scratch / "log").string(), interrupt);
  const auto batches = packed(0, 2);
  Place place;
  const auto written = writer.write(Rows(batches, test::show_names()), place);
  ASSERT_TRUE(written) << written.error().message;
  for (const char* number : {"0", "1"}) {
    const std::string message = listener.message();
    EXPECT_TRUE(message.starts_with("<30>1 ")) << message;
    EXPECT_NE(message.find(std::string(" - {\"name\":\"host") + number + ".ads.example.co.uk\""), std::string::npos);
    EXPECT_TRUE(message.ends_with(std::string("\"id\":\"0000000000000007-9-") + number + "\"}")) << message;
  }
}

TEST(Syslog, CountsOctetsWhereTheSocketIsAStream) {
  const test::ScratchFolder scratch;
  const Listener listener(scratch / "log", SOCK_STREAM);
  const Interrupt interrupt;
  std::string all;
  std::thread reader([&] { all = listener.stream_of(100'000); });
  {
    SyslogWriter writer("unix:" + (scratch / "log").string(), interrupt);
    const auto batches = packed(0, 3);
    Place place;
    EXPECT_TRUE(writer.write(Rows(batches, test::show_names()), place));
  }  // the stream ends
  reader.join();
  ASSERT_GT(all.size(), 200U);
  const std::size_t space = all.find(' ');
  const std::size_t size = std::stoul(all.substr(0, space));
  EXPECT_EQ(all.substr(space + 1, 5), "<30>1");
  EXPECT_EQ(all.substr(space + size, 1), "}");
}

TEST(Syslog, SaysThatNobodyListens) {
  const test::ScratchFolder scratch;
  const Interrupt interrupt;
  SyslogWriter writer("unix:" + (scratch / "log").string(), interrupt);
  const auto batches = packed(0, 1);
  Place place;
  const auto written = writer.write(Rows(batches, test::show_names()), place);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::unavailable);
}

TEST(PackedBatches, ADamagedOneIsLeftOutAndCounted) {
  auto batches = packed(0, 5);
  batches.push_back(packed(5, 3).front());
  batches[0].payload[batches[0].payload.size() / 2] ^= 1;
  unsigned seen = 0;
  const Rows rows(batches, test::show_names());
  EXPECT_TRUE(rows.for_each([&](const Row&) {
    ++seen;
    return Result<void>();
  }));
  EXPECT_EQ(seen, 3U);
  EXPECT_EQ(rows.damaged(), 5U);
}

}  // namespace
}  // namespace weir::sinks::writers_test
