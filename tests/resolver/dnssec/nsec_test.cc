#include "resolver/dnssec/nsec.h"

#include "tests/resolver/dnssec/records.h"

namespace weir::nsec_test {
namespace {

TEST(TypeBitmap, BoundsAndBits) {
  struct Row {
    const char* what;
    Octets windows;
    bool ok;
    std::vector<unsigned> types;
  };
  Octets full(34, 0xFF);
  full[0] = 0;
  full[1] = 32;
  Octets too_long(35, 0xFF);
  too_long[0] = 0;
  too_long[1] = 33;
  Octets rfc4034{0, 6, 0x40, 1, 0, 0, 0, 3, 4, 27};
  rfc4034.resize(rfc4034.size() + 26);
  rfc4034.push_back(0x20);
  Octets ends{0, 1, 0x80, 255, 32};
  ends.resize(ends.size() + 31);
  ends.push_back(1);
  const Row rows[] = {
      {"none", {}, true, {}},
      {"A, MX", {0, 2, 0x40, 0x01}, true, {1, 15}},
      {"RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234", rfc4034, true, {1, 15, 46, 47, 1234}},
      {"type 0, type 65535", ends, true, {0, 65535}},
      {"a whole window", full, true, {0, 1, 2, 255}},
      {"one octet", {0}, false, {}},
      {"no octets in the window", {0, 0}, false, {}},
      {"33 octets in the window", too_long, false, {}},
      {"cut off", {0, 2, 0x40}, false, {}},
      {"windows in the wrong order", {1, 1, 0x40, 0, 1, 0x40}, false, {}},
      {"the same window twice", {0, 1, 0x40, 0, 1, 0x20}, false, {}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    const auto bitmap = TypeBitmap::parse(row.windows);
    ASSERT_EQ(bitmap.has_value(), row.ok);
    if (!bitmap) continue;
    for (const unsigned type : row.types) EXPECT_TRUE(bitmap->has(static_cast<RecordType>(type))) << type;
    EXPECT_FALSE(bitmap->has(static_cast<RecordType>(256)));
    EXPECT_FALSE(bitmap->has(static_cast<RecordType>(1235)));
  }
}

TEST(Nsec, MustLieInsideItsZone) {
  const std::tuple<const char*, const char*, bool> rows[] = {
      {"a.example. NSEC b.example. A", "example.", true},
      {"a.example. NSEC example. A", "example.", true},
      {"example. NSEC example. SOA", "example.", true},
      {"a.example. NSEC b.example. A", "a.example.", false},
      {"a.example. NSEC z.other. A", "example.", false},
      {"a.example. NSEC com. A", "example.", false},
      {"a.example. NSEC . A", "example.", false},
      {"a.example. NSEC . A", ".", true},
      {"a.example. NSEC b.example. A", "other.", false},
      {"a.other. NSEC b.example. A", "example.", false},
      {"a.example. NSEC b.example. A\na.example. NSEC c.example. A", "example.", false},
      {"a.example. A 192.0.2.1", "example.", false},
  };
  for (const auto& [text, zone, ok] : rows) {
    EXPECT_EQ(parse_nsec(rrset_of(text), name(zone)).has_value(), ok) << text << " in " << zone;
  }
}

TEST(Nsec, CutOffIsNothing) {
  const Octets rdata = rdata_of("a.example. NSEC b.example. A MX TYPE1234");
  for (std::size_t size = 0; size < rdata.size(); ++size) {
    Rrset rrset;
    rrset.owner = name("a.example");
    rrset.type = RecordType::nsec;
    rrset.add(std::span(rdata).first(size));
    const auto nsec = parse_nsec(rrset, name("example"));
    // Whole windows, or none at all, are a shorter record, not a broken one.
    EXPECT_EQ(nsec.has_value(), size == name("b.example").size() || size == name("b.example").size() + 4) << size;
  }
  Rrset pointer;
  pointer.owner = name("a.example");
  pointer.type = RecordType::nsec;
  pointer.add(Octets{0xC0, 0, 0, 1, 0x40});
  EXPECT_FALSE(parse_nsec(pointer, name("example")));
}

TEST(Nsec, CoversBetweenOwnerAndNext) {
  struct Row {
    const char* nsec;
    const char* covered;
    bool covers;
    const char* closest_encloser;
  };
  const Row rows[] = {
      {"b.example. NSEC d.example. A", "c.example", true, "example"},
      {"b.example. NSEC d.example. A", "C.Example", true, "example"},
      {"b.example. NSEC d.example. A", "b.example", false, ""},
      {"b.example. NSEC d.example. A", "d.example", false, ""},
      {"b.example. NSEC d.example. A", "a.example", false, ""},
      {"b.example. NSEC d.example. A", "x.d.example", false, ""},
      {"b.example. NSEC d.example. A", "x.b.example", true, "b.example"},
      {"b.example. NSEC z.y.x.example. A", "m.x.example", true, "x.example"},
      {"b.example. NSEC z.y.x.example. A", "x.example", true, "x.example"},  // an empty non-terminal
      {"y.example. NSEC example. A", "z.example", true, "example"},          // the last one wraps
      {"y.example. NSEC example. A", "z.y.example", true, "y.example"},
      {"y.example. NSEC example. A", "b.example", false, ""},
      {"y.example. NSEC example. A", "example", false, ""},
      {"example. NSEC example. SOA", "a.example", true, "example"},  // alone
      {"y.example. NSEC b.example. A", "z.example", false, ""},      // runs backwards and is not the last
      {"y.example. NSEC b.example. A", "a.example", false, ""},
      {"\\000.example. NSEC \\255.example. A", "a.example", true, "example"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.nsec) + " / " + row.covered);
    const Rrset rrset = rrset_of(row.nsec);
    const auto nsec = parse_nsec(rrset, name("example"));
    ASSERT_TRUE(nsec);
    EXPECT_EQ(nsec->covers(name(row.covered)), row.covers);
    if (row.covers) {
      EXPECT_EQ(nsec->closest_encloser(name(row.covered)), name(row.closest_encloser));
    }
  }
}

}  // namespace
}  // namespace weir::nsec_test
