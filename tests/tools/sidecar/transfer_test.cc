// Transfers without sockets: what comes of the messages, and of the changes that they say.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <sstream>

#include "tests/support/repetitions.h"
#include "tests/support/scratch_folder.h"
#include "tests/tools/sidecar/files.h"
#include "tools/sidecar/transfer_stream.h"
#include "tools/sidecar/zone_copy.h"
#include "tools/sidecar/zone_difference.h"
#include "zones/dns/writer.h"
#include "zones/lists/list_reader.h"
#include "zones/lists/rpz_reader.h"
#include "zones/lists/rule_set.h"

namespace weir::sidecar::transfer_test {
namespace {

using Octets = std::vector<std::uint8_t>;

const Name kZone = Name::parse("rpz.example").value();
constexpr std::uint16_t kId = 4711;

struct Record {
  Name owner;
  RecordType type = RecordType::cname;
  std::uint32_t ttl = 60;
  Octets rdata;

  ZoneRecord view() const { return {owner, type, ttl, rdata}; }
};

Record record(const std::string& owner, RecordType type, Octets rdata, std::uint32_t ttl = 60) {
  return {Name::parse(owner).value(), type, ttl, std::move(rdata)};
}

Record soa(std::uint32_t serial) {
  Octets rdata = {0, 0};
  for (const std::uint32_t number : {serial, 3600U, 600U, 86400U, 60U}) {
    for (int shift = 24; shift >= 0; shift -= 8) rdata.push_back(static_cast<std::uint8_t>(number >> shift));
  }
  return {kZone, RecordType::soa, 60, rdata};
}

Octets message(std::span<const Record> records, RecordType type, std::uint16_t id = kId, std::uint8_t rcode = 0) {
  Octets out(65535);
  Writer writer(out);
  writer.u16(id);
  writer.u16(static_cast<std::uint16_t>(0x8400 | rcode));
  writer.u16(1);
  writer.u16(static_cast<std::uint16_t>(records.size()));
  writer.u32(0);
  writer.name(kZone);
  writer.u16(static_cast<std::uint16_t>(type));
  writer.u16(1);
  for (const Record& each : records) {
    writer.name(each.owner);
    writer.u16(static_cast<std::uint16_t>(each.type));
    writer.u16(1);
    writer.u32(each.ttl);
    writer.u16(static_cast<std::uint16_t>(each.rdata.size()));
    writer.octets(each.rdata);
  }
  EXPECT_TRUE(writer.ok());
  out.resize(writer.size());
  return out;
}

// A transfer's records in messages of random size, and what the stream makes of them.
struct Received {
  std::string fault;
  bool done = false;
  TransferStream::Form form = TransferStream::Form::undecided;
  std::vector<std::string> whole;
};

Received receive(const std::vector<Record>& records, std::optional<std::uint32_t> have, ZoneChanges& changes,
                 std::string& soa_line, std::mt19937& random, std::size_t most = 1000) {
  Received out;
  TransferStream stream({kZone, kId, have}, {[&](const ZoneRecord& each) {
                                               out.whole.push_back(record_line(each));
                                               return Result<void>();
                                             },
                                             [&](const ZoneRecord& each) { return changes.remove(each); },
                                             [&](const ZoneRecord& each) { return changes.add(each); }});
  for (std::size_t at = 0; at < records.size() && out.fault.empty();) {
    const std::size_t size = std::min(records.size() - at, 1 + random() % most);
    const auto read = stream.read(message({records.data() + at, size}, have ? RecordType::ixfr : RecordType::axfr));
    if (!read) out.fault = read.error().message;
    at += size;
  }
  out.done = stream.done();
  out.form = stream.form();
  if (out.form != TransferStream::Form::undecided) soa_line = record_line(stream.soa_record());
  return out;
}

Received receive(const std::vector<Record>& records, std::optional<std::uint32_t> have) {
  std::mt19937 random(1);
  ZoneChanges changes(1 << 20);
  std::string soa_line;
  return receive(records, have, changes, soa_line, random);
}

const Record kBad = record("bad.rpz.example", RecordType::cname, {0});
const Record kWorse = record("worse.rpz.example", RecordType::cname, {0});

TEST(TransferStream, Forms) {
  using Form = TransferStream::Form;
  const struct {
    const char* what;
    std::vector<Record> records;
    std::optional<std::uint32_t> have;
    Form form;
    bool done;
    std::string fault;
  } kRows[] = {
      {"a whole zone", {soa(3), kBad, kWorse, soa(3)}, {}, Form::whole, true, ""},
      {"its end is missing", {soa(3), kBad, kWorse}, {}, Form::whole, false, ""},
      {"nothing but an SOA", {soa(3), soa(3)}, {}, Form::whole, true, ""},
      {"without an SOA", {kBad, soa(3)}, {}, Form::undecided, false, "does not begin with the SOA"},
      {"two serials", {soa(3), kBad, soa(4)}, {}, Form::whole, false, "serial 4 where 3 was expected"},
      {"more than a zone", {soa(3), kBad, soa(3), kWorse}, {}, Form::whole, true, "records behind its end"},
      {"changes", {soa(3), soa(2), kBad, soa(3), kWorse, soa(3)}, 2, Form::changes, true, ""},
      {"changes in two steps",
       {soa(4), soa(2), kBad, soa(3), kWorse, soa(3), kWorse, soa(4), kBad, soa(4)},
       2,
       Form::changes,
       true,
       ""},
      {"changes with a step left out",
       {soa(5), soa(2), kBad, soa(3), kWorse, soa(4), kWorse, soa(5), kBad, soa(5)},
       2,
       Form::changes,
       false,
       "serial 4 where 3 was expected"},
      {"a step that takes and adds nothing", {soa(3), soa(2), soa(3), soa(3)}, 2, Form::changes, true, ""},
      {"the whole zone for changes", {soa(3), kBad, kWorse, soa(3)}, 2, Form::whole, true, ""},
      {"nothing newer", {soa(2)}, 2, Form::unchanged, true, ""},
      {"something older", {soa(1)}, 2, Form::unchanged, true, ""},
      {"changes of another version",
       {soa(4), soa(3), kBad, soa(4), soa(4)},
       2,
       Form::undecided,
       false,
       "serial 3 behind 4"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.what);
    const Received got = receive(row.records, row.have);
    EXPECT_EQ(got.fault.empty(), row.fault.empty()) << got.fault;
    EXPECT_NE(got.fault.find(row.fault), std::string::npos) << got.fault;
    EXPECT_EQ(got.form, row.form);
    EXPECT_EQ(got.done, row.done);
  }
}

TEST(TransferStream, OtherMessagesAreRefused) {
  const std::vector<Record> records = {soa(3), kBad, soa(3)};
  Octets query = message(records, RecordType::axfr);
  query[2] = 0;
  Octets truncated = message(records, RecordType::axfr);
  truncated[2] |= 2;
  Octets chaos = message(records, RecordType::axfr);
  chaos[12 + 13 + 4 + 2 + 3] = 3;  // header, question, compressed owner, type
  const struct {
    Octets octets;
    std::string expected;
  } kRows[] = {{message(records, RecordType::axfr, kId + 1), "answers no question of ours"},
               {message({}, RecordType::axfr, kId, 5), "the primary answers REFUSED to AXFR of rpz.example"},
               {message({}, RecordType::axfr, kId, 9), "the primary answers NOTAUTH"},
               {message(records, RecordType::ixfr), "an answer to another question"},
               {query, "answers no question of ours"},
               {truncated, "a truncated message"},
               {chaos, "a record of another class than IN"},
               {Octets(5), "a malformed message"},
               {Octets(200, 0xFF), "a malformed message"}};
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.expected);
    TransferStream stream({kZone, kId, {}}, {[](const ZoneRecord&) { return Result<void>(); }, {}, {}});
    const auto read = stream.read(row.octets);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find(row.expected), std::string::npos) << read.error().message;
    EXPECT_FALSE(stream.done());
  }
}

// What comes over the wire may be anything.
TEST(TransferStream, SurvivesDamagedMessages) {
  std::mt19937 random(20260726);
  const Octets good = message(std::vector<Record>{soa(3), soa(2), kBad, soa(3), kWorse, soa(3)}, RecordType::ixfr);
  unsigned refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    Octets octets = good;
    for (unsigned k = 0; k < 1 + random() % 4; ++k)
      octets[random() % octets.size()] = static_cast<std::uint8_t>(random());
    if (random() % 4 == 0) octets.resize(random() % octets.size());
    ZoneChanges changes(1 << 20);
    TransferStream stream({kZone, kId, 2}, {[](const ZoneRecord&) { return Result<void>(); },
                                            [&](const ZoneRecord& each) { return changes.remove(each); },
                                            [&](const ZoneRecord& each) { return changes.add(each); }});
    refused += stream.read(octets).has_value() ? 0 : 1;
  }
  EXPECT_GT(refused, 5'000U);
}

std::vector<std::string> lines_of(const std::filesystem::path& file) {
  std::istringstream in(read_file(file));
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

void write_zone(const std::filesystem::path& file, const std::vector<std::string>& lines) {
  auto writer = ZoneCopyWriter::create(file, 1 << 24);
  ASSERT_TRUE(writer);
  for (const std::string& line : lines) ASSERT_TRUE((*writer)->add(line));
  ASSERT_TRUE((*writer)->commit());
}

TEST(ZoneCopy, EachRecordHasOneSpellingThatTheListReaderReads) {
  const test::ScratchFolder scratch;
  const struct {
    Record record;
    std::string line;
  } kRows[] = {
      {soa(7), "rpz.example. 60 SOA . . 7 3600 600 86400 60"},
      {record("BAD.rpz.example", RecordType::cname, {1, 'X', 0}), "bad.rpz.example. 60 CNAME x."},
      {record("*.bad.rpz.example", RecordType::cname, {0}, 5), "*.bad.rpz.example. 5 CNAME ."},
      {record("\\;\\$\\\"\\(\\@\\032.rpz.example", RecordType::cname, {0}),
       "\\059\\036\\034\\040\\064\\032.rpz.example. 60 CNAME ."},
      {record("a.rpz.example", RecordType::a, {192, 0, 2, 1}), "a.rpz.example. 60 A 192.0.2.1"},
      {record("t.rpz.example", RecordType::txt, {2, 'h', 'i'}), "t.rpz.example. 60 TXT \\# 3 026869"},
      {record("m.rpz.example", RecordType::mx, {0, 10, 1, 'M', 0}), "m.rpz.example. 60 MX \\# 5 000a016d00"},
      {record("32.1.2.0.192.rpz-ip.rpz.example", RecordType::cname, {1, '*', 0}),
       "32.1.2.0.192.rpz-ip.rpz.example. 60 CNAME *."},
      {record("short.rpz.example", RecordType::a, {1, 2, 3}), "short.rpz.example. 60 A \\# 3 010203"},
  };
  std::vector<std::string> lines;
  for (const auto& row : kRows) {
    EXPECT_EQ(record_line(row.record.view()), row.line);
    lines.push_back(row.line);
  }
  write_zone(scratch / "zone", lines);
  EXPECT_EQ(soa_of_copy(scratch / "zone")->serial, 7U);
  ListOptions options;
  options.kind = ListKind::rpz;
  auto reader = ListReader::open(scratch / "zone", options);
  ASSERT_TRUE(reader) << reader.error().message;
  while ((*reader)->next()) {
  }
  ASSERT_TRUE((*reader)->finish());
  // All but the SOA and the address of three octets.
  EXPECT_EQ((*reader)->summary().rules, std::size(kRows) - 2) << (*reader)->summary().to_json(true);
  EXPECT_EQ((*reader)->summary().lines, std::size(kRows));
}

TEST(ZoneCopy, ChangesThatDoNotFitAreRefused) {
  const test::ScratchFolder scratch;
  const Record good = record("good.rpz.example", RecordType::cname, {0});
  write_zone(scratch / "zone", {record_line(soa(2).view()), record_line(kBad.view())});
  const struct {
    std::vector<Record> records;
    std::string expected;
  } kRows[] = {
      {{soa(3), soa(2), kWorse, soa(3), soa(3)}, "take away 1 records that are not there"},
      {{soa(3), soa(2), soa(3), kBad, soa(3)}, "they add what is there: bad.rpz.example."},
      {{soa(3), soa(2), kBad, kBad, soa(3), soa(3)}, "they take away twice"},
      {{soa(3), soa(2), soa(3), good, good, soa(3)}, "they add twice"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.expected);
    std::mt19937 random(1);
    ZoneChanges changes(1 << 20);
    std::string soa_line;
    std::string told = receive(row.records, 2, changes, soa_line, random).fault;
    if (told.empty()) {
      auto writer = ZoneCopyWriter::create(scratch / "next", 1 << 20);
      ASSERT_TRUE(writer);
      const auto applied = changes.apply(scratch / "zone", soa_line, **writer);
      told = applied ? std::string() : applied.error().message;
    }
    EXPECT_NE(told.find(row.expected), std::string::npos) << told;
    EXPECT_FALSE(std::filesystem::exists(scratch / "next"));
    EXPECT_FALSE(std::filesystem::exists(scratch / "next.part"));
  }
}

TEST(ZoneCopy, BoundsHold) {
  const test::ScratchFolder scratch;
  auto writer = ZoneCopyWriter::create(scratch / "zone", 20);
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->add("nineteen.octets...."));
  const auto more = (*writer)->add("x");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, ErrorCode::too_large);
  ZoneChanges changes(1000);
  std::size_t taken = 0;
  while (taken < 100 &&
         changes.add(record("n" + std::to_string(taken) + ".rpz.example", RecordType::cname, {0}).view()))
    ++taken;
  EXPECT_GT(taken, 1U);
  EXPECT_LT(taken, 10U);
}

// A primary with a history: versions that random changes lead to, and what it would send of them.
class Primary {
 public:
  explicit Primary(std::mt19937& random) : random_(random) {
    for (int i = 0; i < 30; ++i) change();
    steps_.clear();
  }

  void advance(unsigned versions) {
    for (unsigned i = 0; i < versions; ++i) {
      removed_.clear();
      added_.clear();
      for (unsigned k = random_() % 8; k > 0; --k) change();
      serial_ += 1 + random_() % 1000;  // wraps now and then
      steps_.push_back({serial_, removed_, added_});
    }
  }
  std::vector<Record> axfr() const {
    std::vector<Record> out = {soa(serial_)};
    for (const auto& [key, each] : zone_) out.push_back(each);
    out.push_back(soa(serial_));
    return out;
  }
  std::vector<Record> ixfr(std::uint32_t from) const {
    std::vector<Record> out = {soa(serial_)};
    for (const Step& step : steps_) {
      out.push_back(soa(from));
      out.insert(out.end(), step.removed.begin(), step.removed.end());
      out.push_back(soa(step.serial));
      out.insert(out.end(), step.added.begin(), step.added.end());
      from = step.serial;
    }
    out.push_back(soa(serial_));
    return out;
  }
  std::uint32_t serial() const { return serial_; }
  void forget_steps() { steps_.clear(); }

 private:
  struct Step {
    std::uint32_t serial = 0;
    std::vector<Record> removed;
    std::vector<Record> added;
  };

  Record draw() {
    std::string owner = "n" + std::to_string(random_() % 40);
    if (random_() % 5 == 0) owner = "*." + owner;
    if (random_() % 7 == 0) owner += "\\;\\032x";
    const auto octet = static_cast<std::uint8_t>('a' + random_() % 3);
    if (random_() % 3 == 0) {  // one rule in two spellings
      const auto target = Name::parse(random_() % 2 == 0 ? "rpz-passthru" : owner).value();
      return record(owner + ".rpz.example", RecordType::cname, {target.wire().begin(), target.wire().end()}, 60);
    }
    switch (random_() % 3) {
      case 0:
        return record(owner + ".rpz.example", RecordType::cname, {1, octet, 0}, 60);
      case 1:
        return record(owner + ".rpz.example", RecordType::a, {192, 0, 2, octet}, 60);
      default:
        return record(owner + ".rpz.example", RecordType::txt, {1, octet}, 60);
    }
  }
  // Within one version a record goes or comes at most once: else the two lists would say nothing of the order.
  void change() {
    Record fresh = draw();
    // Often one that is there: what comes and goes several times within one transfer is what may go wrong.
    if (!zone_.empty() && random_() % 2 == 0) {
      const auto nearby = zone_.lower_bound(record_line(fresh.view()));
      fresh = (nearby == zone_.end() ? zone_.begin() : nearby)->second;
      fresh.ttl = 60;
    }
    const std::string key = record_line(fresh.view());
    const auto is_key = [&](const Record& each) {
      Record plain = each;
      plain.ttl = 60;
      return record_line(plain.view()) == key;
    };
    if (std::any_of(removed_.begin(), removed_.end(), is_key) || std::any_of(added_.begin(), added_.end(), is_key))
      return;
    const auto found = zone_.find(key);
    if (found != zone_.end()) {
      removed_.push_back(found->second);
      zone_.erase(found);
      if (random_() % 3 != 0) return;  // else it comes back with another TTL
    }
    fresh.ttl = 1 + static_cast<std::uint32_t>(random_() % 3600);
    added_.push_back(fresh);
    zone_.emplace(key, fresh);
  }

  std::mt19937& random_;
  std::map<std::string, Record> zone_;  // by its line with one TTL
  std::uint32_t serial_ = 0xFFFFFF00U;
  std::vector<Step> steps_;
  std::vector<Record> removed_;
  std::vector<Record> added_;
};

// A store whose one list follows a zone: by its changes where that can be, else by reading the copy.
class Follower {
 public:
  explicit Follower(const std::filesystem::path& folder) {
    store_ = std::move(*PolicyStore::open(folder, {}, {}));
    list_.definition.name = "zone";
    list_.definition.kind = ListKind::rpz;
    list_.source = "axfr://192.0.2.1/rpz.example";
    list_.zone = kZone;
    PolicySet set = PolicySet::with_defaults();
    set.lists.push_back(list_.definition);
    set.lists.back().id = {1000};
    EXPECT_TRUE(store_->define(set));
    id_ = store_->policies().find_list("zone")->id;
  }

  std::unique_ptr<PreparedImport> compare(const std::filesystem::path& copy) {
    auto reading = check_list(list_, copy, store_->start_reading(id_), {});
    EXPECT_TRUE(reading) << reading.error().message;
    auto prepared = prepare_list(*store_, id_, *reading, {});
    EXPECT_TRUE(prepared) << prepared.error().message;
    remember(*reading);
    return std::move(*prepared);
  }
  void read_whole(const std::filesystem::path& copy) { EXPECT_TRUE(store_->import(*compare(copy), {})); }

  // False: it had to be read as a whole. `copy`: with the changes.
  bool follow(const ZoneChanges& changes, const std::filesystem::path& copy) {
    const auto difference = difference_of(list_, state_, changes, soa_of_copy(copy)->serial);
    const auto prepared = difference
                              ? store_->prepare_changes(id_, stream_of(difference->gone), stream_of(difference->come))
                              : Error{ErrorCode::invalid, ""};
    if (!prepared) {
      read_whole(copy);
      return false;
    }
    const auto whole = check_list(list_, copy, std::make_shared<store::RuleSorter>(copy.parent_path()), {});
    EXPECT_TRUE(whole);
    EXPECT_EQ(difference->reading.counts, whole->counts);
    EXPECT_EQ(difference->reading.lines, whole->lines);
    const std::vector<std::string> lines = lines_of(copy);
    RpzLineReader reader(kZone, options_of(list_));
    Line line;
    EXPECT_TRUE((*prepared)->for_each(Change::added, [&](const SourcedRule& come) {
      reader.read(lines.at(come.line - 1), line);
      EXPECT_EQ(line.rules.size(), 1U);
      return line.rules.size() == 1 && hash_rule(line.rules.front()) == hash_rule(come.rule);
    }));
    EXPECT_TRUE(store_->import(**prepared, {}));
    remember(difference->reading);
    return true;
  }
  std::string contents() { return store_->contents(id_).value(); }

 private:
  static RuleStream stream_of(const std::vector<SourcedRule>& rules) {
    return [&rules, at = std::size_t{0}]() mutable -> Result<std::optional<SourcedRule>> {
      return at == rules.size() ? std::optional<SourcedRule>() : std::optional<SourcedRule>(rules[at++]);
    };
  }
  void remember(const ListReading& reading) {
    state_.lines = reading.lines;
    state_.buckets = reading.buckets;
    state_.serial = std::to_string(reading.serial.value());
  }

  std::unique_ptr<PolicyStore> store_;
  ListConfig list_;
  ListId id_;
  ListState state_;
};

// Issue 5, "1,000 random IXFR sequences end equal to an AXFR": the copy, and the rules that follow the changes alone.
TEST(ZoneCopy, AThousandRandomSequencesOfChangesEndAsTheWholeZone) {
  // In memory, where there is such a place: thousands of imports, and nothing is to survive.
  const std::filesystem::path memory = "/dev/shm";
  const test::ScratchFolder scratch(std::filesystem::is_directory(memory) ? memory
                                                                          : std::filesystem::temp_directory_path());
  Follower follower(scratch / "store");
  unsigned changed = 0;
  unsigned by_changes = 0;
  unsigned by_reading = 0;
  for (unsigned seed = 0; seed < test::repetitions(1000); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Primary primary(random);
    ZoneChanges none(1 << 20);
    std::string soa_line;
    Received whole = receive(primary.axfr(), {}, none, soa_line, random, 10);
    ASSERT_TRUE(whole.done) << whole.fault;
    write_zone(scratch / "zone", whole.whole);
    follower.read_whole(scratch / "zone");
    for (unsigned transfers = 1 + random() % 3; transfers > 0; --transfers) {
      const std::uint32_t have = soa_of_copy(scratch / "zone")->serial;
      primary.advance(1 + static_cast<unsigned>(random() % 5));
      ZoneChanges changes(1 << 20);
      const Received got = receive(primary.ixfr(have), have, changes, soa_line, random, 10);
      ASSERT_TRUE(got.done) << got.fault;
      ASSERT_EQ(got.form, TransferStream::Form::changes);
      auto writer = ZoneCopyWriter::create(scratch / "zone", 1 << 20);
      ASSERT_TRUE(writer);
      const auto applied = changes.apply(scratch / "zone", soa_line, **writer);
      ASSERT_TRUE(applied) << applied.error().message;
      ASSERT_EQ(*applied, *sha256_of_file(scratch / "zone"));
      ASSERT_TRUE((*writer)->commit());
      primary.forget_steps();
      changed += changes.size() > 0 ? 1 : 0;
      ++(follower.follow(changes, scratch / "zone") ? by_changes : by_reading);
    }
    std::vector<std::string> expected = receive(primary.axfr(), {}, none, soa_line, random, 10).whole;
    std::vector<std::string> got = lines_of(scratch / "zone");
    ASSERT_EQ(got.front(), expected.front());
    const std::string contents = follower.contents();
    write_zone(scratch / "again", expected);
    const auto again = follower.compare(scratch / "again");
    ASSERT_EQ(again->added() + again->removed(), 0U);
    ASSERT_TRUE(again->rules_after() > 0 && follower.contents() == contents);
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
    ASSERT_EQ(got, expected);
  }
  EXPECT_GT(changed, test::repetitions(1000));
  EXPECT_GT(by_changes, test::repetitions(500));
  EXPECT_GT(by_reading, test::repetitions(100)) << "zones that say a rule twice";
}

}  // namespace
}  // namespace weir::sidecar::transfer_test
