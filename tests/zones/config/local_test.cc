#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch_folder.h"
#include "zones/config/config.h"
#include "zones/group_zones.h"
#include "zones/local_data.h"

namespace weir::local_test {
namespace {

class LocalConfigTest : public ::testing::Test {
 protected:
  Result<Config> load(std::string_view text) {
    const auto file = folder_ / "weir.toml";
    std::ofstream(file, std::ios::binary) << text;
    return Config::load(file);
  }
  std::string faults(std::string_view text) {
    auto config = load(text);
    if (config) return "";
    std::string out = config.error().message;
    const std::string prefix = folder_.path().string() + "/";
    for (std::size_t at = 0; (at = out.find(prefix, at)) != std::string::npos;) out.erase(at, prefix.size());
    return out;
  }
  const test::ScratchFolder folder_;
};

TEST_F(LocalConfigTest, RecordsZonesAndPointers) {
  const auto config = load(R"(
[local]
records = ["router.home.example. A 10.0.0.1", "nas.home.example 60 AAAA fd00::2", "www.home.example CNAME nas.home.example",
           "*.apps.example A 10.0.0.9", "second.home.example A 10.0.0.1", "4.0.0.10.in-addr.arpa PTR kept.example",
           "four.home.example A 10.0.0.4", "in.zone.example A 10.0.0.5"]
ttl = 120
ptr = true
special_names = false

[[local_zone]]
name = "zone.example."
type = "static"
records = ["zone.example A 10.0.0.6"]
)");
  ASSERT_TRUE(config) << config.error().message;
  const PolicySet set = config->compile();
  EXPECT_FALSE(set.special_names);
  const LocalData data(set.local_zones);
  const auto find = [&](std::string_view name, RecordType type) { return data.find(*Name::parse(name), type); };
  using Says = LocalFinding::Outcome;
  EXPECT_EQ(find("router.home.example", RecordType::a).outcome, Says::records);
  EXPECT_EQ(find("router.home.example", RecordType::a).rrset->ttl_seconds, 120U);
  EXPECT_EQ(find("router.home.example", RecordType::aaaa).outcome, Says::nodata);
  EXPECT_EQ(find("other.home.example", RecordType::a).outcome, Says::none);
  EXPECT_EQ(find("nas.home.example", RecordType::aaaa).rrset->ttl_seconds, 60U);
  EXPECT_EQ(find("www.home.example", RecordType::a).outcome, Says::alias);
  EXPECT_EQ(find("x.y.apps.example", RecordType::a).outcome, Says::records);
  EXPECT_EQ(find("apps.example", RecordType::a).outcome, Says::none);
  EXPECT_EQ(find("in.zone.example", RecordType::a).outcome, Says::records);
  EXPECT_EQ(find("other.zone.example", RecordType::a).outcome, Says::nxdomain);
  // One PTR an address: of the first name, or as written.
  const auto pointer = find("1.0.0.10.in-addr.arpa", RecordType::ptr);
  ASSERT_EQ(pointer.outcome, Says::records);
  EXPECT_EQ(pointer.rrset->size(), 1U);
  EXPECT_EQ(rdata_name(*pointer.rrset->records().begin())->to_text(), "router.home.example");
  EXPECT_EQ(rdata_name(*find("4.0.0.10.in-addr.arpa", RecordType::ptr).rrset->records().begin())->to_text(),
            "kept.example");
  // ptr of [local] is for its own records, and no wildcard has one.
  EXPECT_EQ(find("6.0.0.10.in-addr.arpa", RecordType::ptr).outcome, Says::none);
  EXPECT_EQ(find("9.0.0.10.in-addr.arpa", RecordType::ptr).outcome, Says::none);
  // What a generation stores.
  const auto back = PolicySet::from_json(set.to_json());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, set);
  EXPECT_NE(set.canonical_text(), PolicySet::with_defaults().canonical_text());
}

// Names of forward and stub zones are asked for, also where they are special; a zone of the same name is answered here.
TEST_F(LocalConfigTest, AForwarderTakesItsNamesOut) {
  const auto config = load(R"(
[local]
records = ["dc.corp.local A 10.0.0.1"]
[[forward]]
name = "10.in-addr.arpa"
servers = ["10.0.0.53"]
[[forward]]
name = "corp.local"
servers = ["10.0.0.53"]
[[forward]]
name = "both.example"
servers = ["10.0.0.53"]
[[local_zone]]
name = "Both.example"
type = "static"
)");
  ASSERT_TRUE(config) << config.error().message;
  const LocalData data(config->compile().local_zones);
  const auto find = [&](std::string_view name) { return data.find(*Name::parse(name), RecordType::a); };
  using Says = LocalFinding::Outcome;
  for (const char* name : {"1.0.0.10.in-addr.arpa", "10.in-addr.arpa", "x.corp.local"}) {
    EXPECT_TRUE(find(name).in_zone) << name;
    EXPECT_EQ(find(name).outcome, Says::none) << name;
  }
  EXPECT_EQ(find("dc.corp.local").outcome, Says::records);
  EXPECT_EQ(find("x.both.example").outcome, Says::nxdomain);
}

TEST_F(LocalConfigTest, ZonesOfSomeGroupsAlone) {
  const auto config = load(R"(
[local]
records = ["router.home.example A 10.0.0.1"]
[[group]]
name = "kids"
clients = ["192.0.2.0/25"]
[[group]]
name = "guests"
clients = ["192.0.2.128/25"]
[[local_zone]]
name = "home.example"
type = "static"
[[local_zone]]
name = "home.example"
type = "redirect"
records = ["home.example A 10.0.0.2"]
groups = ["kids", "guests"]
[[local_zone]]
name = "deep.home.example"
type = "refuse"
[[local_zone]]
name = "games.example"
type = "nodata"
groups = ["kids"]
[[local_zone]]
name = "a.games.example"
type = "static"
records = ["a.games.example CNAME b.example"]
groups = ["default"]
[[local_zone]]
name = "A.games.example"
records = ["a.games.example A 10.0.0.3"]
groups = ["guests"]
)");
  ASSERT_TRUE(config) << config.error().message;
  const PolicySet set = config->compile();
  EXPECT_EQ(*PolicySet::from_json(set.to_json()), set);
  const GroupZones zones(set);
  const std::uint32_t kids = *set.find_group("kids");
  const std::uint32_t guests = *set.find_group("guests");
  ASSERT_NE(zones.of_group(kids), nullptr);
  ASSERT_NE(zones.of_group(0), nullptr);
  EXPECT_EQ(zones.of_group(99), nullptr);
  using Says = LocalFinding::Outcome;
  const struct {
    const LocalData* data;
    const char* name;
    Says outcome;
  } rows[] = {
      {zones.of_everybody(), "router.home.example", Says::records},
      {zones.of_everybody(), "other.home.example", Says::nxdomain},
      {zones.of_everybody(), "x.games.example", Says::none},
      {zones.of_group(0), "a.games.example", Says::alias},
      {zones.of_group(0), "other.home.example", Says::none},
      {zones.of_group(kids), "other.home.example", Says::records},
      {zones.of_group(kids), "x.games.example", Says::nodata},
      {zones.of_group(guests), "a.games.example", Says::records},
      {zones.of_group(guests), "x.games.example", Says::none},
  };
  for (const auto& row : rows)
    EXPECT_EQ(row.data->find(*Name::parse(row.name), RecordType::a).outcome, row.outcome) << (&row - rows) << row.name;
}

TEST_F(LocalConfigTest, Dns64) {
  EXPECT_FALSE(load("[dns64]\nprefix = \"64:ff9b::/96\"")->compile().dns64);
  const auto config = load(R"(
[dns64]
on = true
prefix = "2001:db8:64::/56"
clients = ["2001:db8::/48"]
exclude_ipv4 = ["10.0.0.0/8"]
)");
  ASSERT_TRUE(config) << config.error().message;
  const PolicySet set = config->compile();
  ASSERT_TRUE(set.dns64);
  EXPECT_EQ(set.dns64->prefix.to_text(), "2001:db8:64::/56");
  EXPECT_EQ(set.dns64->exclude.size(), 1U);
  EXPECT_EQ(*PolicySet::from_json(set.to_json()), set);
  // RFC 8880 section 7.1.
  const LocalData data(set.local_zones);
  EXPECT_EQ(data.find(*Name::parse("ipv4only.arpa"), RecordType::a).rrset->size(), 2U);
}

TEST_F(LocalConfigTest, FaultsHavePlaceAndReason) {
  struct Row {
    std::string_view text;
    std::string_view place;
    std::string_view reason;
  };
  const Row rows[] = {
      {"[local]\nrecords = [\"ok.example A 192.0.2.1\",\n  \"router.example A 300.0.0.1\"]",
       "weir.toml:3:3: ", "expected a record such as \"router.home.example. 3600 IN A 192.0.2.1\""},
      {"[local]\nrecords = \"router.example A 192.0.2.1\"", "weir.toml:2:11: ", "expected an array"},
      {"[local]\nrecords = [5]", "weir.toml:2:12: ", "expected a string"},
      {"[local]\nrecord = []", "weir.toml:2:1: ", "did you mean 'records'?"},
      {"[local]\nrecords = [\"a.example CNAME b.example\", \"a.example A 192.0.2.1\"]",
       "weir.toml:2:41: ", "a CNAME stands alone"},
      {"[local]\nrecords = [\"a.example CNAME b.example\", \"A.example CNAME c.example\"]",
       "weir.toml:2:41: ", "another CNAME"},
      {"[local]\nrecords = [\"a.example SOA a.example b.example 1 2 3 4 5\"]", "weir.toml:2:12: ", "belongs to a"},
      {"[local]\nrecords = [\"a.example DNAME b.example\"]", "weir.toml:2:12: ", "a DNAME is not served from here"},
      {"[[local_zone]]\nname = \"home.example\"\nrecords = [\"router A 192.0.2.1\"]",
       "weir.toml:3:12: ", "does not lie in the zone \"home.example\"; names are whole names"},
      {"[[local_zone]]\nname = \"home.example\"\ntype = \"redirect\"\nrecords = [\"x.home.example A 192.0.2.1\"]",
       "weir.toml:4:12: ", "its records are those of its own name"},
      {"[[local_zone]]\nname = \"home.example\"\ntype = \"resolve\"\nrecords = [\"home.example A 192.0.2.1\"]",
       "weir.toml:4:12: ", "it has no records"},
      {"[[local_zone]]\nname = \"home.example\"\nrecords = [\"x.home.example SOA a b 1 2 3 4 5\"]",
       "weir.toml:3:12: ", "an SOA is of the zone's own name"},
      {"[[local_zone]]\nname = \"home.example\"\ngroups = [\"kids\"]",
       "weir.toml:3:11: ", "there is no group \"kids\""},
      {"[[local_zone]]\nname = \"home.example\"\nptr = true\ngroups = [\"default\"]",
       "weir.toml:3:7: ", "a zone of some groups has no ptr"},
      {"[[local_zone]]\nname = \"a.example\"\ngroups = [\"default\"]\n[[local_zone]]\nname = \"A.example\"\ngroups = "
       "[\"default\"]",
       "weir.toml:5:8: ", "a local zone \"A.example\" of the group \"default\" is defined at weir.toml:1"},
      {"[[local_zone]]\ntype = \"static\"", "weir.toml:1:1: ", "needs the key 'name'"},
      {"[[local_zone]]\nname = \"a..example\"", "weir.toml:2:8: ", "expected a domain name"},
      {"[[local_zone]]\nname = \"home.example\"\ntype = \"statik\"", "weir.toml:3:8: ", "\"static\""},
      {"[[local_zone]]\nname = \"home.example\"\n[[local_zone]]\nname = \"Home.Example.\"",
       "weir.toml:4:8: ", "is defined at"},
      {"[dns64]\nprefix = \"192.0.2.0/24\"",
       "weir.toml:2:10: ", "expected an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits"},
      {"[dns64]\nprefix = \"2001:db8::/60\"", "weir.toml:2:10: ", "expected an IPv6 prefix of 32"},
      {"[dns64]\nprefix = \"2001:db8:0:0:100::/96\"", "weir.toml:2:10: ", "bits 64 to 71"},
      {"[[local]]\nrecords = []", "weir.toml:1:", "write [local]"},
  };
  for (const Row& row : rows) {
    const std::string found = faults(row.text);
    EXPECT_TRUE(found.starts_with(row.place)) << row.text << "\n" << found;
    EXPECT_NE(found.find(row.reason), std::string::npos) << row.text << "\n" << found;
  }
}

}  // namespace
}  // namespace weir::local_test
