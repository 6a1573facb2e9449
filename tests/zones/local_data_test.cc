#include "zones/local_data.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::local_data_test {
namespace {

using Says = LocalFinding::Outcome;

LocalZone zone(std::string_view name, std::string_view type, std::initializer_list<std::string_view> records = {}) {
  LocalZone out{*Name::parse(name), *parse_local_zone_type(type), {}};
  for (const auto text : records) out.records.push_back(*parse_resource_record(text, 300));
  return out;
}

std::string show(const LocalFinding& finding) {
  static constexpr std::string_view kWords[] = {"-", "records", "alias", "nodata", "nxdomain", "refused", "dropped"};
  std::string out(kWords[static_cast<std::size_t>(finding.outcome)]);
  if (finding.rrset != nullptr) out += " " + finding.rrset->owner.to_text() + " " + to_text(finding.rrset->type);
  if (finding.soa != nullptr) out += " SOA";
  return out;
}

const LocalData& data() {
  static const LocalData made(std::vector<LocalZone>{
      zone("fixed.example", "static",
           {"fixed.example SOA ns.fixed.example h.example 1 2 3 4 5", "a.fixed.example A 192.0.2.1",
            "a.fixed.example A 192.0.2.2", "c.fixed.example CNAME www.example.org",
            "c.fixed.example NSEC d.fixed.example CNAME NSEC", "deep.ent.fixed.example TXT x",
            "*.wild.fixed.example A 192.0.2.3", "there.wild.fixed.example TXT x",
            "mx.fixed.example MX 1 a.fixed.example"}),
      zone("empty.example", "static"),
      zone("clear.example", "transparent", {"a.clear.example A 192.0.2.1", "deep.ent.clear.example A 192.0.2.1"}),
      zone("types.example", "typetransparent", {"a.types.example A 192.0.2.1"}),
      zone("all.example", "redirect", {"all.example A 192.0.2.4", "all.example SOA ns.example h.example 1 2 3 4 5"}),
      zone("star.example", "redirect", {"star.example CNAME *.target.example"}),
      zone("noa.example", "no_a", {"a.noa.example A 192.0.2.1"}),
      zone("noaaaa.example", "no_aaaa"),
      zone("nodata.example", "nodata"),
      zone("refuse.example", "refuse", {"ok.refuse.example A 192.0.2.1"}),
      zone("drop.example", "drop"),
      zone("again.fixed.example", "resolve"),
      zone("inner.all.example", "static", {"x.inner.all.example A 192.0.2.9"}),
  });
  return made;
}

TEST(LocalDataTest, WhatEachTypeSays) {
  struct Row {
    std::string_view name;
    RecordType type;
    std::string_view expected;
  };
  using enum RecordType;
  const Row rows[] = {
      {"www.example.org", a, "-"},
      {"example", a, "-"},
      {".", a, "-"},
      {"a.fixed.example", a, "records a.fixed.example A"},
      {"A.FIXED.Example", a, "records a.fixed.example A"},
      {"a.fixed.example", aaaa, "nodata SOA"},
      {"fixed.example", a, "nodata SOA"},
      {"fixed.example", soa, "records fixed.example SOA"},
      {"no.fixed.example", a, "nxdomain SOA"},
      {"x.a.fixed.example", a, "nxdomain SOA"},
      {"ent.fixed.example", a, "nodata SOA"},  // empty non-terminal (RFC 8020)
      {"c.fixed.example", a, "alias c.fixed.example CNAME"},
      {"c.fixed.example", cname, "records c.fixed.example CNAME"},
      {"c.fixed.example", nsec, "records c.fixed.example NSEC"},  // RFC 4035 section 2.5
      {"a.fixed.example", any, "records a.fixed.example A"},
      {"x.wild.fixed.example", a, "records *.wild.fixed.example A"},
      {"x.y.wild.fixed.example", a, "records *.wild.fixed.example A"},
      {"x.wild.fixed.example", aaaa, "nodata SOA"},
      {"there.wild.fixed.example", a, "nodata SOA"},
      {"x.there.wild.fixed.example", a,
       "nxdomain SOA"},  // the closest encloser has no wildcard (RFC 4592 section 3.3.1)
      {"wild.fixed.example", a, "nodata SOA"},
      {"again.fixed.example", a, "-"},
      {"www.again.fixed.example", a, "-"},
      {"empty.example", a, "nxdomain"},
      {"x.empty.example", a, "nxdomain"},
      {"a.clear.example", a, "records a.clear.example A"},
      {"a.clear.example", mx, "nodata"},
      {"b.clear.example", a, "-"},
      {"ent.clear.example", a, "-"},
      {"clear.example", a, "-"},
      {"a.types.example", a, "records a.types.example A"},
      {"a.types.example", mx, "-"},
      {"all.example", a, "records all.example A"},
      {"x.y.all.example", a, "records all.example A"},
      {"x.all.example", mx, "nodata SOA"},
      {"x.all.example", soa, "nodata SOA"},
      {"all.example", soa, "records all.example SOA"},
      {"x.inner.all.example", a, "records x.inner.all.example A"},
      {"y.inner.all.example", a, "nxdomain"},
      {"x.star.example", a, "alias star.example CNAME"},
      {"a.noa.example", a, "records a.noa.example A"},
      {"b.noa.example", a, "nodata"},
      {"b.noa.example", aaaa, "-"},
      {"b.noaaaa.example", aaaa, "nodata"},
      {"b.noaaaa.example", a, "-"},
      {"b.nodata.example", https, "nodata"},
      {"b.refuse.example", a, "refused"},
      {"ok.refuse.example", a, "records ok.refuse.example A"},
      {"ok.refuse.example", aaaa, "refused"},
      {"drop.example", a, "dropped"},
  };
  for (const Row& row : rows)
    EXPECT_EQ(show(data().find(*Name::parse(row.name), row.type)), row.expected)
        << row.name << " " << to_text(row.type);
  EXPECT_EQ(data().zones(), 13U);
}

TEST(LocalDataTest, ADsIsTheParentsWord) {
  using enum RecordType;
  EXPECT_FALSE(data().find(*Name::parse("fixed.example"), ds).in_zone);
  EXPECT_EQ(show(data().find(*Name::parse("a.fixed.example"), ds)), "nodata SOA");
  EXPECT_EQ(show(data().find(*Name::parse("inner.all.example"), ds)), "nodata SOA");
  EXPECT_EQ(show(data().find(*Name::parse("again.fixed.example"), ds)), "nodata SOA");
}

TEST(LocalDataTest, TheLongestZoneIsNamed) {
  EXPECT_EQ(data().find(*Name::parse("a.b.fixed.example"), RecordType::a).zone_labels, 2U);
  EXPECT_EQ(data().find(*Name::parse("x.again.fixed.example"), RecordType::a).zone_labels, 3U);
  EXPECT_TRUE(data().find(*Name::parse("x.again.fixed.example"), RecordType::a).in_zone);
  EXPECT_TRUE(data().find(*Name::parse("x.star.example"), RecordType::a).substitutes);
  EXPECT_FALSE(data().find(*Name::parse("c.fixed.example"), RecordType::a).substitutes);
}

TEST(LocalDataTest, AZoneForEverything) {
  const LocalData everything(std::vector<LocalZone>{zone(".", "refuse", {"a.example A 192.0.2.1"})});
  EXPECT_EQ(show(everything.find(*Name::parse("www.example.org"), RecordType::a)), "refused");
  EXPECT_EQ(show(everything.find(Name(), RecordType::a)), "refused");
  EXPECT_EQ(show(everything.find(*Name::parse("a.example"), RecordType::a)), "records a.example A");
  const LocalData nothing(std::vector<LocalZone>{});
  EXPECT_FALSE(nothing.find(*Name::parse("www.example.org"), RecordType::a).in_zone);
}

// As many as an administrator may have, and each found: the table grows under way.
TEST(LocalDataTest, ManyNames) {
  std::vector<LocalZone> zones{zone("many.example", "static")};
  for (int i = 0; i < 20'000; ++i) {
    zones[0].records.push_back(*parse_resource_record("h" + std::to_string(i) + ".many.example A 192.0.2.1", 60));
  }
  const LocalData many(zones);
  EXPECT_EQ(many.records(), 20'000U);
  for (int i = 0; i < 20'000; i += 7) {
    const Name name = *Name::parse("h" + std::to_string(i) + ".many.example");
    ASSERT_EQ(many.find(name, RecordType::a).outcome, Says::records) << i;
  }
  EXPECT_EQ(many.find(*Name::parse("h20000.many.example"), RecordType::a).outcome, Says::nxdomain);
}

}  // namespace
}  // namespace weir::local_data_test
