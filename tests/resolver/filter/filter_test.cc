// Verdict over an answer's parts, and what the blocked client gets (SEMANTICS sections 4 and 5).
#include "resolver/filter/filter.h"

#include <gtest/gtest.h>

#include <map>

#include "resolver/filter/decision_trace.h"
#include "zones/dns/message.h"
#include "zones/dns/reader.h"

namespace weir::filter_test {
namespace {

constexpr ListId kAds{16};
constexpr ListId kAllow{17};
constexpr ListId kLegal{18};
constexpr ListId kWatched{19};
constexpr ListId kZone{20};
constexpr ListId kLaterZone{21};

// A generation whose rules are a table: name or address -> matches.
class FakeGeneration : public Generation {
 public:
  std::map<std::string, std::vector<Match>> names;
  std::map<IpAddress, std::vector<Match>> addresses;
  std::map<std::uint32_t, RuleDetail> details;
  PolicySet set = PolicySet::with_defaults();

  FakeGeneration() {
    for (const auto& [id, name] :
         {std::pair{kAds, "ads"}, {kAllow, "allow"}, {kLegal, "court"}, {kWatched, "watched"}}) {
      ListDefinition list;
      list.id = id;
      list.name = name;
      list.rank = id == kAllow ? kRankAllow : kRankBlock;
      if (id == kLegal) list.basis = Basis::legal;
      if (id == kWatched) list.mode = ListMode::observe;
      set.lists.push_back(list);
    }
    for (const ListId id : {kZone, kLaterZone}) {
      ListDefinition list;
      list.id = id;
      list.name = id == kZone ? "zone" : "later";
      list.kind = ListKind::rpz;
      list.rank = id == kZone ? kRankRpz : kRankRpz + 1;
      set.lists.push_back(list);
    }
    set.policies[0].lists = {kAds, kAllow, kLegal, kWatched, kZone, kLaterZone};
    set.mname = *Name::parse("ns.weir.example");
    set.rname = *Name::parse("hostmaster.weir.example");
  }

  void match(const ReversedName& name, MatchSet& out) const override {
    out.clear();
    const auto found = names.find(ReversedName::to_name(name.key())->to_text());
    if (found != names.end()) out.matches = found->second;
  }
  void match_address(const IpAddress& address, MatchSet& out) const override {
    out.clear();
    const auto found = addresses.find(address);
    if (found != addresses.end()) out.matches = found->second;
  }
  bool has_address_rules() const override { return !addresses.empty(); }
  std::map<std::uint32_t, Triggers> list_triggers;
  Triggers triggers(ListId list) const override {
    const auto found = list_triggers.find(list.value);
    return found == list_triggers.end() ? Triggers{} : found->second;
  }
  const PolicySet& policies() const override { return set; }
  GenerationNumber number() const override { return {7}; }
  NamesEpoch names_epoch() const override { return {3}; }
  WallTime published_at() const override { return {}; }
  const std::string& fingerprint() const override { return fingerprint_; }
  const std::vector<ListId>& never_loaded() const override { return never_loaded_; }
  std::uint64_t rule_count() const override { return names.size(); }
  const RuleDetail* detail(PayloadId id) const override {
    const auto found = details.find(static_cast<std::uint32_t>(id.value));
    return found == details.end() ? nullptr : &found->second;
  }

 private:
  std::string fingerprint_;
  std::vector<ListId> never_loaded_;
};

Match rule(ListId list, PatternKind kind, unsigned labels, Action action = Action::block) {
  Match match;
  match.list = list.value;
  match.kind = kind;
  match.labels = static_cast<std::uint8_t>(labels);
  match.action = action;
  return match;
}

struct World {
  FakeGeneration generation;
  std::vector<std::uint8_t> question;
  Query query;
  Asker asker{generation, 0, *IpAddress::parse("192.168.1.9"), WallTime(std::chrono::seconds(1800000000))};

  Policy& policy() { return generation.set.policies[0]; }

  void ask(const char* name, RecordType type, bool edns = true, std::uint16_t option = 0) {
    question.assign(512, 0);
    Writer writer(question);
    for (const unsigned value : {0x1234U, 0x0100U, 1U, 0U, 0U, edns ? 1U : 0U})
      writer.u16(static_cast<std::uint16_t>(value));
    writer.name_uncompressed(*Name::parse(name));
    writer.u16(static_cast<std::uint16_t>(type));
    writer.u16(1);
    if (edns) {
      for (const unsigned octet : {0U, 0U, 41U, 4U, 0xD0U, 0U, 0U, 0U, 0U}) writer.u8(static_cast<std::uint8_t>(octet));
      writer.u16(option == 0 ? 0 : 4);
      if (option != 0) {
        writer.u16(option);
        writer.u16(0);
      }
    }
    question.resize(writer.size());
    const ParsedQuery parsed = parse_query(question);
    ASSERT_FALSE(parsed.fault.has_value());
    query = parsed.query;
  }

  AnswerMatches parts(std::initializer_list<std::pair<AnswerPart, const char*>> later = {}) {
    AnswerMatches out;
    const auto add = [&](AnswerPart part, const Name& name, const IpAddress& address, MatchSet matches) {
      PartMatches entry;
      entry.part = part;
      entry.name = name;
      entry.address = address;
      entry.matches = std::move(matches);
      out.push_back(std::move(entry));
    };
    MatchSet matches;
    generation.match(ReversedName(query.name()), matches);
    add(AnswerPart::qname, query.name(), {}, matches);
    for (const auto& [part, text] : later) {
      if (part == AnswerPart::ns_name) {
        add(part, *Name::parse(text), {}, {.matches = generation.names.at(text), .lists_below = {}});
      } else if (is_address(part)) {
        const IpAddress address = *IpAddress::parse(text);
        generation.match_address(address, matches);
        add(part, query.name(), address, matches);
      } else {
        generation.match(ReversedName(*Name::parse(text)), matches);
        add(part, *Name::parse(text), {}, matches);
      }
    }
    return out;
  }
};

struct Reply {
  Rcode rcode = Rcode::servfail;
  unsigned answers = 0;
  unsigned authority = 0;
  std::string soa_owner;
  std::uint32_t soa_serial = 0;
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> rdata;
  bool has_opt = false;
  int ede = -1;
  std::string ede_text;
  bool authoritative = false;
  bool recursion_available = false;
};

Reply read(std::span<const std::uint8_t> message) {
  Reply reply;
  Reader reader(message);
  reader.skip(2);
  const std::uint16_t flags = reader.u16();
  reply.rcode = static_cast<Rcode>(flags & 15);
  reply.authoritative = (flags & 0x0400) != 0;
  reply.recursion_available = (flags & 0x0080) != 0;
  reader.skip(2);
  reply.answers = reader.u16();
  reply.authority = reader.u16();
  const unsigned additional = reader.u16();
  reader.name();
  reader.skip(4);
  for (unsigned i = 0; i < reply.answers + reply.authority + additional; ++i) {
    const Name owner = reader.name();
    const auto type = static_cast<RecordType>(reader.u16());
    reader.skip(2);
    const std::uint32_t ttl = reader.u32();
    const std::size_t length = reader.u16();
    const std::size_t end = reader.position() + length;
    if (type == RecordType::opt) {
      reply.has_opt = true;
      while (reader.ok() && reader.position() < end) {
        const unsigned option = reader.u16();
        const auto value = reader.octets(reader.u16());
        if (option != 15 || value.size() < 2) continue;
        reply.ede = value[0] << 8 | value[1];
        reply.ede_text.assign(value.begin() + 2, value.end());
      }
    } else if (type == RecordType::soa) {
      reply.soa_owner = owner.to_text();
      reply.ttl = ttl;
      EXPECT_EQ(reader.name().to_text(), "ns.weir.example");
      EXPECT_EQ(reader.name().to_text(), "hostmaster.weir.example");
      reply.soa_serial = reader.u32();
    } else {
      reply.ttl = ttl;
      const auto rdata = reader.octets(length);
      reply.rdata.assign(rdata.begin(), rdata.end());
    }
    reader.seek(end);
  }
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0U);
  return reply;
}

Reply answer(World& world, const AnswerMatches& parts, const FilterVerdict& verdict) {
  std::vector<std::uint8_t> out(kServerUdpPayload);
  const std::size_t size = write_block_answer(out, world.query, world.asker, parts, verdict);
  EXPECT_GT(size, 0U);
  return read(std::span(out).first(size));
}

// SEMANTICS 4: **SOA** whenever the answer section is empty.
// SEMANTICS 4: Owner: the matched name for NODATA, its parent for NXDOMAIN
// SEMANTICS 4: SERIAL = the generation's number
// SEMANTICS 4: **TTL** 30 s by default, 1…3600 by policy
// SEMANTICS 4: MNAME = our own name
// SEMANTICS 4: RNAME = the contact in the configuration
// SEMANTICS 5.5: the block TTL bounds it for downstream caches.
TEST(BlockAnswer, TableOfModesAndTypes) {
  struct Row {
    BlockMode mode;
    RecordType type;
    Rcode rcode;
    unsigned answers;
    const char* soa_owner;  // nullptr: no SOA
    std::vector<std::uint8_t> rdata;
  };
  const std::vector<std::uint8_t> zero4(4, 0);
  const std::vector<std::uint8_t> zero16(16, 0);
  const std::vector<std::uint8_t> given = {192, 0, 2, 80};
  const std::vector<Row> rows = {
      {BlockMode::null, RecordType::a, Rcode::noerror, 1, nullptr, zero4},
      {BlockMode::null, RecordType::aaaa, Rcode::noerror, 1, nullptr, zero16},
      {BlockMode::null, RecordType::https, Rcode::noerror, 0, "ads.example", {}},
      {BlockMode::null, RecordType::mx, Rcode::noerror, 0, "ads.example", {}},
      {BlockMode::null, RecordType::any, Rcode::noerror, 0, "ads.example", {}},
      {BlockMode::nodata, RecordType::a, Rcode::noerror, 0, "ads.example", {}},
      {BlockMode::nxdomain, RecordType::a, Rcode::nxdomain, 0, "example", {}},
      {BlockMode::nxdomain, RecordType::https, Rcode::nxdomain, 0, "example", {}},
      {BlockMode::refused, RecordType::a, Rcode::refused, 0, nullptr, {}},
      {BlockMode::address, RecordType::a, Rcode::noerror, 1, nullptr, given},
      {BlockMode::address, RecordType::aaaa, Rcode::noerror, 0, "ads.example", {}},
  };
  for (const Row& row : rows) {
    World world;
    world.generation.names["x.ads.example"] = {rule(kAds, PatternKind::subtree, 2)};
    world.policy().block.mode = row.mode;
    if (row.mode == BlockMode::address) world.policy().block.ipv4 = *IpAddress::parse("192.0.2.80");
    world.ask("x.ads.example", row.type);
    const AnswerMatches parts = world.parts();
    const FilterVerdict verdict = decide_question(parts, world.asker, row.type);
    ASSERT_TRUE(verdict.blocked());
    const Reply reply = answer(world, parts, verdict);
    const std::string what = std::string(to_text(row.mode)) + " " + to_text(row.type);
    EXPECT_EQ(reply.rcode, row.rcode) << what;
    EXPECT_EQ(reply.answers, row.answers) << what;
    EXPECT_EQ(reply.authority, row.soa_owner == nullptr ? 0U : 1U) << what;
    EXPECT_EQ(reply.soa_owner, row.soa_owner == nullptr ? "" : row.soa_owner) << what;
    EXPECT_EQ(reply.rdata, row.rdata) << what;
    EXPECT_EQ(reply.ede, 15) << what;
    EXPECT_EQ(reply.ede_text, "list ads, rule ads.example, generation 7") << what;
    EXPECT_FALSE(reply.authoritative);
    EXPECT_TRUE(reply.recursion_available);
    if (reply.soa_owner != "") {
      EXPECT_EQ(reply.soa_serial, 7U) << "the generation's number";
    }
    if (reply.answers + reply.authority > 0) {
      EXPECT_EQ(reply.ttl, 30U);
    }
  }
}

TEST(BlockAnswer, NxdomainDegradesToNodata) {
  World world;
  world.policy().block.mode = BlockMode::nxdomain;
  world.generation.names["ads.example"] = {rule(kAds, PatternKind::exact, 2)};
  world.ask("ads.example", RecordType::a);
  AnswerMatches parts = world.parts();
  Reply reply = answer(world, parts, decide_question(parts, world.asker, RecordType::a));
  EXPECT_EQ(reply.rcode, Rcode::noerror) << "an exact rule says nothing of names below";
  EXPECT_EQ(reply.soa_owner, "ads.example");

  world.generation.names["ads.example"] = {rule(kAds, PatternKind::subtree, 2)};
  parts = world.parts();
  EXPECT_EQ(answer(world, parts, decide_question(parts, world.asker, RecordType::a)).rcode, Rcode::nxdomain);

  world.generation.names["ads.example"][0].below_count = 1;
  parts = world.parts();
  parts[0].matches.lists_below = {kAllow.value};
  EXPECT_EQ(answer(world, parts, decide_question(parts, world.asker, RecordType::a)).rcode, Rcode::noerror)
      << "an allowed name lies below";
}

// What an alias or an address triggered says nothing of the names below the QNAME, unless its list wants that said.
TEST(BlockAnswer, NxdomainAsWrittenHoldsForAliasesToo) {
  World world;
  world.generation.names["tracker.example"] = {rule(kZone, PatternKind::subtree, 2, Action::nxdomain)};
  world.ask("shop.example", RecordType::a);
  const AnswerMatches parts = world.parts({{AnswerPart::alias, "tracker.example"}});
  EXPECT_EQ(answer(world, parts, decide_answer(parts, world.asker, RecordType::a)).rcode, Rcode::noerror);
  for (ListDefinition& list : world.generation.set.lists) {
    if (list.id == kZone) list.nxdomain = NameErrors::as_written;
  }
  const Reply reply = answer(world, parts, decide_answer(parts, world.asker, RecordType::a));
  EXPECT_EQ(reply.rcode, Rcode::nxdomain);
  EXPECT_EQ(reply.soa_owner, "example");
}

// Whose data they are stands beside them, where the list says so and there is room.
TEST(BlockAnswer, DataOfAZoneMayHaveItsSoa) {
  World world;
  Match match = rule(kZone, PatternKind::exact, 2, Action::answer);
  match.detail = 5;
  world.generation.details[5].records = {{RecordType::a, 60, {198, 51, 100, 7}}};
  world.generation.names["ads.example"] = {match};
  world.generation.names["gone.example"] = {rule(kZone, PatternKind::exact, 2, Action::nodata)};
  const ResourceRecord soa{*Name::parse("rpz.example"), RecordType::soa, 86400, std::vector<std::uint8_t>(22, 0)};
  const auto soa_of = [&](const char* name, RecordType type, std::size_t room = 512) -> std::optional<std::uint32_t> {
    world.ask(name, type);
    const AnswerMatches parts = world.parts();
    std::vector<std::uint8_t> out(room);
    out.resize(write_block_answer(out, world.query, world.asker, parts, decide_question(parts, world.asker, type)));
    const auto message = read_message(out);
    EXPECT_TRUE(message && message->edns);
    for (const Rrset& rrset : message->additional) {
      if (rrset.type == RecordType::soa && rrset.owner == soa.owner) return rrset.ttl_seconds;
    }
    return std::nullopt;
  };
  const auto list = [&](bool adds, bool has) {
    for (ListDefinition& definition : world.generation.set.lists) {
      if (definition.id != kZone) continue;
      definition.adds_soa = adds;
      definition.soa = has ? std::optional(soa) : std::nullopt;
    }
  };
  list(false, true);
  EXPECT_EQ(soa_of("ads.example", RecordType::a), std::nullopt);
  list(true, false);
  EXPECT_EQ(soa_of("ads.example", RecordType::a), std::nullopt) << "nothing was imported yet";
  list(true, true);
  EXPECT_EQ(soa_of("ads.example", RecordType::a), 3600U);
  EXPECT_EQ(soa_of("ads.example", RecordType::txt), 3600U) << "a type that it has no data of";
  EXPECT_EQ(soa_of("gone.example", RecordType::a), std::nullopt) << "what is no data has an SOA of its own";
  EXPECT_EQ(soa_of("ads.example", RecordType::a, 130), std::nullopt) << "no room";
}

// The list's target, whatever data its entry has.
TEST(BlockAnswer, AnOverriddenZoneHasATargetOfItsOwn) {
  World world;
  world.generation.names["ads.example"] = {rule(kZone, PatternKind::exact, 2, Action::nxdomain)};
  for (ListDefinition& list : world.generation.set.lists) {
    if (list.id != kZone) continue;
    list.override_action = Action::cname;
    list.override_target = *Name::parse("garden.example");
  }
  world.ask("ads.example", RecordType::a);
  AnswerMatches parts = world.parts();
  EXPECT_EQ(substitution_of(decide_question(parts, world.asker, RecordType::a), world.query, world.asker),
            *Name::parse("garden.example"));
  world.ask("ads.example", RecordType::cname);
  parts = world.parts();
  const Reply reply = answer(world, parts, decide_question(parts, world.asker, RecordType::cname));
  EXPECT_EQ(reply.answers, 1U);
  EXPECT_EQ(*Name::from_wire(reply.rdata), *Name::parse("garden.example"));
}

// SEMANTICS 4: **EDNS**: OPT only if the query had one
TEST(BlockAnswer, EdnsOnlyWhereTheQueryHadIt) {
  World world;
  world.generation.names["ads.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("ads.example", RecordType::a, false);
  const AnswerMatches parts = world.parts();
  const Reply reply = answer(world, parts, decide_question(parts, world.asker, RecordType::a));
  EXPECT_FALSE(reply.has_opt);
  EXPECT_EQ(reply.answers, 1U);
}

// SEMANTICS 4: 15 *Blocked* for the operator's own lists (default); 16 *Censored* for a list whose `basis = "legal"`
// SEMANTICS 4: `ede_text = "off" | "list" | "rule"`
TEST(BlockAnswer, EdeFollowsTheListsBasisAndThePolicysWords) {
  World world;
  world.generation.names["ads.example"] = {rule(kLegal, PatternKind::subtree, 2)};
  world.ask("ads.example", RecordType::a);
  const AnswerMatches parts = world.parts();
  const FilterVerdict verdict = decide_question(parts, world.asker, RecordType::a);
  EXPECT_EQ(answer(world, parts, verdict).ede, 16);
  world.policy().ede_text = EdeText::list;
  EXPECT_EQ(answer(world, parts, verdict).ede_text, "list court, generation 7");
  world.policy().ede_text = EdeText::off;
  const Reply reply = answer(world, parts, verdict);
  EXPECT_EQ(reply.ede, 16) << "the words may be withheld, never the code";
  EXPECT_EQ(reply.ede_text, "");
}

// SEMANTICS 4: Text by default: list name, matched name, generation, each escaped, ≤ 160 octets
TEST(BlockAnswer, HostileNamesAreEscapedAndBounded) {
  World world;
  const std::string name =
      R"(\027[31m\010.)" + std::string(63, 'x') + "." + std::string(63, 'y') + "." + std::string(60, 'z') + ".example";
  world.generation.names[Name::parse(name)->to_text()] = {rule(kAds, PatternKind::exact, 5)};
  world.ask(name.c_str(), RecordType::a);
  const AnswerMatches parts = world.parts();
  const Reply reply = answer(world, parts, decide_question(parts, world.asker, RecordType::a));
  EXPECT_EQ(reply.ede, 15);
  EXPECT_LE(reply.ede_text.size(), 160U);
  for (const char c : reply.ede_text) EXPECT_TRUE(c >= 0x20 && c < 0x7F);
}

// SEMANTICS 4: EDE text dropped first when the reply would not fit.
TEST(BlockAnswer, WordsGoBeforeTheCodeAndTheAnswer) {
  World world;
  world.generation.names["ads.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("ads.example", RecordType::a);
  const AnswerMatches parts = world.parts();
  const FilterVerdict verdict = decide_question(parts, world.asker, RecordType::a);
  std::vector<std::uint8_t> out(80);
  const Reply reply = read(std::span(out).first(write_block_answer(out, world.query, world.asker, parts, verdict)));
  EXPECT_EQ(reply.answers, 1U);
  EXPECT_EQ(reply.ede, 15);
  EXPECT_EQ(reply.ede_text, "");
}

// SEMANTICS 4: 4 *Forged* only with `address` or `cname`
TEST(BlockAnswer, RulesWithTheirOwnAction) {
  World world;
  Match match = rule(kLocalRules, PatternKind::subtree, 2, Action::address);
  match.detail = 5;
  world.generation.details[5].addresses = {*IpAddress::parse("198.51.100.1"), *IpAddress::parse("198.51.100.2")};
  world.generation.names["ads.example"] = {match};
  world.ask("ads.example", RecordType::a);
  AnswerMatches parts = world.parts();
  Reply reply = answer(world, parts, decide_question(parts, world.asker, RecordType::a));
  EXPECT_EQ(reply.answers, 2U);
  EXPECT_EQ(reply.ede, 4) << "forged answer";

  world.generation.names["ads.example"] = {rule(kLocalRules, PatternKind::subtree, 2, Action::drop)};
  parts = world.parts();
  std::vector<std::uint8_t> out(512);
  EXPECT_EQ(
      write_block_answer(out, world.query, world.asker, parts, decide_question(parts, world.asker, RecordType::a)), 0U);
}

// SEMANTICS 4: the client asks with a new empty EDNS option
// SEMANTICS 4: 5 and 6 only beside *Blocked*, none beside *Censored*
// SEMANTICS 4: `l` language tag, required with `j` or `o`
// SEMANTICS 4: At least one of `c`, `j`, `s`.
// SEMANTICS 4: Never with *Forged Answer*.
// SEMANTICS 4: **Structured DNS error**
// SEMANTICS 4: the JSON (I-JSON) goes into EXTRA-TEXT of the EDE
// SEMANTICS 4: `c` contact URIs as an array
// SEMANTICS 4: `j` free-text reason
// SEMANTICS 4: `s` sub-error number
// SEMANTICS 4: `o` organisation
// SEMANTICS 4: Over plain UDP drop `j` and `o` before dropping the whole text.
// SEMANTICS 4: AdGuard DNS sends an older form without being asked: do not copy that.
// SEMANTICS 4: 17 *Filtered* for lists that the client or its group asked for
TEST(BlockAnswer, ReasonsInJsonForWhoAsks) {
  constexpr std::uint16_t kCode = 65001;
  const auto said = [](World& world, std::uint16_t option, ListId list = kAds) {
    world.generation.names["ads.example"] = {rule(list, PatternKind::subtree, 2)};
    world.ask("ads.example", RecordType::a, true, option);
    const AnswerMatches parts = world.parts();
    const Reply reply = answer(world, parts, decide_question(parts, world.asker, RecordType::a));
    return std::to_string(reply.ede) + ' ' + reply.ede_text;
  };
  const std::string plain = "15 list ads, rule ads.example, generation 7";
  World world;
  EXPECT_EQ(said(world, kCode), plain) << "not configured";
  StructuredErrors& errors = world.generation.set.structured_errors;
  errors.option_code = kCode;
  EXPECT_EQ(said(world, 0), plain) << "not asked for";
  EXPECT_EQ(said(world, kCode + 1), plain);
  EXPECT_EQ(said(world, kCode), plain) << "nothing to say";
  errors.organisation = "School \"A\"";
  errors.language = "en";
  EXPECT_EQ(said(world, kCode), plain) << "a name alone is no reason";
  errors.contacts = {"mailto:dns@example.org", "tel:+123"};
  EXPECT_EQ(said(world, kCode), R"(15 {"c":["mailto:dns@example.org","tel:+123"],"o":"School \"A\"","l":"en"})");
  world.policy().justification = "house rules";
  auto ads = std::find_if(world.generation.set.lists.begin(), world.generation.set.lists.end(),
                          [](const ListDefinition& list) { return list.id == kAds; });
  ads->sub_error = 5;
  EXPECT_EQ(said(world, kCode),
            R"(15 {"c":["mailto:dns@example.org","tel:+123"],"j":"house rules","s":5,"o":"School \"A\"","l":"en"})");
  ads->basis = Basis::requested;
  errors.contacts.clear();
  errors.language.clear();
  EXPECT_EQ(said(world, kCode), "17 list ads, rule ads.example, generation 7") << "5 stands beside Blocked alone";
  ads->sub_error = 1;
  EXPECT_EQ(said(world, kCode), R"(17 {"s":1})") << "no text without its language";
  errors.language = "en";
  ads->justification = "it spreads malware";
  EXPECT_EQ(said(world, kCode), R"(17 {"j":"it spreads malware","s":1,"o":"School \"A\"","l":"en"})");
  EXPECT_EQ(said(world, kCode, kLegal), R"(16 {"j":"house rules","o":"School \"A\"","l":"en"})");

  // What does not fit loses its texts first.
  world.generation.names["ads.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("ads.example", RecordType::a, true, kCode);
  AnswerMatches parts = world.parts();
  const FilterVerdict verdict = decide_question(parts, world.asker, RecordType::a);
  std::vector<std::uint8_t> out(90);
  const Reply small = read(std::span(out).first(write_block_answer(out, world.query, world.asker, parts, verdict)));
  EXPECT_EQ(small.ede_text, R"({"s":1})");

  Match forged = rule(kAds, PatternKind::subtree, 2, Action::address);
  forged.detail = 9;
  world.generation.details[9].addresses = {*IpAddress::parse("198.51.100.1")};
  world.generation.names["ads.example"] = {forged};
  parts = world.parts();
  const Reply reply = answer(world, parts, decide_question(parts, world.asker, RecordType::a));
  EXPECT_EQ(reply.ede, 4);
  EXPECT_EQ(reply.ede_text, "list ads, rule ads.example, generation 7");
}

// SEMANTICS 4: `signal = "ra0"` clears RA as Quad9 does
TEST(BlockAnswer, RaMayTellThatItIsABlock) {
  World world;
  world.policy().clears_ra = true;
  world.generation.names["ads.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("ads.example", RecordType::a);
  const AnswerMatches parts = world.parts();
  EXPECT_FALSE(answer(world, parts, decide_question(parts, world.asker, RecordType::a)).recursion_available);
}

// SEMANTICS 4: and never more than the time left of a schedule edge or a timed overlay
TEST(BlockAnswer, LivesNoLongerThanTheNextEdgeInTime) {
  World world;
  Match match = rule(kLocalRules, PatternKind::exact, 2, Action::allow);
  match.detail = 3;
  world.generation.details[3].conditions.not_before = world.asker.now + std::chrono::milliseconds(12'900);
  world.generation.names["ads.example"] = {match, rule(kAds, PatternKind::subtree, 2)};
  for (const RecordType type : {RecordType::a, RecordType::mx}) {
    world.ask("ads.example", type);
    const AnswerMatches parts = world.parts();
    const FilterVerdict verdict = decide_question(parts, world.asker, type);
    ASSERT_TRUE(verdict.blocked());
    EXPECT_EQ(answer(world, parts, verdict).ttl, 12U);
  }
}

// SEMANTICS 5.2: Each CNAME and DNAME target in order; first blocking link decides
// SEMANTICS 5.1: Allow by absence of a rule: go on.
// SEMANTICS 5.2: answer at the QNAME with the block mode, the chain stripped, the log naming the link.
TEST(AnswerVerdict, FirstBlockingLinkDecides) {
  World world;
  world.generation.names["tracker.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("www.shop.example", RecordType::a);
  const AnswerMatches parts = world.parts({{AnswerPart::alias, "cdn.example"}, {AnswerPart::alias, "tracker.example"}});
  const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
  ASSERT_TRUE(verdict.blocked());
  EXPECT_EQ(verdict.part, 2);
  world.policy().block.mode = BlockMode::nxdomain;
  const Reply reply = answer(world, parts, verdict);
  EXPECT_EQ(reply.rcode, Rcode::noerror) << "what is below the QNAME is not blocked";
  EXPECT_EQ(reply.soa_owner, "www.shop.example") << "at the QNAME, the chain stripped";
  EXPECT_EQ(reply.ede_text, "list ads, rule tracker.example, generation 7");

  Decision decision;
  ASSERT_TRUE(describe_decision(decision, world.query, world.asker, parts, verdict));
  EXPECT_EQ(decision.link, LinkKind::alias);
  EXPECT_EQ(decision.link_name.to_text(), "tracker.example");
  EXPECT_EQ(decision.qname.to_text(), "www.shop.example");
}

// SEMANTICS 5.1: Allow by a rule: the list blocks of all later links and addresses are cleared too
// SEMANTICS 6: a QNAME allowed by rule passes its whole chain and its addresses
// SEMANTICS 6: (block lists still apply to the chain with `strict_chain`)
TEST(AnswerVerdict, AnAllowedQnameClearsWhatListsSayOfLaterParts) {
  World world;
  world.generation.names["www.shop.example"] = {rule(kAllow, PatternKind::subtree, 2, Action::allow)};
  world.generation.names["tracker.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("www.shop.example", RecordType::a);
  const AnswerMatches parts = world.parts({{AnswerPart::alias, "tracker.example"}});
  EXPECT_FALSE(decide_answer(parts, world.asker, RecordType::a).blocked());
  world.policy().strict_chain = true;
  EXPECT_TRUE(decide_answer(parts, world.asker, RecordType::a).blocked());
  world.policy().strict_chain = false;
  world.generation.names["tracker.example"] = {rule(kLocalRules, PatternKind::subtree, 2)};
  const AnswerMatches local = world.parts({{AnswerPart::alias, "tracker.example"}});
  EXPECT_TRUE(decide_answer(local, world.asker, RecordType::a).blocked())
      << "the administrator's own rule is no list's";
}

// SEMANTICS 5.2: An allow rule on a later link clears **that link only**.
TEST(AnswerVerdict, AnAllowedLaterLinkClearsThatLinkOnly) {
  World world;
  world.generation.names["cdn.example"] = {rule(kAllow, PatternKind::subtree, 2, Action::allow)};
  world.generation.names["tracker.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("www.shop.example", RecordType::a);
  const AnswerMatches parts = world.parts({{AnswerPart::alias, "cdn.example"}, {AnswerPart::alias, "tracker.example"}});
  EXPECT_TRUE(decide_answer(parts, world.asker, RecordType::a).blocked());
}

// SEMANTICS 5.4: A/AAAA against address rules
TEST(AnswerVerdict, AddressesDecideToo) {
  World world;
  Match match = rule(kLocalRules, PatternKind::address, 24);
  world.generation.addresses[*IpAddress::parse("203.0.113.9")] = {match};
  world.ask("www.shop.example", RecordType::a);
  const AnswerMatches parts = world.parts({{AnswerPart::address, "203.0.113.9"}});
  const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
  ASSERT_TRUE(verdict.blocked());
  EXPECT_EQ(answer(world, parts, verdict).ede_text, "list local, rule 203.0.113.0/24, generation 7");
  Decision decision;
  ASSERT_TRUE(describe_decision(decision, world.query, world.asker, parts, verdict));
  EXPECT_EQ(decision.link, LinkKind::address);
  EXPECT_EQ(decision.link_address.to_text(), "203.0.113.9");
}

TEST(AnswerVerdict, MatchAnswerFindsAliasesAndAddresses) {
  World world;
  world.generation.names["tracker.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.generation.addresses[*IpAddress::parse("203.0.113.9")] = {rule(kLocalRules, PatternKind::address, 24)};
  ResolutionResult result;
  result.aliases.push_back(
      {*Name::parse("www.shop.example"), *Name::parse("plain.example"), RecordType::cname, Name()});
  result.aliases.push_back({*Name::parse("plain.example"), *Name::parse("tracker.example"), RecordType::cname, Name()});
  Rrset addresses;
  addresses.owner = *Name::parse("tracker.example");
  addresses.type = RecordType::a;
  addresses.add(IpAddress::parse("203.0.113.8")->bytes());
  addresses.add(IpAddress::parse("203.0.113.9")->bytes());
  result.answer.push_back(addresses);
  world.ask("www.shop.example", RecordType::a);
  AnswerMatches parts = world.parts();
  match_answer(result, world.generation, parts);
  ASSERT_EQ(parts.size(), 3U) << "parts without matches are left out";
  EXPECT_EQ(parts[1].part, AnswerPart::alias);
  EXPECT_EQ(parts[1].name.to_text(), "tracker.example");
  EXPECT_EQ(parts[2].address.to_text(), "203.0.113.9");

  AnswerMatches all = world.parts();
  match_answer(result, world.generation, all, KeptParts::all);
  ASSERT_EQ(all.size(), 5U) << "for who asks why, each link and each address is one";
  EXPECT_EQ(all[1].name.to_text(), "plain.example");
  const FilterVerdict few = decide_answer(parts, world.asker, RecordType::a);
  const FilterVerdict many = decide_answer(all, world.asker, RecordType::a);
  EXPECT_EQ(few.verdict.outcome, many.verdict.outcome);
  EXPECT_EQ(few.winner->list, many.winner->list);
}

// SEMANTICS 2 RPZ: longest prefix first
TEST(AnswerVerdict, OfSeveralAddressesTheLongestPrefixDecidesAndThenTheSmallest) {
  World world;
  const auto give = [&](const char* address, std::uint8_t length, Action action) {
    world.generation.addresses[*IpAddress::parse(address)] = {rule(kZone, PatternKind::address, length, action)};
  };
  give("203.0.113.2", 32, Action::nodata);
  give("203.0.113.3", 24, Action::refused);
  give("203.0.113.7", 32, Action::nxdomain);
  give("203.0.113.9", 32, Action::allow);
  const struct {
    std::vector<const char*> answer;
    Action action;
  } kRows[] = {{{"203.0.113.7", "203.0.113.2"}, Action::nodata},
               {{"203.0.113.2", "203.0.113.7"}, Action::nodata},
               {{"203.0.113.3", "203.0.113.7"}, Action::nxdomain},
               {{"203.0.113.9", "203.0.113.7"}, Action::nxdomain},
               {{"203.0.113.3", "203.0.113.9"}, Action::allow}};
  for (const auto& row : kRows) {
    ResolutionResult result;
    Rrset& addresses = result.answer.emplace_back();
    addresses.owner = *Name::parse("www.shop.example");
    addresses.type = RecordType::a;
    for (const char* address : row.answer) addresses.add(IpAddress::parse(address)->bytes());
    world.ask("www.shop.example", RecordType::a);
    AnswerMatches parts = world.parts();
    match_answer(result, world.generation, parts);
    const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
    EXPECT_EQ(verdict.blocked() ? verdict.verdict.action : Action::allow, row.action) << row.answer[0];
  }
}

// What an RPZ zone of an earlier rank says of addresses and name servers, against what a later one said of the name.
struct TwoZones : World {
  TwoZones() {
    generation.list_triggers[kZone.value] = {.client = false, .address = true, .name_server = true};
    asker.response_rank = first_response_rank(generation, policy());
    generation.addresses[*IpAddress::parse("203.0.113.9")] = {rule(kZone, PatternKind::address, 24, Action::nodata)};
    generation.addresses[*IpAddress::parse("203.0.113.10")] = {rule(kZone, PatternKind::address, 32, Action::allow)};
    generation.names["ns.bad.example"] = {rule(kZone, PatternKind::ns_name, 3, Action::refused)};
    generation.names["named.example"] = {rule(kLaterZone, PatternKind::exact, 2, Action::nxdomain)};
    generation.names["plain.example"] = {rule(kAds, PatternKind::exact, 2)};
    generation.names["passed.example"] = {rule(kZone, PatternKind::exact, 2, Action::allow)};
    generation.names["later.example"] = {rule(kLaterZone, PatternKind::exact, 2, Action::allow)};
    generation.names["cdn.example"] = {rule(kLaterZone, PatternKind::exact, 2, Action::nodata)};
    generation.names["tracker.example"] = {rule(kAds, PatternKind::exact, 2)};
  }
};

// SEMANTICS 3: a QNAME match decides before recursion only if no earlier rank of the policy has such triggers
// SEMANTICS 3: else it is provisional, the answer is resolved first
// SEMANTICS 3: PASSTHRU ends evaluation for the whole response, addresses included
TEST(AnswerVerdict, RpzZonesDecideOverTheWholeResponse) {
  struct Row {
    const char* what;
    const char* qname;
    bool provisional;
    std::vector<std::pair<AnswerPart, const char*>> later;
    Outcome outcome;
    Action action;
  };
  constexpr auto kAddress = AnswerPart::address;
  constexpr auto kAlias = AnswerPart::alias;
  const std::vector<Row> rows = {
      {"nothing of the earlier zone",
       "named.example",
       true,
       {{kAddress, "198.51.100.1"}},
       Outcome::blocked,
       Action::nxdomain},
      {"its address rule wins", "named.example", true, {{kAddress, "203.0.113.9"}}, Outcome::blocked, Action::nodata},
      {"its PASSTHRU too", "named.example", true, {{kAddress, "203.0.113.10"}}, Outcome::allowed, Action::allow},
      {"addresses before name servers",
       "named.example",
       true,
       {{kAddress, "203.0.113.10"}, {AnswerPart::ns_name, "ns.bad.example"}},
       Outcome::allowed,
       Action::allow},
      {"name servers",
       "named.example",
       true,
       {{AnswerPart::ns_name, "ns.bad.example"}},
       Outcome::blocked,
       Action::refused},
      {"a plain list's rank is before the zones",
       "plain.example",
       false,
       {{kAddress, "203.0.113.10"}},
       Outcome::blocked,
       Action::block},
      {"PASSTHRU on the name: addresses of its zone are not asked",
       "passed.example",
       false,
       {{kAddress, "203.0.113.9"}},
       Outcome::allowed,
       Action::allow},
      {"nor are links of later zones",
       "passed.example",
       false,
       {{kAlias, "cdn.example"}},
       Outcome::allowed,
       Action::allow},
      {"but plain lists are", "passed.example", false, {{kAlias, "tracker.example"}}, Outcome::blocked, Action::block},
      {"PASSTHRU of a later zone leaves the earlier one its say",
       "later.example",
       false,
       {{kAddress, "203.0.113.9"}},
       Outcome::blocked,
       Action::nodata},
      {"PASSTHRU on a link ends it for what follows",
       "www.example",
       false,
       {{kAlias, "passed.example"}, {kAlias, "cdn.example"}, {kAddress, "203.0.113.9"}},
       Outcome::none,
       Action::allow},
      {"a later zone's link is overruled by an address that an earlier one passes, not so a plain list's",
       "www.example",
       false,
       {{kAlias, "cdn.example"}, {kAlias, "tracker.example"}, {kAddress, "203.0.113.10"}},
       Outcome::blocked,
       Action::block},
  };
  TwoZones world;
  for (const Row& row : rows) {
    world.ask(row.qname, RecordType::a);
    AnswerMatches parts = world.parts();
    for (const auto& later : row.later) {
      AnswerMatches more = world.parts({later});
      parts.push_back(more.back());
    }
    EXPECT_EQ(decide_question(parts, world.asker, RecordType::a).provisional, row.provisional) << row.what;
    const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
    EXPECT_EQ(verdict.verdict.outcome, row.outcome) << row.what;
    EXPECT_EQ(verdict.verdict.action, row.action) << row.what;
  }
}

TEST(AnswerVerdict, ATraceHasEachLookInOrder) {
  TwoZones world;
  DecisionTrace trace;
  world.asker.trace = &trace;
  world.ask("named.example", RecordType::a);
  AnswerMatches parts = world.parts({{AnswerPart::address, "203.0.113.9"}});
  (void)decide_answer(parts, world.asker, RecordType::a);
  ASSERT_EQ(trace.looks.size(), 2U) << "the name, provisionally; then the earlier zone's word on the address";
  EXPECT_EQ(trace.looks[0].part, &parts[0]);
  EXPECT_EQ(trace.looks[0].verdict.outcome, Outcome::blocked);
  EXPECT_FALSE(trace.looks[0].only_rpz);
  EXPECT_EQ(trace.looks[1].part, &parts[1]);
  EXPECT_TRUE(trace.looks[1].only_rpz);
  EXPECT_EQ(trace.looks[1].ranks_before, kRankRpz + 1);

  trace.looks.clear();
  world.generation.names["good.example"] = {rule(kAllow, PatternKind::exact, 2, Action::allow)};
  world.ask("good.example", RecordType::a);
  parts = world.parts({{AnswerPart::alias, "tracker.example"}});
  EXPECT_FALSE(decide_answer(parts, world.asker, RecordType::a).blocked());
  ASSERT_EQ(trace.looks.size(), 2U);
  EXPECT_TRUE(trace.looks[1].lists_cleared);
  EXPECT_EQ(trace.looks[1].verdict.outcome, Outcome::none);
}

TEST(AnswerVerdict, AnotherPolicyOfTheSameGenerationCanBeAsked) {
  World world;
  Policy other = world.policy();
  other.lists = {kLegal};
  other.default_action = DefaultAction::deny;
  world.generation.names["tracker.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("tracker.example", RecordType::a);
  const AnswerMatches parts = world.parts();
  EXPECT_NE(decide_answer(parts, world.asker, RecordType::a).winner, nullptr);
  world.asker.instead = &other;
  const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
  EXPECT_TRUE(verdict.blocked());
  EXPECT_EQ(verdict.winner, nullptr) << "by its default: it does not have that list";
  EXPECT_EQ(&world.asker.policy(), &other);
}

// SEMANTICS 3: a pause never lifts lists with `pausable = false` or `basis = "legal"`
TEST(AnswerVerdict, APauseOfAnEarlierZonesAddressRuleIsNoPassthru) {
  TwoZones world;
  for (ListDefinition& list : world.generation.set.lists) {
    if (list.id == kLaterZone) list.basis = Basis::legal;
  }
  Pause& pause = world.generation.set.pauses.emplace_back();
  pause.from = world.asker.now - std::chrono::minutes(1);
  pause.until = world.asker.now + std::chrono::minutes(1);
  world.ask("named.example", RecordType::a);
  const AnswerMatches parts = world.parts({{AnswerPart::address, "203.0.113.9"}});
  EXPECT_TRUE(decide_question(parts, world.asker, RecordType::a).provisional);
  const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
  EXPECT_TRUE(verdict.blocked());
  EXPECT_EQ(verdict.verdict.action, Action::nxdomain);
}

// SEMANTICS 4 truncate: TC=1 over UDP, real answer over TCP
TEST(AnswerVerdict, TruncateLetsTcpGoOnToTheRestOfTheAnswer) {
  World world;
  world.generation.names["slow.example"] = {rule(kLocalRules, PatternKind::exact, 2, Action::truncate)};
  world.generation.names["tracker.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.ask("slow.example", RecordType::a);
  const AnswerMatches parts = world.parts({{AnswerPart::alias, "tracker.example"}});
  EXPECT_EQ(decide_answer(parts, world.asker, RecordType::a).verdict.action, Action::truncate);
  world.asker.transport = Transport::tcp;
  const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
  EXPECT_TRUE(verdict.blocked()) << "what it leads to is still blocked";
  EXPECT_EQ(verdict.part, 1);
  EXPECT_FALSE(decide_answer(world.parts(), world.asker, RecordType::a).blocked());
}

// SEMANTICS 5.4: for names outside configured local domains, against rebinding rules (private, loopback, link-local
// SEMANTICS 5.4: Rebinding hits answer NODATA with EDE 15 and are logged as an own class.
TEST(AnswerVerdict, PrivateAddressesOfForeignNamesAreRefused) {
  World world;
  world.policy().rebinding_protection = true;
  world.generation.set.local_domains = {*Name::parse("home.example")};
  world.generation.addresses[*IpAddress::parse("10.9.9.9")] = {
      rule(kLocalRules, PatternKind::address, 32, Action::allow)};
  struct Row {
    const char* name;
    const char* address;
    bool refused;
  };
  for (const Row& row : {Row{"evil.example", "10.1.2.3", true}, Row{"evil.example", "172.31.0.1", true},
                         Row{"evil.example", "192.168.0.1", true}, Row{"evil.example", "127.0.0.1", true},
                         Row{"evil.example", "169.254.1.1", true}, Row{"evil.example", "100.64.0.1", true},
                         Row{"evil.example", "100.127.255.254", true}, Row{"evil.example", "100.128.0.1", false},
                         Row{"evil.example", "::1", true}, Row{"evil.example", "fe80::1", true},
                         Row{"evil.example", "fd00::1", true}, Row{"evil.example", "::ffff:10.0.0.1", true},
                         Row{"evil.example", "64:ff9b::10.0.0.1", true}, Row{"evil.example", "172.32.0.1", false},
                         Row{"evil.example", "2001:db8::1", false}, Row{"evil.example", "64:ff9b::192.0.2.1", false},
                         Row{"nas.home.example", "10.1.2.3", false}, Row{"evil.example", "10.9.9.9", false}}) {
    world.ask(row.name, RecordType::a);
    const AnswerMatches parts = world.parts({{AnswerPart::address, row.address}});
    const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
    ASSERT_EQ(verdict.blocked(), row.refused) << row.name << ' ' << row.address;
    if (!row.refused) continue;
    const Reply reply = answer(world, parts, verdict);
    EXPECT_EQ(reply.rcode, Rcode::noerror);
    EXPECT_EQ(reply.answers, 0U);
    EXPECT_EQ(reply.soa_owner, "evil.example");
    EXPECT_EQ(reply.ede, 15);
    Decision decision;
    ASSERT_TRUE(describe_decision(decision, world.query, world.asker, parts, verdict));
    EXPECT_EQ(decision.decision_class, DecisionClass::rebinding);
    EXPECT_EQ(decision.link, LinkKind::address);
  }
  world.policy().rebinding_protection = false;
  world.ask("evil.example", RecordType::a);
  EXPECT_FALSE(decide_answer(world.parts({{AnswerPart::address, "10.1.2.3"}}), world.asker, RecordType::a).blocked());
}

// SEMANTICS 5.3: HTTPS/SVCB: TargetName as a chain link; `ipv4hint`, `ipv6hint` as addresses
TEST(AnswerVerdict, ServicesHaveLinksAndAddresses) {
  World world;
  world.generation.names["tracker.example"] = {rule(kAds, PatternKind::subtree, 2)};
  world.generation.addresses[*IpAddress::parse("203.0.113.9")] = {rule(kLocalRules, PatternKind::address, 24)};
  world.generation.addresses[*IpAddress::parse("2001:db8::9")] = {rule(kLocalRules, PatternKind::address, 128)};
  const auto service = [](const char* target, std::vector<std::pair<std::uint16_t, std::vector<const char*>>> hints) {
    std::vector<std::uint8_t> rdata(512);
    Writer writer(rdata);
    writer.u16(1);
    writer.name_uncompressed(*Name::parse(target));
    writer.u16(1);  // alpn
    writer.u16(3);
    for (const char c : {'\x02', 'h', '2'}) writer.u8(static_cast<std::uint8_t>(c));
    for (const auto& [key, addresses] : hints) {
      writer.u16(key);
      writer.u16(static_cast<std::uint16_t>(addresses.size() * (key == 4 ? 4 : 16)));
      for (const char* address : addresses) writer.octets(IpAddress::parse(address)->bytes());
    }
    rdata.resize(writer.size());
    return rdata;
  };
  struct Row {
    std::vector<std::uint8_t> rdata;
    std::vector<std::string> parts;
  };
  const std::vector<Row> rows = {
      {service("tracker.example", {}), {"tracker.example"}},
      {service(".", {{4, {"203.0.113.8", "203.0.113.9"}}}), {"203.0.113.9"}},
      {service("plain.example", {{4, {"198.51.100.1"}}, {6, {"2001:db8::9"}}}), {"2001:db8::9"}},
      {service(".", {{4, {"10.0.0.1"}}}), {"10.0.0.1"}},
      {{0}, {}},
      {{0, 1, 0, 0, 4, 0, 200, 1}, {}},
  };
  for (const RecordType type : {RecordType::https, RecordType::svcb}) {
    for (const Row& row : rows) {
      ResolutionResult result;
      Rrset rrset;
      rrset.owner = *Name::parse("www.shop.example");
      rrset.type = type;
      rrset.add(row.rdata);
      result.answer.push_back(rrset);
      world.ask("www.shop.example", type);
      AnswerMatches parts = world.parts();
      match_answer(result, world.generation, parts);
      std::vector<std::string> found;
      for (std::size_t i = 1; i < parts.size(); ++i)
        found.push_back(is_address(parts[i].part) ? parts[i].address.to_text() : parts[i].name.to_text());
      EXPECT_EQ(found, row.parts);
    }
  }
}

// SEMANTICS 4: log it as "blocked upstream"
TEST(Decision, TheBlockOfAnotherServerIsAClassOfItsOwn) {
  World world;
  world.ask("www.shop.example", RecordType::a);
  const AnswerMatches parts = world.parts();
  const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
  Decision decision;
  EXPECT_FALSE(describe_decision(decision, world.query, world.asker, parts, verdict));
  world.asker.upstream_blocks = true;
  ASSERT_TRUE(describe_decision(decision, world.query, world.asker, parts, verdict));
  EXPECT_EQ(decision.decision_class, DecisionClass::blocked_upstream);
}

TEST(Decision, OnlyDecisionsAreLogged) {
  World world;
  world.generation.names["watched.example"] = {rule(kWatched, PatternKind::subtree, 2)};
  world.generation.names["both.example"] = {rule(kAds, PatternKind::subtree, 2),
                                            rule(kAllow, PatternKind::exact, 2, Action::allow)};
  world.generation.names["free.example"] = {rule(kAllow, PatternKind::exact, 2, Action::allow)};
  struct Row {
    const char* name;
    int decision_class;  // -1: not logged
    std::uint32_t winner;
  };
  for (const Row& row : {Row{"watched.example", static_cast<int>(DecisionClass::would_block), kWatched.value},
                         Row{"both.example", static_cast<int>(DecisionClass::allowed_over_block), kAllow.value},
                         Row{"free.example", -1, 0}, Row{"plain.example", -1, 0}}) {
    world.ask(row.name, RecordType::a);
    const AnswerMatches parts = world.parts();
    const FilterVerdict verdict = decide_answer(parts, world.asker, RecordType::a);
    EXPECT_FALSE(verdict.blocked()) << row.name;
    Decision decision;
    ASSERT_EQ(describe_decision(decision, world.query, world.asker, parts, verdict), row.decision_class >= 0)
        << row.name;
    if (row.decision_class < 0) continue;
    EXPECT_EQ(static_cast<int>(decision.decision_class), row.decision_class) << row.name;
    EXPECT_EQ(decision.winner.list, row.winner) << row.name;
  }
  world.policy().log_all = true;
  world.ask("plain.example", RecordType::a);
  const AnswerMatches parts = world.parts();
  Decision decision;
  ASSERT_TRUE(
      describe_decision(decision, world.query, world.asker, parts, decide_answer(parts, world.asker, RecordType::a)));
  EXPECT_EQ(decision.decision_class, DecisionClass::resolved);
}

TEST(DefaultDeny, BlocksWithoutARule) {
  World world;
  world.policy().default_action = DefaultAction::deny;
  world.ask("plain.example", RecordType::a);
  const AnswerMatches parts = world.parts();
  const FilterVerdict verdict = decide_question(parts, world.asker, RecordType::a);
  ASSERT_TRUE(verdict.blocked());
  EXPECT_EQ(answer(world, parts, verdict).ede_text, "not on an allow list, generation 7");
  Decision decision;
  ASSERT_TRUE(describe_decision(decision, world.query, world.asker, parts, verdict));
  EXPECT_EQ(decision.link, LinkKind::default_deny);
}

TEST(DefaultDeny, OnTrialItIsLoggedOnly) {
  World world;
  world.policy().default_action = DefaultAction::learn;
  world.ask("plain.example", RecordType::a);
  const AnswerMatches parts = world.parts();
  const FilterVerdict verdict = decide_question(parts, world.asker, RecordType::a);
  EXPECT_FALSE(verdict.blocked());
  Decision decision;
  ASSERT_TRUE(describe_decision(decision, world.query, world.asker, parts, verdict));
  EXPECT_EQ(decision.decision_class, DecisionClass::would_block);
  EXPECT_EQ(decision.link, LinkKind::default_deny);
  EXPECT_EQ(decision.winner.list, 0U);
}

}  // namespace
}  // namespace weir::filter_test
