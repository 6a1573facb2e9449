// What is trusted, as time passes: looks at zones' keys, negative anchors that end, and both over restarts.
#include "resolver/server/trust_upkeep.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/resolver/dnssec/records.h"
#include "tests/support/scratch_folder.h"
#include "zones/base/text.h"

namespace weir::trust_upkeep_test {
namespace {

using namespace std::chrono_literals;

class TrustUpkeepTest : public testing::Test {
 protected:
  // Of the zone `example`: A is configured, B comes later.
  TrustUpkeepTest() {
    options_.anchors = {anchor_of(a_)};
    options_.state_folder = folder_.path();
    start();
  }

  static TrustAnchor anchor_of(const Signer& signer) {
    TrustAnchors anchors;
    anchors.add(signer.zone(), RecordType::dnskey, signer.dnskey());
    return anchors.all().front();
  }

  void start(const std::vector<NegativeTrustAnchorConfig>& negative = {}) {
    upkeep_ = std::make_unique<TrustUpkeep>(options_, negative, now_);
    rules_ = upkeep_->rules();
    waiting_.clear();
    upkeep_->start(
        {.apply =
             [this](std::shared_ptr<const TrustRules> rules, const std::vector<Name>& changed) {
               rules_ = std::move(rules);
               for (const Name& each : changed) forgotten_.push_back(each.to_text());
             },
         .look_up = [this](const Question& question, std::shared_ptr<const TrustRules> rules,
                           auto done) { waiting_.push_back({question, std::move(rules), std::move(done)}); }});
  }
  void pass(std::chrono::seconds time) {
    now_.steady += time;
    now_.wall += time;
    upkeep_->tick(now_);
  }
  // Answers the oldest question with these keys, signed by the first.
  void answer(const std::vector<const Signer*>& keys) {
    ASSERT_FALSE(waiting_.empty());
    std::vector<Octets> records;
    for (const Signer* key : keys) records.push_back(key->dnskey());
    ResolutionResult result;
    result.question = waiting_.front().question;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now_.wall.time_since_epoch()).count();
    if (!keys.empty()) {
      const Rrset dnskeys = dnskeys_of(a_.zone(), records);
      Signer::Change change;
      change.inception = static_cast<std::uint32_t>(seconds - 1000);
      change.expiration = static_cast<std::uint32_t>(seconds + 14 * 86400);
      result.answer = {dnskeys, keys[0]->sign(dnskeys, change)};
      result.rcode = Rcode::noerror;
    }
    const auto done = waiting_.front().done;
    waiting_.erase(waiting_.begin());
    done(result);
    upkeep_->tick(now_);
  }
  bool validates(const char* at) const { return rules_->anchor_of(name(at), now_.wall) != nullptr; }
  double figure(Metric metric) const {
    for (const Figure& figure : upkeep_->figures(now_.wall)) {
      if (figure.metric == metric) return figure.value;
    }
    return -1;
  }
  std::string kept(const char* file) const {
    std::ifstream in(folder_ / file);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }

  struct Waiting {
    Question question;
    std::shared_ptr<const TrustRules> rules;
    TrustUpkeep::Environment::Done done;
  };
  const test::ScratchFolder folder_;
  const Signer a_{name("example"), DnssecAlgorithm::ecdsap256sha256, 257};
  const Signer b_{name("example"), DnssecAlgorithm::ecdsap256sha256, 257};
  Now now_{SteadyTime() + 1h, seconds_since_1970(1'800'000'000)};
  TrustUpkeepOptions options_;
  std::unique_ptr<TrustUpkeep> upkeep_;
  std::shared_ptr<const TrustRules> rules_;
  std::vector<std::string> forgotten_;
  std::vector<Waiting> waiting_;
};

TEST_F(TrustUpkeepTest, LooksAtOnceThenWhenItIsTimeAndKeepsWhatItSaw) {
  EXPECT_EQ(figure(Metric::anchors_configured), 1);
  pass(1s);
  ASSERT_EQ(waiting_.size(), 1U);
  EXPECT_EQ(waiting_[0].question.type, RecordType::dnskey);
  EXPECT_EQ(waiting_[0].rules, nullptr) << "it is checked here, by RFC 5011's own rules";
  pass(1s);
  EXPECT_EQ(waiting_.size(), 1U) << "one look at a time";
  answer({&a_});
  EXPECT_EQ(figure(Metric::anchors_valid), 1);
  EXPECT_NE(kept("trust_anchors").find("key valid"), std::string::npos);
  pass(30min);
  EXPECT_TRUE(waiting_.empty());
  pass(31min);
  answer({&a_, &b_});
  EXPECT_EQ(figure(Metric::anchors_add_pend), 1);
  EXPECT_EQ(rules_->anchors.all().at(0).dnskeys.size(), 1U);

  // A month later, in another process.
  now_.wall += 31 * 24h;
  start();
  EXPECT_EQ(figure(Metric::anchors_add_pend), 1);
  pass(1s);
  answer({&a_, &b_});
  EXPECT_EQ(figure(Metric::anchors_valid), 2);
  EXPECT_EQ(rules_->anchors.all().at(0).dnskeys.size(), 2U);
  EXPECT_EQ(forgotten_, std::vector<std::string>{"example"});
}

TEST_F(TrustUpkeepTest, ALookThatFailsIsTriedAgain) {
  pass(1s);
  answer({});
  EXPECT_NE(upkeep_->zones()[0].error.find("could not be fetched"), std::string::npos);
  EXPECT_EQ(figure(Metric::anchor_looks_failed), 1);
  pass(61min);
  answer({&b_});
  EXPECT_NE(upkeep_->zones()[0].error.find("not signed by any that is trusted"), std::string::npos);
  EXPECT_TRUE(validates("www.example"));
  pass(61min);
  answer({&a_});
  EXPECT_EQ(upkeep_->zones()[0].error, "");
}

TEST_F(TrustUpkeepTest, ANegativeAnchorHoldsForItsTimeOverRestarts) {
  const auto added = upkeep_->add_negative(name("www.example"), 2h, " they know ", "test", now_);
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_FALSE(validates("www.example"));
  EXPECT_TRUE(validates("example"));
  EXPECT_EQ(forgotten_, std::vector<std::string>{"www.example"});
  EXPECT_EQ(kept("negative_trust_anchors").find("www.example 2027-01-15T10:00:00Z they know\n") != std::string::npos,
            true)
      << kept("negative_trust_anchors");
  // What resolutions in flight left behind is forgotten too.
  forgotten_.clear();
  pass(1s);
  pass(7s);
  EXPECT_EQ(forgotten_, std::vector<std::string>{"www.example"});

  now_.wall += 1h;
  start();
  EXPECT_FALSE(validates("www.example"));
  EXPECT_EQ(upkeep_->negative(now_.wall).at(0).anchor.reason, "they know");
  forgotten_.clear();
  pass(1h);
  EXPECT_TRUE(validates("www.example"));
  EXPECT_EQ(forgotten_.at(0), "www.example");
  EXPECT_EQ(figure(Metric::negative_anchors), 0);
  EXPECT_EQ(kept("negative_trust_anchors").find("www"), std::string::npos);
}

TEST_F(TrustUpkeepTest, WhatIsRefusedLeavesAllAsItWas) {
  ASSERT_TRUE(upkeep_->add_negative(name("example"), 1h, "first", "test", now_));
  EXPECT_FALSE(upkeep_->add_negative(name("example"), 1h, " ", "test", now_));
  EXPECT_FALSE(upkeep_->add_negative(name("example"), 8 * 24h, "r", "test", now_));
  EXPECT_EQ(upkeep_->negative(now_.wall).at(0).anchor.reason, "first");
  EXPECT_EQ(upkeep_->remove_negative(name("other"), "test", now_).error().code, ErrorCode::not_found);
  ASSERT_TRUE(upkeep_->remove_negative(name("example"), "test", now_));
  EXPECT_TRUE(validates("example"));
  for (std::size_t i = 0; i < kMaxNegativeAnchors; ++i)
    ASSERT_TRUE(upkeep_->add_negative(name("n" + std::to_string(i)), 1h, "r", "test", now_));
  EXPECT_EQ(upkeep_->add_negative(name("more"), 1h, "r", "test", now_).error().code, ErrorCode::too_large);
  // Without a place to keep it none is made.
  options_.state_folder = folder_ / "nowhere";
  start();
  EXPECT_FALSE(upkeep_->add_negative(name("example"), 1h, "r", "test", now_));
  EXPECT_TRUE(validates("example"));
}

TEST_F(TrustUpkeepTest, ConfiguredOnes) {
  const NegativeTrustAnchorConfig week{name("example"), "r", now_.wall + 24h, "weir.toml:7"};
  NegativeTrustAnchorConfig longer = week;
  longer.until += 7 * 24h;
  EXPECT_TRUE(TrustUpkeep::check({week}, now_.wall));
  const auto refused = TrustUpkeep::check({longer}, now_.wall);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find("weir.toml:7: the negative trust anchor example would hold until"), 0U);
  upkeep_->define({week}, now_);
  EXPECT_FALSE(validates("example"));
  EXPECT_EQ(upkeep_->remove_negative(name("example"), "test", now_).error().code, ErrorCode::invalid);
  forgotten_.clear();
  upkeep_->define({week}, now_);
  EXPECT_TRUE(forgotten_.empty()) << "the same as before";
  upkeep_->define({}, now_);
  EXPECT_TRUE(validates("example"));
  // At a start it is bounded, not refused; one that has ended is nothing.
  start({longer});
  EXPECT_FALSE(validates("example"));
  pass(7 * 24h);
  EXPECT_TRUE(validates("example"));
  start({week});
  EXPECT_TRUE(validates("example"));
}

TEST_F(TrustUpkeepTest, GoesWhereTheZoneValidatesWithoutIt) {
  options_.recheck = 60s;
  start();
  pass(1s);
  answer({&a_});
  ASSERT_TRUE(upkeep_->add_negative(name("example"), 24h, "r", "test", now_));
  pass(30s);
  EXPECT_TRUE(waiting_.empty());
  for (const Security found : {Security::bogus, Security::secure}) {
    pass(31s);
    ASSERT_EQ(waiting_.size(), 1U);
    EXPECT_EQ(waiting_[0].question.type, RecordType::soa);
    EXPECT_TRUE(waiting_[0].rules != nullptr && waiting_[0].rules->negative_anchors.all().empty());
    ResolutionResult result;
    result.security = found;
    waiting_[0].done(result);
    waiting_.clear();
    pass(1s);
    EXPECT_EQ(validates("example"), found == Security::secure);
    pass(30s);
    waiting_.clear();
  }
}

TEST_F(TrustUpkeepTest, StateThatCannotBeReadIsSetAside) {
  {
    std::ofstream(folder_ / "trust_anchors") << "zone . soon -\n";
    std::ofstream(folder_ / "negative_trust_anchors") << "example 2027-01-15T10:00:00Z\n";
  }
  start();
  EXPECT_TRUE(validates("example"));
  EXPECT_EQ(figure(Metric::anchors_configured), 1);
  EXPECT_EQ(kept("trust_anchors.bad"), "zone . soon -\n");
  EXPECT_EQ(kept("negative_trust_anchors.bad"), "example 2027-01-15T10:00:00Z\n");
}

TEST(NegativeAnchorFile, FaultsSayWhere) {
  const struct {
    const char* text;
    const char* expected;
  } kRows[] = {{"a..b 2027-01-15T10:00:00Z r", "f:1:1: expected a domain name, not 'a..b'"},
               {"; c\n\na soon r", "f:3:3: expected a time, not 'soon'"},
               {"a", "f:1:3: expected a time, not ''"},
               {"a 2027-01-15T10:00:00Z", "f:1:23: expected a reason (RFC 7646), not the end of the line"}};
  for (const auto& row : kRows) {
    const auto restored = restore_negative_anchors(row.text, "f");
    ASSERT_FALSE(restored) << row.text;
    EXPECT_NE(restored.error().message.find(row.expected), std::string::npos) << restored.error().message;
  }
}

}  // namespace
}  // namespace weir::trust_upkeep_test
