// The runner against a resolver whose every move is known: it hands each query on to 192.0.2.53 and the answer back.
#include "tests/scenario/runner.h"

#include <gtest/gtest.h>

#include <map>

namespace weir::scenario::runner_test {
namespace {

using namespace std::chrono_literals;

class Relay final : public ResolverUnderTest {
 public:
  void query(std::uint64_t ticket, const IpAddress&, MessageTransport transport, std::span<const std::uint8_t> message,
             Now now) override {
    transports.push_back(transport);
    send({message.begin(), message.end()}, ticket, UpstreamTransport::udp, now);
  }
  std::vector<Answer> take_answers() override { return std::exchange(answers_, {}); }
  std::vector<Exchange> take_exchanges() override { return std::exchange(exchanges_, {}); }
  std::vector<ExchangeId> take_abandoned() override { return std::exchange(abandoned_, {}); }
  void receive(ExchangeId exchange, const Response& response, Now now) override {
    received_at.push_back(now);
    const auto waiting = waiting_.extract(exchange);
    if (waiting.empty()) return;
    abandoned_.push_back(exchange);
    const Pending& pending = waiting.mapped();
    if (response.failure != ExchangeFailure::none) return fail(pending);
    if ((response.message[2] & 0x02) != 0 && pending.transport == UpstreamTransport::udp) {
      return send(pending.message, pending.ticket, UpstreamTransport::tcp, now);
    }
    answers_.push_back({pending.ticket, {response.message.begin(), response.message.end()}});
  }
  // Asks three times, a second each.
  void timeout(Now now) override {
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      if (at->second.expires > now.steady) {
        ++at;
        continue;
      }
      const Pending pending = at->second;
      abandoned_.push_back(at->first);
      at = waiting_.erase(at);
      if (pending.tries >= 3) {
        fail(pending);
      } else {
        send(pending.message, pending.ticket, pending.transport, now, pending.tries + 1);
        break;  // iterators have moved
      }
    }
  }
  std::optional<SteadyTime> next_timeout() const override {
    std::optional<SteadyTime> next;
    for (const auto& [id, pending] : waiting_) next = next ? std::min(*next, pending.expires) : pending.expires;
    return next;
  }
  bool flush_message(const Name& name, RecordType, Now) override {
    flushed.push_back(name.to_text());
    return true;
  }
  bool expire_message(const Name&, RecordType, Now) override { return false; }
  bool measure_server(const IpAddress&, std::chrono::milliseconds, Now) override { return true; }

  std::vector<Now> received_at;
  std::vector<std::string> flushed;
  std::vector<MessageTransport> transports;

 private:
  struct Pending {
    std::uint64_t ticket = 0;
    UpstreamTransport transport = UpstreamTransport::udp;
    std::vector<std::uint8_t> message;
    SteadyTime expires;
    unsigned tries = 1;
  };
  void send(std::vector<std::uint8_t> message, std::uint64_t ticket, UpstreamTransport transport, Now now,
            unsigned tries = 1) {
    const ExchangeId id{++last_id_};
    exchanges_.push_back({id, *Endpoint::parse("192.0.2.53", 53), transport, message});
    waiting_.emplace(id, Pending{ticket, transport, std::move(message), now.steady + 1s, tries});
  }
  void fail(const Pending& pending) {
    auto message = pending.message;
    message[2] |= 0x80;
    message[3] = 2;
    answers_.push_back({pending.ticket, std::move(message)});
  }

  std::uint64_t last_id_ = 0;
  std::map<ExchangeId, Pending> waiting_;
  std::vector<Exchange> exchanges_;
  std::vector<ExchangeId> abandoned_;
  std::vector<Answer> answers_;
};

std::string entry(const std::string& lines) {
  return "ENTRY_BEGIN\n" + lines + "\nENTRY_END\n";
}
const std::string kQuestion = "SECTION QUESTION\na.test. IN A\n";
std::string range(const std::string& lines, const std::string& head = "0 100") {
  return "RANGE_BEGIN " + head + "\n" + lines + "RANGE_END\n";
}
std::string answer(const std::string& address, const std::string& more = "") {
  return entry("MATCH qname " + more + "\nADJUST copy_id\nREPLY QR\n" + kQuestion + "SECTION ANSWER\na.test. A " +
               address);
}
std::string query(unsigned step) {
  return "STEP " + std::to_string(step) + " QUERY\n" + entry("REPLY RD\n" + kQuestion);
}
std::string check(unsigned step, const std::string& address) {
  return "STEP " + std::to_string(step) + " CHECK_ANSWER\n" +
         entry("MATCH answer\nREPLY QR\nSECTION ANSWER\na.test. A " + address);
}
std::string check_rcode(unsigned step, const std::string& rcode) {
  return "STEP " + std::to_string(step) + " CHECK_ANSWER\n" + entry("MATCH rcode\nREPLY QR " + rcode);
}
std::string ask(unsigned step, const std::string& adjust = "") {
  return "STEP " + std::to_string(step) + " CHECK_OUT_QUERY\n" +
         entry("MATCH qname\n" + adjust + "\nREPLY QR\n" + kQuestion + "SECTION ANSWER\na.test. A 192.0.2.2");
}

Outcome run(const std::string& body, Relay& relay, const RunLimits& limits = {}) {
  const auto scenario = parse_scenario("CONFIG_END\nSCENARIO_BEGIN t\n" + body + "SCENARIO_END\n", "f");
  if (!scenario) return {Outcome::Kind::failed, scenario.error().message, {}};
  return run_scenario(*scenario, relay, WallTime(), limits);
}

TEST(Runner, EachRule) {
  const std::string server = range(answer("192.0.2.1"));
  struct Row {
    const char* what;
    std::string body;
    const char* failure;  // empty: passes
  };
  const Row rows[] = {
      {"a range answers", server + query(1) + check(2, "192.0.2.1"), ""},
      {"an answer that differs", server + query(1) + check(2, "192.0.2.9"), "answer; missing: a.test."},
      {"an answer that nobody checks", server + query(1) + "STEP 2 TRAFFIC\nSTEP 3 NOTHING\n", "1 answers are left"},
      {"a check without a query", server + check(2, "192.0.2.1"), "no query is waiting"},
      {"addresses limit a range",
       range("ADDRESS 192.0.2.54\n" + answer("192.0.2.1")) + query(1) + check_rcode(2, "SERVFAIL"), ""},
      {"steps limit a range",
       range(answer("192.0.2.1"), "0 5") + range(answer("192.0.2.3"), "6 9") + query(5) + check(6, "192.0.2.3"), ""},
      {"the first range in the file goes first", server + range(answer("192.0.2.3")) + query(1) + check(2, "192.0.2.1"),
       ""},
      {"the first entry that matches",
       range(answer("192.0.2.1", "TCP") + answer("192.0.2.3")) + query(1) + check(2, "192.0.2.3"), ""},
      {"CHECK_OUT_QUERY takes its query before a range",
       server + query(1) + ask(2, "ADJUST copy_id") + check(3, "192.0.2.2"), ""},
      {"CHECK_OUT_QUERY that only looks", server + query(1) + ask(2) + check(3, "192.0.2.1"), ""},
      {"CHECK_OUT_QUERY without query", server + ask(2), "is not asked"},
      {"REPLY", query(1) + ask(2) + "STEP 3 REPLY\n" + answer("192.0.2.7") + check(4, "192.0.2.7"), ""},
      {"REPLY without query", "STEP 3 REPLY\n" + answer("192.0.2.7"), "no upstream query"},
      {"ERROR", query(1) + "STEP 2 ERROR\n" + check_rcode(3, "SERVFAIL"), ""},
      {"TIMEOUT ends one try", query(1) + "STEP 2 TIMEOUT\n" + ask(3, "ADJUST copy_id") + check(4, "192.0.2.2"), ""},
      {"TIMEOUT until it gives up",
       query(1) + "STEP 2 TIMEOUT\nSTEP 3 TIMEOUT\nSTEP 4 TIMEOUT\nSTEP 5 TIMEOUT\n" + check_rcode(6, "SERVFAIL"), ""},
      {"silence while a check waits", query(1) + check_rcode(2, "SERVFAIL"), ""},
      {"do_not_answer",
       range(entry("MATCH qname\nADJUST do_not_answer\n" + kQuestion)) + query(1) + check_rcode(2, "SERVFAIL"), ""},
      {"truncation leads to TCP",
       range(entry("MATCH qname UDP\nADJUST copy_id\nREPLY QR TC\n" + kQuestion) + answer("192.0.2.4", "TCP")) +
           query(1) + check(2, "192.0.2.4"),
       ""},
      {"an entry that must be used",
       range(entry("MANDATORY\nMATCH qname\nSECTION QUESTION\nb.test. A")) + "STEP 1 NOTHING\n", "never used"},
      {"FLUSH_MESSAGE", "STEP 1 FLUSH_MESSAGE a.test. A IN\n", ""},
      {"EXPIRE_MESSAGE", "STEP 1 EXPIRE_MESSAGE a.test. A IN\n", "cannot"},
      {"variables", "STEP 1 ASSIGN v = 5\nSTEP 2 TIME_PASSES EVAL ${$v + 1}\nSTEP 3 ASSIGN w = ${range 6 ${time} 6}\n",
       ""},
      {"a bad expression", "STEP 1 TIME_PASSES EVAL ${$v + 1}\n", "no such variable"},
      {"time does not run backwards", "STEP 1 TIME_PASSES ELAPSE -1\n", "expected 0 to"},
      {"INFRA_RTT", "STEP 1 INFRA_RTT 1.2.3.4 a. 5\n", ""},
      {"INFRA_RTT without a time", "STEP 1 INFRA_RTT 1.2.3.4 a. soon\n", "expected an address"},
      {"steps of a resolver's own", "STEP 1 CHECK_TEMPFILE a\nFILE_BEGIN\nFILE_END\n", "knows no such step"},
      {"a step without its entry", "STEP 1 QUERY\n", "expected an entry"},
      {"two clients, answers in any order",
       server + query(1) + query(2) + check(3, "192.0.2.1") + check(4, "192.0.2.1"), ""},
  };
  for (const Row& row : rows) {
    Relay relay;
    const Outcome outcome = run(row.body, relay);
    if (*row.failure == '\0') {
      EXPECT_EQ(outcome.kind, Outcome::Kind::passed) << row.what << ": " << outcome.reason;
    } else {
      EXPECT_EQ(outcome.kind, Outcome::Kind::failed) << row.what;
      EXPECT_NE(outcome.reason.find(row.failure), std::string::npos) << row.what << ": " << outcome.reason;
      EXPECT_TRUE(outcome.reason.starts_with("f:")) << outcome.reason;
    }
  }
}

TEST(Runner, DelayedAnswersTakeVirtualTime) {
  Relay relay;
  const std::string slow = range(entry("MATCH qname\nADJUST copy_id sleep=0.5\nREPLY QR\n" + kQuestion));
  EXPECT_EQ(run(slow + query(1) + check_rcode(2, "NOERROR"), relay).reason, "");
  ASSERT_EQ(relay.received_at.size(), 1U);
  EXPECT_EQ(relay.received_at[0].steady, SteadyTime() + 500ms);
  EXPECT_EQ(relay.received_at[0].wall, WallTime() + 500ms);
}

TEST(Runner, ClientsAskAgainByTcpWhereTheAnswerIsTruncated) {
  // The relay sends TC of TCP answers on to its client, so the client's second query shows.
  const std::string always = range(entry("MATCH qname\nADJUST copy_id\nREPLY QR TC\n" + kQuestion));
  Relay relay;
  EXPECT_EQ(run(always + query(1) + check_rcode(2, "NOERROR"), relay).reason, "");
  EXPECT_EQ(relay.transports, (std::vector{MessageTransport::udp, MessageTransport::tcp}));
  Relay wanted;
  EXPECT_EQ(run(always + query(1) + check_rcode(2, "TC NOERROR"), wanted).reason, "");
  EXPECT_EQ(wanted.transports, (std::vector{MessageTransport::udp}));
}

TEST(Runner, NothingRunsForEver) {
  Relay relay;
  EXPECT_NE(run(query(1) + check_rcode(2, "SERVFAIL"), relay, {.wait = 1500ms, .events = 1000}).reason, "");
  Relay busy;
  EXPECT_NE(run(query(1) + check_rcode(2, "SERVFAIL"), busy, {.wait = 1h, .events = 3}).reason, "");
}

}  // namespace
}  // namespace weir::scenario::runner_test
