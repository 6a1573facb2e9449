#include "resolver/server/referring_names.h"

#include <gtest/gtest.h>

#include "tests/resolver/server/virtual_worker.h"

namespace weir::referring_names_test {
namespace {

using test::VirtualWorker;
using namespace std::chrono_literals;

const WallTime kNow{std::chrono::seconds(1'700'000'000)};
const IpAddress kClient = IpAddress::ipv4(0xC0000201);

Name name(std::string_view text) {
  return *Name::parse(text);
}

TEST(ReferringNames, IsTheLastNameOfTheSameClientForALittleWhile) {
  ReferringNames names;
  EXPECT_TRUE(names.find(kClient, kNow).is_root());
  names.note(kClient, name("www.example.org").wire(), kNow);
  names.note(kClient, name("News.example.org").wire(), kNow + 1s);
  EXPECT_EQ(names.find(kClient, kNow + 1s).to_text(), "News.example.org");
  EXPECT_EQ(names.find(kClient, kNow + 1s + kReferringNameLives).to_text(), "News.example.org");
  EXPECT_TRUE(names.find(kClient, kNow + 2s + kReferringNameLives).is_root());
  EXPECT_EQ(names.find(kClient, kNow).to_text(), "News.example.org") << "another worker's clock";
  EXPECT_TRUE(names.find(kClient, kNow - 1s).is_root()) << "the clock jumped back";
  for (std::uint32_t other = 1; other < 200; ++other)
    EXPECT_TRUE(names.find(IpAddress::ipv4(0xC0000201 + other), kNow + 1s).is_root()) << other;
}

// SEMANTICS 6: refused names are logged in the decision class with the *referring allowed name seen just before from
// the same client* only if that client's privacy level is `full`
TEST(ReferringNames, IsLoggedOfClientsWhoseAddressesAreKept) {
  for (const Privacy privacy : {Privacy::full, Privacy::prefix}) {
    VirtualWorker worker;
    auto generation = std::make_unique<test::HandMadeGeneration>(2, 2);
    generation->set.policies[0].default_action = DefaultAction::deny;
    generation->set.policies[0].privacy = privacy;
    generation->block("page.test", Action::allow);
    worker.install(std::move(generation));
    worker.server["page.test"] = {};
    worker.ask({.name = "page.test"});
    worker.ask({.name = "video.test"});
    const auto decisions = worker.decisions();
    ASSERT_EQ(decisions.size(), 1U);
    EXPECT_EQ(decisions[0].link, LinkKind::default_deny);
    EXPECT_EQ(decisions[0].link_name, privacy == Privacy::full ? name("page.test") : Name());
    worker.ask({.name = "page.test"});  // cached now
    worker.pass(3s);
    worker.ask({.name = "video.test"});
    EXPECT_EQ(worker.decisions().at(0).link_name, privacy == Privacy::full ? name("page.test") : Name());
    worker.pass(11s);
    worker.ask({.name = "video.test"});
    EXPECT_TRUE(worker.decisions().at(0).link_name.is_root());
  }
}

}  // namespace
}  // namespace weir::referring_names_test
