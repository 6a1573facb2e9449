// RFC 5011 over months: a table of days, what the zone publishes and signs on each, and what its keys are then.
#include "resolver/dnssec/anchor_roll.h"

#include "tests/resolver/dnssec/records.h"
#include "zones/base/text.h"

namespace weir::anchor_roll_test {
namespace {

constexpr std::uint32_t kDay = 86'400;
constexpr std::uint32_t kStart = 1'700'000'000;

WallTime day(unsigned number) {
  return seconds_since_1970(std::int64_t{kStart} + std::int64_t{number} * kDay);
}

// One look: "A B* c" publishes A, B and C; B signs the set; a small letter is a key with the REVOKE bit.
struct Look {
  unsigned day;
  std::string published;
  std::string states;  // afterwards, by key: "A:valid B:add-pend"
  AnchorRoll::Seen seen = AnchorRoll::Seen::nothing_new;
};

class Zone {
 public:
  explicit Zone(const std::string& apex) : apex_(name(apex)) {
    for (int i = 0; i < 4; ++i) signers_.emplace_back(apex_, DnssecAlgorithm::ecdsap256sha256, 257);
    other_ = std::make_unique<Signer>(apex_, DnssecAlgorithm::ecdsap256sha256, 256);
  }

  const Signer& key(char letter) const { return signers_[static_cast<std::size_t>(std::toupper(letter) - 'A')]; }
  Octets dnskey(char letter) const {
    Octets out = key(letter).dnskey();
    if (std::islower(letter) != 0) out[1] |= 0x80;
    return out;
  }

  SignedRrset publish(const std::string& what, unsigned on_day) const {
    std::vector<Octets> keys{other_->dnskey()};  // a key that is no secure entry point is in every set
    for (const char c : what) {
      if (std::isalpha(c) != 0) keys.push_back(dnskey(c));
    }
    SignedRrset out;
    out.rrset = dnskeys_of(apex_, keys);
    out.rrset.ttl_seconds = 2 * kDay;
    const std::uint32_t now = kStart + on_day * kDay;
    for (std::size_t i = 0; i + 1 < what.size(); ++i) {
      if (what[i + 1] != '*') continue;
      Signer::Change change;
      change.inception = now - kDay;
      change.expiration = now + 14 * kDay;
      change.key_tag = key_tag(dnskey(what[i]));
      const Rrset signature = key(what[i]).sign(out.rrset, change);
      out.signatures.owner = apex_;
      out.signatures.type = RecordType::rrsig;
      out.signatures.type_covered = RecordType::dnskey;
      out.signatures.ttl_seconds = out.rrset.ttl_seconds;
      out.signatures.add(*signature.records().begin());
    }
    return out;
  }

  TrustAnchor anchor(const std::string& letters, bool as_ds) const {
    TrustAnchors anchors;
    for (const char letter : letters) {
      if (!as_ds) {
        anchors.add(apex_, RecordType::dnskey, dnskey(letter));
        continue;
      }
      const Octets rdata = dnskey(letter);
      const std::uint16_t tag = key_tag(rdata);
      Octets ds{static_cast<std::uint8_t>(tag >> 8), static_cast<std::uint8_t>(tag), rdata[3], 2};
      const auto digest = ds_digest(DigestType::sha256, apex_, rdata);
      ds.insert(ds.end(), digest.begin(), digest.end());
      anchors.add(apex_, RecordType::ds, ds);
    }
    return anchors.all().front();
  }

  std::string states(const AnchorRoll& roll) const {
    std::string out;
    for (char letter = 'A'; letter <= 'D'; ++letter) {
      for (const AnchorKey& known : roll.keys()) {
        if (known.dnskey != dnskey(letter)) continue;
        out += (out.empty() ? "" : " ") + std::string(1, letter) + ':' + std::string(to_text(known.state));
      }
    }
    return out;
  }
  // The keys that are trusted: "AC".
  std::string trusted(const AnchorRoll& roll) const {
    std::string out;
    const TrustAnchor anchor = roll.anchor();
    for (char letter = 'A'; letter <= 'D'; ++letter) {
      for (const auto rdata : anchor.dnskeys.records()) {
        if (std::ranges::equal(rdata, dnskey(letter))) out += letter;
      }
    }
    return out;
  }

  const Name& apex() const { return apex_; }

 private:
  Name apex_;
  std::vector<Signer> signers_;
  std::unique_ptr<Signer> other_;
};

AnchorRoll::Seen look_at(AnchorRoll& roll, const SignedRrset& dnskeys, unsigned on_day) {
  const AlgorithmTable algorithms = supported_algorithms();
  Budget budget(SteadyTime::max());
  return roll.observe(dnskeys, {algorithms, day(on_day), budget});
}

using enum AnchorRoll::Seen;

struct Story {
  const char* title;
  const char* configured;
  std::vector<Look> looks;
  const char* trusted;  // at the end
};

const std::vector<Story>& stories() {
  static const std::vector<Story> kStories = {
      {"a roll as it should be: the new key after 30 days, the old one revoked, then gone",
       "A",
       {{0, "A*", "A:valid", changed},
        {10, "A* B", "A:valid B:add-pend", changed},
        {39, "A* B", "A:valid B:add-pend"},
        {40, "A* B", "A:valid B:valid", changed},
        {50, "a* B*", "A:revoked B:valid", changed},
        {55, "B*", "A:revoked B:valid"},
        {79, "B*", "A:revoked B:valid"},
        {80, "B*", "A:removed B:valid", changed},
        {200, "A B*", "A:removed B:valid"}},
       "B"},
      {"a new key that goes away while it waits begins again",
       "A",
       {{0, "A*", "A:valid", changed},
        {1, "A* B", "A:valid B:add-pend", changed},
        {20, "A*", "A:valid", changed},
        {25, "A* B", "A:valid B:add-pend", changed},
        {54, "A* B", "A:valid B:add-pend"},
        {55, "A* B", "A:valid B:valid", changed}},
       "AB"},
      {"nobody looked while a new key came: it still waits for its time",
       "A",
       {{0, "A*", "A:valid", changed},
        {100, "A* B", "A:valid B:add-pend", changed},
        {131, "A* B", "A:valid B:valid", changed}},
       "AB"},
      {"a new key signs alone before its time: nothing is believed",
       "A",
       {{0, "A*", "A:valid", changed},
        {10, "A* B", "A:valid B:add-pend", changed},
        {20, "B*", "A:valid B:add-pend", refused},
        {60, "B*", "A:valid B:add-pend", refused}},
       "A"},
      {"a valid key that is not there is missing, is trusted still, and comes back",
       "AB",
       {{0, "A* B*", "A:valid B:valid", changed},
        {5, "A*", "A:valid B:missing", changed},
        {300, "B*", "A:missing B:valid", changed},
        {310, "A* B", "A:valid B:valid", changed}},
       "AB"},
      {"a missing key can be revoked",
       "AB",
       {{0, "A* B*", "A:valid B:valid", changed},
        {5, "A*", "A:valid B:missing", changed},
        {10, "A* b*", "A:valid B:revoked", changed}},
       "A"},
      {"revoked by its own signature alone: it needs nobody else's",
       "AB",
       {{0, "A* B*", "A:valid B:valid", changed}, {5, "A b*", "A:valid B:revoked", changed}},
       "A"},
      {"the REVOKE bit without the key's signature says nothing, but the key is missing",
       "AB",
       {{0, "A* B*", "A:valid B:valid", changed}, {5, "A* b", "A:valid B:missing", changed}},
       "AB"},
      {"a key that was revoked comes back without the bit: it stays revoked",
       "AB",
       {{0, "A* B*", "A:valid B:valid", changed},
        {5, "A* b*", "A:valid B:revoked", changed},
        {6, "A* B*", "A:valid B:revoked"},
        {36, "A* B*", "A:valid B:removed", changed},
        {90, "A B*", "A:valid B:removed", refused}},
       "A"},
      {"the last key is revoked: no anchor is left (section 5)",
       "A",
       {{0, "A*", "A:valid", changed}, {5, "a*", "A:revoked", changed}, {6, "A*", "A:revoked", refused}},
       ""},
      {"only what was configured is trusted at once",
       "A",
       {{0, "A* B C*", "A:valid B:add-pend C:add-pend", changed}},
       "A"},
      {"a first look that no configured key signed", "A", {{0, "B* A", "", refused}}, nullptr},
      {"a set that nobody signed", "A", {{0, "A*", "A:valid", changed}, {9, "A B", "A:valid", refused}}, "A"},
  };
  return kStories;
}

TEST(AnchorRoll, Stories) {
  for (const bool as_ds : {true, false}) {
    for (const Story& story : stories()) {
      SCOPED_TRACE(std::string(story.title) + (as_ds ? ", from DS" : ", from DNSKEY"));
      const Zone zone("example");
      const std::vector<TrustAnchor> configured{zone.anchor(story.configured, as_ds)};
      AnchorRoll roll(configured[0], {});
      for (const Look& look : story.looks) {
        SCOPED_TRACE("day " + std::to_string(look.day));
        EXPECT_EQ(look_at(roll, zone.publish(look.published, look.day), look.day), look.seen);
        EXPECT_EQ(zone.states(roll), look.states);
        // A restart after each look changes nothing.
        const auto restored = AnchorRoll::restore(AnchorRoll::save({roll}), "f", configured, {});
        ASSERT_TRUE(restored) << restored.error().message;
        ASSERT_EQ(restored->size(), 1U);
        EXPECT_EQ(AnchorRoll::save(*restored), AnchorRoll::save({roll}));
        roll = restored->front();
      }
      if (story.trusted != nullptr) {
        EXPECT_EQ(zone.trusted(roll), story.trusted);
      } else {
        EXPECT_EQ(roll.anchor().ds.size() + roll.anchor().dnskeys.size(), 1U) << "what was configured";
      }
    }
  }
}

TEST(AnchorRoll, LooksAsOftenAsTtlAndSignaturesAsk) {
  const Zone zone("example");
  AnchorRoll roll(zone.anchor("A", true), {});
  EXPECT_EQ(roll.next_look(), WallTime{}) << "at once";
  EXPECT_FALSE(roll.last_good_look());
  // TTL 2 days, signatures for 14: half of the shorter.
  static_cast<void>(look_at(roll, zone.publish("A*", 0), 0));
  EXPECT_EQ(roll.next_look(), day(1));
  EXPECT_EQ(roll.last_good_look(), day(0));
  // A tenth of it after a failure.
  roll.failed(day(1));
  EXPECT_EQ(roll.next_look(), day(1) + std::chrono::seconds(2 * kDay / 10));
  SignedRrset forever = zone.publish("A*", 2);
  EXPECT_EQ(look_at(roll, zone.publish("B*", 2), 2), refused);
  EXPECT_EQ(roll.next_look(), day(2) + std::chrono::seconds(2 * kDay / 10));
  EXPECT_EQ(roll.last_good_look(), day(0));
}

TEST(AnchorRoll, AnotherConfigurationBeginsAnew) {
  const Zone zone("example");
  AnchorRoll roll(zone.anchor("A", true), {});
  static_cast<void>(look_at(roll, zone.publish("A* B", 0), 0));
  const std::string saved = AnchorRoll::save({roll});
  for (const auto& [configured, followed] : {std::pair(zone.anchor("A", true), true),
                                             {zone.anchor("A", false), false},
                                             {zone.anchor("B", true), false},
                                             {zone.anchor("AB", true), false}}) {
    const auto restored = AnchorRoll::restore(saved, "f", {configured}, {});
    ASSERT_TRUE(restored);
    EXPECT_EQ(restored->front().followed(), followed);
  }
  const Zone other("other");
  const auto two = AnchorRoll::restore(saved, "f", {other.anchor("A", true), zone.anchor("A", true)}, {});
  ASSERT_TRUE(two);
  EXPECT_FALSE(two->at(0).followed());
  EXPECT_TRUE(two->at(1).followed());
}

TEST(AnchorRoll, FaultsInTheFileSayWhere) {
  const std::string key = "key valid 2026-12-01T00:00:00Z - 0101030dabcd";
  const struct {
    std::string text;
    std::string expected;
  } kRows[] = {
      {"\nzone . soon -", "f:2:8: expected a time such as 2026-12-01T00:00:00Z, or -, not 'soon'"},
      {"zone a..b - -", "f:1:6: expected a domain name, not 'a..b'"},
      {"zone . -", "not the end of the line"},
      {"zone . - - more", "f:1:12: expected the end of the line, not 'more'"},
      {"; c\nkey valid", "f:2:1: expected zone first, not 'key'"},
      {"zone . - -\nkeys", "f:2:1: expected zone, configured or key, not 'keys'"},
      {"zone . - -\nkey good 2026-12-01T00:00:00Z - 0101030d", "f:2:5: expected add-pend, valid"},
      {"zone . - -\nkey add-pend 2026-12-01T00:00:00Z - 0101030dab", "expected when it ends, not '-'"},
      {"zone . - -\nkey valid 2026-12-01T00:00:00Z - 0101030dax", "f:2:34: expected RDATA in hexadecimal digits"},
      {"zone . - -\nkey valid 2026-12-01T00:00:00Z - 0101030dabc", "f:2:34: expected RDATA in hexadecimal digits"},
      {"zone . - -\nconfigured key 0101030dab", "f:2:12: expected ds or dnskey, not 'key'"},
      {"zone . - -\n" +
           [&key] {
             std::string out;
             for (std::size_t i = 0; i <= kMaxAnchorKeys; ++i) out += key + '\n';
             return out;
           }(),
       "expected at most 32 keys"},
  };
  for (const auto& row : kRows) {
    const auto restored = AnchorRoll::restore(row.text, "f", {}, {});
    ASSERT_FALSE(restored) << row.text;
    EXPECT_NE(restored.error().message.find(row.expected), std::string::npos) << restored.error().message;
  }
  EXPECT_TRUE(AnchorRoll::restore("", "f", {}, {}));
}

}  // namespace
}  // namespace weir::anchor_roll_test
