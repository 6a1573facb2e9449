// Resolutions and the packet path together: what one of them does must not depend on what the other did before.
#include "resolver/server/resolutions.h"

#include <gtest/gtest.h>

#include "resolver/server/answer_builder.h"
#include "tests/resolver/server/virtual_worker.h"

namespace weir::test::resolutions_test {
namespace {

using namespace std::chrono_literals;
using Kind = VirtualWorker::Behaviour::Kind;

// "NOERROR AAAA 64:ff9b::c000:201 ttl 300".
std::string told(const std::vector<std::uint8_t>& reply) {
  const auto message = read_message(reply);
  if (!message) return reply.empty() ? "nothing" : "malformed";
  std::string out = to_text(message->rcode);
  for (const Rrset& rrset : message->answer) {
    out += " " + to_text(rrset.type);
    if (rrset.type == RecordType::a || rrset.type == RecordType::aaaa)
      out += " " + IpAddress::from_octets(*rrset.records().begin()).to_text();
    out += " ttl " + std::to_string(rrset.ttl_seconds);
  }
  return out;
}

// As many sockets as exchanges: one that is over must not hold its own while the next needs one. What has no socket
// fails, and the server would be called silent for it.
TEST(Resolutions, AFreedPlaceIsTakenBySomebodyElse) {
  EngineOptions options;
  options.max_exchanges = 1;
  VirtualWorker worker({}, {}, std::move(options));
  const char* kNames[] = {"a.test", "b.test", "c.test"};
  for (const char* name : kNames) worker.server[name].kind = Kind::silent;
  for (const char* name : kNames) (void)worker.ask({.name = name});
  for (const char* name : kNames) worker.server[name].kind = Kind::address;
  worker.answer_late();
  EXPECT_EQ(told(worker.reply()), "NOERROR A 192.0.2.1 ttl 300");
  EXPECT_EQ(worker.most_outstanding, 1U);
}

}  // namespace weir::test::resolutions_test
