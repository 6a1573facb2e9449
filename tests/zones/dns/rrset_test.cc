#include "zones/dns/rrset.h"

#include <gtest/gtest.h>

namespace weir::rrset_test {
namespace {

using Octets = std::vector<std::uint8_t>;

TEST(Rrset, RecordsAreKeptOnceInOrder) {
  Rrset rrset;
  const Octets first = {192, 0, 2, 1};
  const Octets second = {192, 0, 2, 2};
  rrset.add(first);
  rrset.add(second);
  rrset.add(first);
  EXPECT_EQ(rrset.size(), 2U);
  std::vector<Octets> seen;
  for (const auto rdata : rrset.records()) seen.emplace_back(rdata.begin(), rdata.end());
  EXPECT_EQ(seen, (std::vector<Octets>{first, second}));
  Rrset copy;
  copy.set_packed(rrset.packed(), rrset.size());
  EXPECT_EQ(copy.size(), 2U);
  copy.add({});
  EXPECT_EQ(copy.size(), 3U);
}

struct Row {
  const char* what;
  RecordType type;
  Octets message;  // "org" at 0, then RDATA from 5 on
  bool ok;
  Octets rdata;
};

// Position 0 holds the name "org"; the RDATA is what follows.
Octets after_org(Octets rdata) {
  Octets message = {3, 'o', 'r', 'g', 0};
  message.insert(message.end(), rdata.begin(), rdata.end());
  return message;
}

TEST(ReadRdata, ExpandsNamesAndChecksShapes) {
  const Octets org = {3, 'o', 'r', 'g', 0};
  Octets soa_tail(20, 7);
  Octets soa = {0xC0, 0, 0};
  soa.insert(soa.end(), soa_tail.begin(), soa_tail.end());
  Octets soa_out = {3, 'o', 'r', 'g', 0, 0};
  soa_out.insert(soa_out.end(), soa_tail.begin(), soa_tail.end());
  Octets short_soa(soa.begin(), soa.end() - 1);
  const Row rows[] = {
      {"A", RecordType::a, {1, 2, 3, 4}, true, {1, 2, 3, 4}},
      {"A of three octets", RecordType::a, {1, 2, 3}, false, {}},
      {"AAAA of four octets", RecordType::aaaa, {1, 2, 3, 4}, false, {}},
      {"NS compressed", RecordType::ns, {1, 'a', 0xC0, 0}, true, {1, 'a', 3, 'o', 'r', 'g', 0}},
      {"NS with something after it", RecordType::ns, {0xC0, 0, 9}, false, {}},
      {"NS that is empty", RecordType::ns, {}, false, {}},
      {"MX", RecordType::mx, {0, 10, 0xC0, 0}, true, {0, 10, 3, 'o', 'r', 'g', 0}},
      {"MX cut off", RecordType::mx, {0}, false, {}},
      {"SOA", RecordType::soa, soa, true, soa_out},
      {"SOA too short", RecordType::soa, short_soa, false, {}},
      {"SRV", RecordType::srv, {0, 1, 0, 2, 0, 3, 0xC0, 0}, true, {0, 1, 0, 2, 0, 3, 3, 'o', 'r', 'g', 0}},
      {"NAPTR",
       RecordType::naptr,
       {0, 1, 0, 2, 1, 'u', 0, 0, 0xC0, 0},
       true,
       {0, 1, 0, 2, 1, 'u', 0, 0, 3, 'o', 'r', 'g', 0}},
      {"NAPTR with strings past its end", RecordType::naptr, {0, 1, 0, 2, 99, 'u'}, false, {}},
      {"unknown type is opaque", RecordType{65280}, {0xC0, 0}, true, {0xC0, 0}},
      {"empty RDATA of an unknown type", RecordType{65280}, {}, true, {}},
      {"NSEC", RecordType::nsec, {0xC0, 0, 0, 1, 0x40}, true, {3, 'o', 'r', 'g', 0, 0, 1, 0x40}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    const Octets message = after_org(row.message);
    Reader reader(message);
    reader.seek(5);
    const Octets rdata = read_rdata(reader, row.type, row.message.size());
    EXPECT_EQ(reader.ok(), row.ok);
    if (!row.ok) continue;
    EXPECT_EQ(rdata, row.rdata);
    EXPECT_EQ(reader.remaining(), 0U);
  }
}

TEST(ReadRdata, StaysInsideItsRecord) {
  const Octets message = {1, 'a', 0, 1, 'b', 0};
  Reader reader(message);
  reader.seek(3);
  (void)read_rdata(reader, RecordType::ns, 2);  // the name needs three octets
  EXPECT_FALSE(reader.ok());
  Reader past(message);
  (void)read_rdata(past, RecordType::a, 7);
  EXPECT_FALSE(past.ok());
}

TEST(Rrset, WritesAndReadsBackCompressed) {
  struct WriteRow {
    RecordType type;
    Octets rdata;
    std::size_t size;  // of the record behind a name "www.example.org" that was written before
  };
  const Name target = *Name::parse("mail.example.org");
  Octets mx = {0, 10};
  mx.insert(mx.end(), target.wire().begin(), target.wire().end());
  const Octets name(target.wire().begin(), target.wire().end());
  Octets srv = {0, 1, 0, 2, 0, 3};
  srv.insert(srv.end(), name.begin(), name.end());
  const WriteRow rows[] = {
      {RecordType::a, {1, 2, 3, 4}, 2 + 10 + 4},
      {RecordType::cname, name, 2 + 10 + 7},
      {RecordType::mx, mx, 2 + 10 + 9},
      {RecordType::dname, name, 2 + 10 + name.size()},  // RFC 6672 section 2.5: never compressed
      {RecordType::srv, srv, 2 + 10 + srv.size()},      // RFC 2782
  };
  for (const WriteRow& row : rows) {
    SCOPED_TRACE(to_text(row.type));
    Octets out(512);
    Writer writer(out);
    Rrset rrset;
    rrset.owner = *Name::parse("www.example.org");
    rrset.type = row.type;
    rrset.add(row.rdata);
    writer.name(rrset.owner);
    const std::size_t before = writer.size();
    rrset.write(writer, 300);
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(writer.size() - before, row.size);
    Reader reader(writer.written());
    reader.seek(before);
    EXPECT_EQ(reader.name(), rrset.owner);
    EXPECT_EQ(reader.u16(), static_cast<std::uint16_t>(row.type));
    EXPECT_EQ(reader.u16(), 1);
    EXPECT_EQ(reader.u32(), 300U);
    const std::uint16_t length = reader.u16();
    EXPECT_EQ(read_rdata(reader, row.type, length), row.rdata);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.remaining(), 0U);
  }
}

TEST(Rrset, ThatDoesNotFitTurnsTheWriterNotOk) {
  Octets out(20);
  Writer writer(out);
  Rrset rrset;
  rrset.add(Octets(64, 1));
  rrset.write(writer, 1);
  EXPECT_FALSE(writer.ok());
}

struct FoldRow {
  const char* what;
  RecordType type;
  Octets rdata;
  Octets folded;
};

// RFC 4034 section 6.2 with RFC 6840 section 5.1.
TEST(FoldRdataNames, FoldsNamesOfTheListedTypesAndNothingElse) {
  const FoldRow rows[] = {
      {"NS", RecordType::ns, {2, 'N', 's', 0}, {2, 'n', 's', 0}},
      {"MX: only the name", RecordType::mx, {'A', 'B', 1, 'X', 0}, {'A', 'B', 1, 'x', 0}},
      {"SOA: both names, not the numbers",
       RecordType::soa,
       {1, 'A', 0, 1, 'B', 0, 'C', 'D'},
       {1, 'a', 0, 1, 'b', 0, 'C', 'D'}},
      {"NAPTR: not its strings",
       RecordType::naptr,
       {0, 1, 0, 2, 1, 'U', 1, 'S', 0, 1, 'X', 0},
       {0, 1, 0, 2, 1, 'U', 1, 'S', 0, 1, 'x', 0}},
      {"SRV", RecordType::srv, {'A', 0, 0, 0, 0, 'B', 1, 'X', 0}, {'A', 0, 0, 0, 0, 'B', 1, 'x', 0}},
      {"A6", RecordType{38}, {120, 'A', 1, 'X', 0}, {120, 'A', 1, 'x', 0}},
      {"A6 without a name", RecordType{38}, {0, 'A', 'B'}, {0, 'A', 'B'}},
      {"RRSIG: the signer",
       RecordType::rrsig,
       {'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 1, 'X', 0, 'Y'},
       {'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 1, 'x', 0, 'Y'}},
      {"NSEC stays", RecordType::nsec, {1, 'X', 0, 0, 1, 0x40}, {1, 'X', 0, 0, 1, 0x40}},
      {"HINFO has no names", RecordType::hinfo, {1, 'X', 1, 'Y'}, {1, 'X', 1, 'Y'}},
      {"TXT has none", RecordType::txt, {1, 'X'}, {1, 'X'}},
      {"SVCB is not on the list", RecordType::svcb, {0, 1, 1, 'X', 0}, {0, 1, 1, 'X', 0}},
      {"MX that is too short", RecordType::mx, {'A'}, {'A'}},
      {"PX whose second name is cut off", RecordType{26}, {0, 1, 1, 'X', 0, 5, 'Y'}, {0, 1, 1, 'x', 0, 5, 'Y'}},
      {"empty", RecordType::ns, {}, {}},
  };
  for (const FoldRow& row : rows) {
    SCOPED_TRACE(row.what);
    Octets rdata = row.rdata;
    fold_rdata_names(row.type, rdata);
    EXPECT_EQ(rdata, row.folded);
  }
}

}  // namespace
}  // namespace weir::rrset_test
