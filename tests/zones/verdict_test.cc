// Which rule wins (SEMANTICS section 3): rows of matches and the expected winner.
#include "zones/verdict.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace weir::verdict_test {
namespace {

constexpr ListId kAds{16};
constexpr ListId kPhishing{17};
constexpr ListId kAllow{18};
constexpr ListId kWatched{19};
constexpr ListId kSpecific{20};
constexpr ListId kElsewhere{21};

class Details : public DetailSource {
 public:
  std::map<std::uint32_t, RuleDetail> details;
  const RuleDetail* detail(PayloadId id) const override {
    const auto found = details.find(static_cast<std::uint32_t>(id.value));
    return found == details.end() ? nullptr : &found->second;
  }
};

ListDefinition list(ListId id, const char* name, ListKind kind, int rank) {
  ListDefinition definition;
  definition.id = id;
  definition.name = name;
  definition.kind = kind;
  definition.rank = rank;
  return definition;
}

PolicySet policies() {
  PolicySet set = PolicySet::with_defaults();
  set.lists.push_back(list(kAds, "ads", ListKind::block, kRankBlock));
  set.lists.push_back(list(kPhishing, "phishing", ListKind::block, kRankBlock));
  set.lists.push_back(list(kAllow, "allow", ListKind::allow, kRankAllow));
  set.lists.push_back(list(kWatched, "watched", ListKind::block, kRankBlock));
  set.lists.back().mode = ListMode::observe;
  set.lists.push_back(list(kSpecific, "specific", ListKind::block, kRankBlock));
  set.lists.back().order = Order::specific;
  set.lists.push_back(list(kElsewhere, "elsewhere", ListKind::block, kRankBlock));
  set.policies[0].lists = {kAds, kPhishing, kAllow, kWatched, kSpecific};
  Group kids;
  kids.name = "kids";
  kids.clients = {*Prefix::parse("192.168.7.0/24")};
  set.groups.push_back(kids);
  return set;
}

Match rule(ListId list, PatternKind kind, unsigned labels, Action action, std::uint8_t flags = 0,
           std::uint32_t detail = 0) {
  Match match;
  match.list = list.value;
  match.kind = kind;
  match.labels = static_cast<std::uint8_t>(labels);
  match.action = action;
  match.flags = flags;
  match.detail = detail;
  return match;
}

constexpr auto kExact = PatternKind::exact;
constexpr auto kSubtree = PatternKind::subtree;

struct World {
  PolicySet set = policies();
  Details details;
  Name name = *Name::parse("x.ads.example.org");
  IpAddress client = *IpAddress::parse("192.168.7.9");

  Verdict decide_in_group(std::vector<Match> matches, std::uint32_t group, RecordType type = RecordType::a) {
    MatchSet match_set;
    match_set.matches = std::move(matches);
    return decide(match_set, DecideContext{.policies = set,
                                           .group = group,
                                           .client = client,
                                           .name = name,
                                           .type = type,
                                           .now = now,
                                           .details = details});
  }
  WallTime now = WallTime(std::chrono::seconds(1800000000));
};

// An exception from rewrites lifts what it names and nothing else, whatever the list's exceptions reach.
TEST(Verdict, ExceptionsFromRewritesLiftRewritesOnly) {
  World world;
  RuleDetail given;
  given.addresses = {*IpAddress::parse("192.0.2.1")};
  RuleDetail other;
  other.addresses = {*IpAddress::parse("192.0.2.2")};
  world.details.details = {{1, given}, {2, other}};
  const Match block = rule(kAds, kSubtree, 2, Action::block);
  const Match rewrite = rule(kAds, kSubtree, 2, Action::address, 0, 1);
  const Match name_error = rule(kAds, kSubtree, 2, Action::nxdomain);
  const auto except = [](Action action, std::uint32_t detail = 0) {
    return rule(kAds, kSubtree, 2, action, Match::kException, detail);
  };
  const struct {
    std::vector<Match> matches;
    int winner;
  } rows[] = {
      {{rewrite, except(Action::answer)}, -1},
      {{name_error, except(Action::answer)}, -1},
      {{block, except(Action::answer)}, 0},
      {{rewrite, block, except(Action::answer)}, 1},
      {{rewrite, except(Action::address, 1)}, -1},
      {{rewrite, except(Action::address, 2)}, 0},
      {{rewrite, except(Action::nxdomain)}, 0},
      {{name_error, except(Action::nxdomain)}, -1},
      {{rule(kPhishing, kSubtree, 2, Action::nxdomain), except(Action::answer)}, 0},
      {{except(Action::answer)}, -1},
  };
  for (const ExceptionScope scope : {ExceptionScope::own, ExceptionScope::rank}) {
    world.set.lists[3].exceptions = scope;
    for (const auto& row : rows) {
      EXPECT_EQ(world.decide_in_group(row.matches, 0).winner, row.winner) << (&row - rows);
    }
  }
}

// SEMANTICS 3: ranks in order, first rank with a match decides; within a rank important beats plain, allow beats block
// SEMANTICS 3: Inside rank 1, most specific wins, then important, then allow
// SEMANTICS 3: Specificity: labels of the matched suffix; at equal count exact, subtree, below
// SEMANTICS 3: No list can block them; the administrator can, by name
// SEMANTICS 3: subscribed allow lists
// SEMANTICS 3: subscribed block lists
// SEMANTICS 3: timed overlays: pause, allow for N minutes
// SEMANTICS 3: An administrator who allows `example.org` and blocks `ads.example.org` means both.
TEST(Verdict, RanksThenImportantThenAllowThenSpecific) {
  struct Row {
    const char* what;
    std::vector<Match> matches;
    Outcome outcome;
    int winner;
  };
  const std::vector<Row> rows = {
      {"nothing matches", {}, Outcome::none, kNoRule},
      {"one block", {rule(kAds, kSubtree, 2, Action::block)}, Outcome::blocked, 0},
      {"a list that is not in the policy", {rule(kElsewhere, kSubtree, 2, Action::block)}, Outcome::none, kNoRule},
      {"an allow list's rank is before the block lists'",
       {rule(kAds, kExact, 4, Action::block, Match::kImportant), rule(kAllow, kSubtree, 2, Action::allow)},
       Outcome::allowed,
       1},
      {"the administrator's block beats an allow list",
       {rule(kAllow, kExact, 4, Action::allow), rule(kLocalRules, kSubtree, 2, Action::nxdomain)},
       Outcome::blocked,
       1},
      {"overlays are before the administrator's rules",
       {rule(kLocalRules, kExact, 4, Action::block), rule(kOverlays, kSubtree, 2, Action::allow)},
       Outcome::allowed,
       1},
      {"protected names are before lists",
       {rule(kAds, kExact, 4, Action::block), rule(kProtectedNames, kSubtree, 2, Action::allow)},
       Outcome::allowed,
       1},
      {"and behind the administrator",
       {rule(kLocalRules, kExact, 4, Action::block), rule(kProtectedNames, kSubtree, 2, Action::allow)},
       Outcome::blocked,
       0},
      {"important beats plain within a rank only",
       {rule(kAds, kSubtree, 2, Action::block), rule(kPhishing, kSubtree, 2, Action::block, Match::kImportant)},
       Outcome::blocked,
       1},
      {"of equal ones the most specific is reported",
       {rule(kAds, kSubtree, 2, Action::block), rule(kPhishing, kExact, 4, Action::block)},
       Outcome::blocked,
       1},
      {"exact before subtree at the same label count",
       {rule(kAds, kSubtree, 3, Action::block), rule(kPhishing, kExact, 3, Action::block)},
       Outcome::blocked,
       1},
      {"local rules: most specific wins, block below allow",
       {rule(kLocalRules, kSubtree, 3, Action::block), rule(kLocalRules, kSubtree, 2, Action::allow)},
       Outcome::blocked,
       0},
      {"local rules: most specific wins, allow below block",
       {rule(kLocalRules, kSubtree, 2, Action::block), rule(kLocalRules, kSubtree, 3, Action::allow)},
       Outcome::allowed,
       1},
      {"local rules: at equal specificity important wins",
       {rule(kLocalRules, kSubtree, 2, Action::allow),
        rule(kLocalRules, kSubtree, 2, Action::block, Match::kImportant)},
       Outcome::blocked,
       1},
      {"local rules: at equal specificity allow wins",
       {rule(kLocalRules, kSubtree, 2, Action::block), rule(kLocalRules, kSubtree, 2, Action::allow)},
       Outcome::allowed,
       1},
  };
  World world;
  for (const Row& row : rows) {
    const Verdict verdict = world.decide_in_group(row.matches, 0);
    EXPECT_EQ(verdict.outcome, row.outcome) << row.what;
    EXPECT_EQ(verdict.winner, row.winner) << row.what;
  }
}

// SEMANTICS 3: `@@` in a block list is scoped to that list (§2): it removes that list's blocks from the match set
// SEMANTICS 2 adblock: `exceptions = "own" | "rank"` per list
// SEMANTICS 3: It is not an *allow by a rule*
TEST(Verdict, ExceptionsOpenTheirOwnListOnly) {
  constexpr std::uint8_t kException = Match::kException;
  World world;
  // The own list's block is removed; that is no allow by a rule.
  Verdict verdict = world.decide_in_group(
      {rule(kAds, kSubtree, 2, Action::block), rule(kAds, kSubtree, 3, Action::allow, kException)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::none);
  // Another list's block stands.
  verdict = world.decide_in_group(
      {rule(kPhishing, kSubtree, 2, Action::block), rule(kAds, kSubtree, 3, Action::allow, kException)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::blocked);
  EXPECT_EQ(verdict.winner, 0);
  // An important block is not opened by a plain exception, but by an important one.
  verdict = world.decide_in_group(
      {rule(kAds, kSubtree, 2, Action::block, Match::kImportant), rule(kAds, kSubtree, 3, Action::allow, kException)},
      0);
  EXPECT_EQ(verdict.outcome, Outcome::blocked);
  verdict = world.decide_in_group({rule(kAds, kSubtree, 2, Action::block, Match::kImportant),
                                   rule(kAds, kSubtree, 3, Action::allow, kException | Match::kImportant)},
                                  0);
  EXPECT_EQ(verdict.outcome, Outcome::none);
  // exceptions = "rank": the exception is an allow of its rank.
  const auto ads = std::find_if(world.set.lists.begin(), world.set.lists.end(),
                                [](const ListDefinition& list) { return list.id == kAds; });
  ads->exceptions = ExceptionScope::rank;
  verdict = world.decide_in_group(
      {rule(kPhishing, kSubtree, 2, Action::block), rule(kAds, kSubtree, 3, Action::allow, kException)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::allowed);
}

// SEMANTICS 3: Per list: `order = "adblock" | "specific"`
TEST(Verdict, AListOrderedBySpecificityIsReducedFirst) {
  World world;
  const Verdict verdict = world.decide_in_group(
      {rule(kSpecific, kSubtree, 2, Action::allow), rule(kSpecific, kExact, 4, Action::block)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::blocked) << "its own most specific rule speaks for it";
  EXPECT_EQ(verdict.winner, 1);
}

// SEMANTICS 3: group rules and the administrator's rules, one author: a group rule beats an administrator's rule unless
// that is `important`
// SEMANTICS 3: globs and regexes count as the labels of their literal suffix and lose ties
// SEMANTICS 3: then more conditions.
TEST(Verdict, LinesOfOneAuthor) {
  World world;
  world.details.details[1].conditions.groups = {"kids"};
  world.details.details[2].conditions.types = {RecordType::a};
  world.details.details[3].conditions.types = {RecordType::a};
  world.details.details[3].conditions.clients = {*Prefix::parse("192.168.7.0/24")};
  constexpr auto kBelow = PatternKind::below;
  const auto block = [](PatternKind kind, unsigned labels, std::uint32_t detail = 0) {
    return rule(kLocalRules, kind, labels, Action::block, 0, detail);
  };
  const auto allow = [](PatternKind kind, unsigned labels, std::uint8_t flags = 0, std::uint32_t detail = 0) {
    return rule(kLocalRules, kind, labels, Action::allow, flags, detail);
  };
  const struct {
    const char* what;
    std::vector<Match> matches;
    int winner;
  } rows[] = {
      {"a group's rule beats a more specific one of all", {allow(kExact, 4), block(kSubtree, 2, 1)}, 1},
      {"of a less specific one too", {allow(kSubtree, 3), block(kSubtree, 2, 1)}, 1},
      {"not where that is important", {allow(kSubtree, 3, Match::kImportant), block(kSubtree, 2, 1)}, 0},
      {"nor where it is on the same name", {allow(kSubtree, 2, Match::kImportant), block(kSubtree, 2, 1)}, 0},
      {"three of which each beats another are no draw",
       {block(kExact, 4), allow(kSubtree, 3, Match::kImportant), block(kSubtree, 2, 1)},
       1},
      {"subtree before below", {allow(kBelow, 3), block(kSubtree, 3)}, 1},
      {"a glob has the labels of its suffix", {allow(kSubtree, 2), block(PatternKind::glob, 3)}, 1},
      {"and loses ties", {allow(PatternKind::glob, 3), block(kBelow, 3)}, 1},
      {"so does a regular expression", {allow(PatternKind::regex, 3), block(kBelow, 3)}, 1},
      {"a condition more", {allow(kSubtree, 3), block(kSubtree, 3, 2)}, 1},
      {"and another", {allow(kSubtree, 3, 0, 2), block(kSubtree, 3, 3)}, 1},
  };
  for (const auto& row : rows) EXPECT_EQ(world.decide_in_group(row.matches, 1).winner, row.winner) << row.what;
}

// SEMANTICS 3: timed overlays: pause, allow for N minutes
// SEMANTICS 3: (a pause never lifts lists with `pausable = false` or `basis = "legal"`)
TEST(Verdict, APauseLiftsWhatMayBeLifted) {
  World world;
  Pause pause;
  pause.id = 1;
  pause.from = world.now - std::chrono::seconds(1);
  pause.until = world.now + std::chrono::seconds(60);
  pause.groups = {"kids"};
  world.set.pauses = {pause};
  const auto ads = std::find_if(world.set.lists.begin(), world.set.lists.end(),
                                [](const ListDefinition& list) { return list.id == kAds; });
  const auto outcome = [&](std::uint32_t group) {
    return world.decide_in_group({rule(kAds, kSubtree, 2, Action::block)}, group).outcome;
  };
  EXPECT_NE(outcome(1), Outcome::blocked);
  EXPECT_EQ(outcome(0), Outcome::blocked) << "it is another group's";
  ads->pausable = false;
  EXPECT_EQ(outcome(1), Outcome::blocked);
  ads->pausable = true;
  ads->basis = Basis::legal;
  EXPECT_EQ(outcome(1), Outcome::blocked);
  ads->basis = Basis::operator_choice;
  world.now = pause.until;
  EXPECT_EQ(outcome(1), Outcome::blocked) << "it is over";
}

// SEMANTICS 3: Adblock-style global priority (allow + important, important, allow, block, then number of modifiers) can
// be had by putting lists in one rank with `exceptions = "rank"`
TEST(Verdict, ListsOfOneRankDecideTogetherWhereExceptionsReachIt) {
  World world;
  for (ListDefinition& list : world.set.lists) {
    if (list.id == kAds || list.id == kPhishing) list.exceptions = ExceptionScope::rank;
  }
  world.details.details[1].conditions.types = {RecordType::a};
  constexpr std::uint8_t kException = Match::kException;
  // Each beats all before it, whatever its list and place.
  std::vector<Match> matches = {
      rule(kAds, kSubtree, 2, Action::block),
      rule(kPhishing, kSubtree, 2, Action::block, 0, 1),
      rule(kPhishing, kSubtree, 2, Action::allow, kException),
      rule(kAds, kSubtree, 2, Action::block, Match::kImportant),
      rule(kPhishing, kSubtree, 2, Action::allow, kException | Match::kImportant),
  };
  for (; !matches.empty(); matches.pop_back())
    EXPECT_EQ(world.decide_in_group(matches, 0).winner, static_cast<int>(matches.size()) - 1);
}

TEST(Verdict, ConditionsAreEvaluatedHere) {
  World world;
  world.details.details[1].conditions.types = {RecordType::aaaa};
  world.details.details[2].conditions.groups = {"kids"};
  world.details.details[3].conditions.deny_allow = {*Name::parse("ads.example.org")};
  world.details.details[4].conditions.not_after = world.now;
  world.details.details[5].conditions.clients = {*Prefix::parse("192.168.7.0/24")};
  world.details.details[6].conditions.types = {RecordType::aaaa};
  world.details.details[6].conditions.types_excluded = true;
  struct Row {
    std::uint32_t detail;
    std::uint32_t group;
    RecordType type;
    bool blocked;
  };
  for (const Row& row :
       {Row{1, 0, RecordType::a, false}, Row{1, 0, RecordType::aaaa, true}, Row{2, 0, RecordType::a, false},
        Row{2, 1, RecordType::a, true}, Row{3, 0, RecordType::a, false}, Row{4, 0, RecordType::a, false},
        Row{5, 0, RecordType::a, true}, Row{6, 0, RecordType::a, true}, Row{6, 0, RecordType::aaaa, false},
        Row{99, 0, RecordType::a, false}}) {
    const Verdict verdict =
        world.decide_in_group({rule(kAds, kSubtree, 2, Action::block, 0, row.detail)}, row.group, row.type);
    EXPECT_EQ(verdict.outcome == Outcome::blocked, row.blocked) << row.detail << " group " << row.group;
  }
}

// SEMANTICS 3: an *observe* list never changes which rule wins
// SEMANTICS 3: but its would-have verdict is computed as if it were enforced at its rank
TEST(Verdict, ObservedListsNeverChangeWhoWins) {
  World world;
  Verdict verdict = world.decide_in_group({rule(kWatched, kExact, 4, Action::block)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::none);
  EXPECT_EQ(verdict.observed_winner, 0);
  verdict =
      world.decide_in_group({rule(kWatched, kExact, 4, Action::block), rule(kAllow, kSubtree, 2, Action::allow)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::allowed);
  EXPECT_EQ(verdict.observed_winner, kNoRule) << "at its rank it would have lost";
}

// SEMANTICS 6: A group with default deny: QNAME must match an allow rule
// SEMANTICS 3: the policy's default: allow, or deny
// SEMANTICS 6: protected names pass
TEST(Verdict, DefaultDenyAsksTheQname) {
  World world;
  world.set.policies[0].default_action = DefaultAction::deny;
  Verdict verdict = world.decide_in_group({}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::blocked);
  EXPECT_EQ(verdict.winner, kNoRule);
  verdict = world.decide_in_group({rule(kAllow, kSubtree, 2, Action::allow)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::allowed);
  verdict = world.decide_in_group({rule(kProtectedNames, kSubtree, 2, Action::allow)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::allowed) << "protected names pass";
  verdict = world.decide_in_group({rule(kAds, kSubtree, 2, Action::allow, Match::kException)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::blocked) << "an exception of a block list is no allow by a rule";
}

// SEMANTICS 6: Provide "learn" mode: observe for a period
TEST(Verdict, LearningLetsPassWhatDefaultDenyWouldRefuse) {
  World world;
  world.set.policies[0].default_action = DefaultAction::learn;
  Verdict verdict = world.decide_in_group({}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::none);
  EXPECT_TRUE(verdict.would_deny);
  verdict = world.decide_in_group({rule(kAllow, kSubtree, 2, Action::allow)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::allowed);
  EXPECT_FALSE(verdict.would_deny);
  verdict = world.decide_in_group({rule(kAds, kSubtree, 2, Action::block)}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::blocked) << "lists go on to block";
  EXPECT_FALSE(verdict.would_deny);
  world.set.policies[0].default_action = DefaultAction::allow;
  EXPECT_FALSE(world.decide_in_group({}, 0).would_deny);
}

// SEMANTICS 4: NXDOMAIN degrades to NODATA unless the winning rule covers the whole subtree
// SEMANTICS 4: A rule with `$dnstype` degrades too
// SEMANTICS 4: degrading is a test of that set against the policy's lists
TEST(Verdict, NxdomainDegradesUnlessTheWholeSubtreeIsMeant) {
  World world;
  EXPECT_FALSE(world.decide_in_group({rule(kAds, kSubtree, 2, Action::block)}, 0).degrade_nxdomain);
  EXPECT_FALSE(world.decide_in_group({rule(kAds, PatternKind::below, 2, Action::block)}, 0).degrade_nxdomain);
  EXPECT_TRUE(world.decide_in_group({rule(kAds, kExact, 4, Action::block)}, 0).degrade_nxdomain)
      << "names below it are not blocked";
  world.details.details[1].conditions.types = {RecordType::a};
  EXPECT_TRUE(world.decide_in_group({rule(kAds, kSubtree, 2, Action::block, 0, 1)}, 0).degrade_nxdomain) << "$dnstype";

  MatchSet matches;
  matches.matches = {rule(kAds, kSubtree, 2, Action::block)};
  matches.matches[0].below_count = 1;
  const auto degrades = [&](ListId below) {
    matches.lists_below = {below.value};
    return decide(matches, DecideContext{.policies = world.set,
                                         .group = 0,
                                         .client = world.client,
                                         .name = world.name,
                                         .type = RecordType::a,
                                         .now = world.now,
                                         .details = world.details})
        .degrade_nxdomain;
  };
  EXPECT_TRUE(degrades(kAllow)) << "an allow of this policy lies below";
  EXPECT_FALSE(degrades(kElsewhere)) << "that list is not in this policy";
  EXPECT_TRUE(degrades(kLocalRules));
}

// What the RPZ rows below ask: a zone's own list, of its own rank.
struct RpzWorld : World {
  static constexpr ListId kFirstZone{30};
  static constexpr ListId kSecondZone{31};

  RpzWorld() {
    for (const auto& [id, name, rank] :
         {std::tuple(kFirstZone, "first.rpz", kRankRpz), {kSecondZone, "second.rpz", 6}}) {
      set.lists.push_back(list(id, name, ListKind::rpz, rank));
      set.policies[0].lists.push_back(id);
    }
  }
  Verdict decide_with(std::vector<Match> matches, std::vector<Match> of_client = {},
                      int ranks_before = DecideContext::kAllRanks) {
    MatchSet match_set;
    match_set.matches = std::move(matches);
    MatchSet client_matches;
    client_matches.matches = std::move(of_client);
    return decide(match_set, DecideContext{.policies = set,
                                           .client = client,
                                           .name = name,
                                           .now = now,
                                           .details = details,
                                           .client_matches = &client_matches,
                                           .ranks_before = ranks_before});
  }
};

constexpr ListId kFirstZone = RpzWorld::kFirstZone;
constexpr ListId kSecondZone = RpzWorld::kSecondZone;

// SEMANTICS 3: An RPZ list is reduced to one result by RPZ's own order first
// SEMANTICS 3: Several RPZ zones: each its own rank, in configured order
// SEMANTICS 2 RPZ: Order inside one zone by trigger: client address, QNAME, response address, NSDNAME, NSIP
// SEMANTICS 2 RPZ: exact before wildcard, longest wildcard first
// SEMANTICS 3: Otherwise `*.example.org CNAME rpz-passthru.` beside `bad.example.org CNAME .` gives the opposite
// SEMANTICS 2 RPZ: longest prefix first.
TEST(Verdict, AnRpzZoneHasItsOwnOrder) {
  constexpr auto kBelow = PatternKind::below;
  constexpr auto kClient = PatternKind::client;
  struct Row {
    const char* what;
    std::vector<Match> matches;
    std::vector<Match> of_client;
    Outcome outcome;
    int winner;
  };
  const std::vector<Row> rows = {
      {"exact before wildcard: the block beside a PASSTHRU for all below",
       {rule(kFirstZone, kBelow, 3, Action::allow), rule(kFirstZone, kExact, 4, Action::nxdomain)},
       {},
       Outcome::blocked,
       1},
      {"the longest wildcard first",
       {rule(kFirstZone, kBelow, 2, Action::nxdomain), rule(kFirstZone, kBelow, 3, Action::allow)},
       {},
       Outcome::allowed,
       1},
      {"the client's address before the name",
       {rule(kFirstZone, kExact, 4, Action::nxdomain)},
       {rule(kFirstZone, kClient, 24, Action::allow)},
       Outcome::allowed,
       1},
      {"the longest client prefix first",
       {},
       {rule(kFirstZone, kClient, 24, Action::allow), rule(kFirstZone, kClient, 32, Action::drop)},
       Outcome::blocked,
       1},
      {"the earlier zone first, whatever the trigger",
       {rule(kFirstZone, kBelow, 2, Action::nodata)},
       {rule(kSecondZone, kClient, 32, Action::allow)},
       Outcome::blocked,
       0},
      {"the earlier zone's PASSTHRU too",
       {rule(kFirstZone, kBelow, 2, Action::allow), rule(kSecondZone, kExact, 4, Action::nxdomain)},
       {},
       Outcome::allowed,
       0},
      {"a plain list's rank comes before: PASSTHRU does not open it",
       {rule(kFirstZone, kExact, 4, Action::allow), rule(kAds, kSubtree, 2, Action::block)},
       {},
       Outcome::blocked,
       1},
      {"of an address: the longest prefix",
       {rule(kFirstZone, PatternKind::address, 8, Action::allow),
        rule(kFirstZone, PatternKind::address, 24, Action::nodata)},
       {},
       Outcome::blocked,
       1},
  };
  RpzWorld world;
  for (const Row& row : rows) {
    const Verdict verdict = world.decide_with(row.matches, row.of_client);
    EXPECT_EQ(verdict.outcome, row.outcome) << row.what;
    EXPECT_EQ(verdict.winner, row.winner) << row.what;
  }
  const Verdict rest = world.decide_with({rule(kFirstZone, kExact, 4, Action::nxdomain)}, {}, kRankRpz);
  EXPECT_EQ(rest.outcome, Outcome::none) << "its rank was decided before";
}

// SEMANTICS 4: `name` and `*.name` of one RPZ zone together count as a subtree
TEST(Verdict, AnRpzNameWithItsWildcardIsASubtree) {
  RpzWorld world;
  const auto degrades = [&](ListId list, std::uint8_t flags) {
    return world.decide_with({rule(list, kExact, 4, Action::nxdomain, flags)}).degrade_nxdomain;
  };
  EXPECT_TRUE(degrades(kFirstZone, 0));
  EXPECT_FALSE(degrades(kFirstZone, Match::kWithBelow));
  EXPECT_TRUE(degrades(kAds, Match::kWithBelow)) << "said of RPZ zones alone";
}

// An administrator may want what other servers give for the same zone: its NXDOMAIN as it is written.
TEST(Verdict, AListMayWantItsNxdomainAsWritten) {
  RpzWorld world;
  MatchSet matches;
  matches.matches = {rule(kFirstZone, PatternKind::below, 2, Action::nxdomain)};
  matches.matches[0].below_count = 1;
  matches.lists_below = {kFirstZone.value};
  for (const NameErrors errors : {NameErrors::safe, NameErrors::as_written}) {
    for (ListDefinition& list : world.set.lists) list.nxdomain = list.id == kFirstZone ? errors : NameErrors::safe;
    const bool safe = errors == NameErrors::safe;
    EXPECT_EQ(world.decide_with({rule(kFirstZone, kExact, 4, Action::nxdomain)}).degrade_nxdomain, safe);
    EXPECT_EQ(decide(matches, DecideContext{.policies = world.set,
                                            .client = world.client,
                                            .name = world.name,
                                            .now = world.now,
                                            .details = world.details})
                  .degrade_nxdomain,
              safe)
        << "the zone itself opens a name below";
    EXPECT_TRUE(world.decide_with({rule(kSecondZone, kExact, 4, Action::nxdomain)}).degrade_nxdomain)
        << "said of that list alone";
  }
}

// How far a wildcard reaches, where its list has a nearer name.
TEST(Verdict, AWildcardReachesAsFarAsItsListSays) {
  for (const Wildcards wildcards : {Wildcards::below, Wildcards::closest}) {
    RpzWorld world;
    for (ListDefinition& list : world.set.lists) {
      if (list.id == kFirstZone) list.wildcards = wildcards;
    }
    const bool reaches = wildcards == Wildcards::below;
    const Match nearer = rule(kFirstZone, PatternKind::below, 2, Action::nodata, Match::kNearerName);
    EXPECT_EQ(world.decide_with({nearer}).outcome, reaches ? Outcome::blocked : Outcome::none);
    EXPECT_EQ(world.decide_with({nearer, rule(kSecondZone, kSubtree, 2, Action::allow)}).outcome,
              reaches ? Outcome::blocked : Outcome::allowed);
    EXPECT_EQ(world.decide_with({rule(kFirstZone, PatternKind::below, 2, Action::nodata)}).outcome, Outcome::blocked);
  }
}

// What all entries of a zone do, whatever they say themselves.
TEST(Verdict, AZoneMayBeOverridden) {
  struct Row {
    const char* what;
    Action override_action;
    std::vector<Match> matches;
    Outcome outcome;
    Action action;
  };
  const Match of_first = rule(kFirstZone, kExact, 4, Action::answer);
  const Match passthru = rule(kFirstZone, kExact, 4, Action::allow);
  const Match of_second = rule(kSecondZone, kSubtree, 2, Action::nxdomain);
  const std::vector<Row> rows = {
      {"local data", Action::nodata, {of_first, of_second}, Outcome::blocked, Action::nodata},
      {"PASSTHRU of the zone blocks", Action::nxdomain, {passthru}, Outcome::blocked, Action::nxdomain},
      {"and what blocks passes", Action::allow, {of_first, of_second}, Outcome::allowed, Action::allow},
      {"other zones keep their word", Action::drop, {of_second}, Outcome::blocked, Action::nxdomain},
  };
  for (const Row& row : rows) {
    RpzWorld world;
    for (ListDefinition& list : world.set.lists) {
      if (list.id == kFirstZone) list.override_action = row.override_action;
    }
    const Verdict verdict = world.decide_with(row.matches);
    EXPECT_EQ(verdict.outcome, row.outcome) << row.what;
    EXPECT_EQ(verdict.action, row.action) << row.what;
    EXPECT_EQ(verdict.by_rpz, true) << row.what;
  }
  RpzWorld world;
  EXPECT_FALSE(world.decide_with({of_second}).degrade_nxdomain);
  for (ListDefinition& list : world.set.lists) {
    if (list.id == kFirstZone) list.override_action = Action::allow;
  }
  EXPECT_TRUE(world.decide_with({of_second}).degrade_nxdomain) << "any entry of the first zone opens a name below";
}

// SEMANTICS 4: and never more than the time left of a schedule edge or a timed overlay
TEST(Verdict, TheNextEdgeInTimeIsTold) {
  World world;
  using std::chrono::seconds;
  world.details.details[1].conditions.not_after = world.now + seconds(60);
  world.details.details[2].conditions.not_before = world.now + seconds(20);
  world.details.details[3].conditions.not_after = world.now - seconds(1);
  world.details.details[4].conditions.not_after = world.now + seconds(5);
  world.details.details[4].conditions.groups = {"kids"};
  const auto until = [&](std::vector<std::uint32_t> details) {
    std::vector<Match> matches;
    for (const std::uint32_t detail : details)
      matches.push_back(rule(kLocalRules, kExact, 4, Action::allow, 0, detail));
    matches.push_back(rule(kAds, kSubtree, 2, Action::block));
    return world.decide_in_group(matches, 0).until;
  };
  EXPECT_EQ(until({}), std::nullopt);
  EXPECT_EQ(until({1}), world.now + seconds(60)) << "the end of what lets it through";
  EXPECT_EQ(until({1, 2}), world.now + seconds(20)) << "or the beginning of what will";
  EXPECT_EQ(until({3}), std::nullopt) << "past edges change nothing";
  EXPECT_EQ(until({4}), std::nullopt) << "nor do those of another group";
}

TEST(Verdict, SafeSearchHoldsUnlessTheAdministratorAllowsTheName) {
  World world;
  const ListId google = kFirstSafeSearch;
  const Match safe = rule(google, kExact, 4, Action::cname);
  EXPECT_EQ(world.decide_in_group({safe}, 0).outcome, Outcome::none) << "the policy does not ask for it";
  world.set.policies[0].safe_search = 1;
  Verdict verdict = world.decide_in_group({safe}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::blocked);
  EXPECT_EQ(verdict.action, Action::cname);
  verdict = world.decide_in_group({rule(kAllow, kSubtree, 2, Action::allow), safe}, 0);
  EXPECT_EQ(verdict.action, Action::cname) << "an allow list opens the engine, not its unfiltered answers";
  verdict = world.decide_in_group({rule(kLocalRules, kSubtree, 2, Action::allow), safe}, 0);
  EXPECT_EQ(verdict.outcome, Outcome::allowed);
  verdict = world.decide_in_group({rule(kAds, kSubtree, 2, Action::block), safe}, 0);
  EXPECT_EQ(verdict.winner, 0) << "what is blocked stays so";
}

TEST(Verdict, CanaryNamesAreThePolicysChoice) {
  World world;
  const Match canary = rule(kCanaryNames, kExact, 4, Action::nxdomain);
  EXPECT_EQ(world.decide_in_group({canary}, 0).outcome, Outcome::none);
  world.set.policies[0].canary_names = true;
  EXPECT_EQ(world.decide_in_group({canary}, 0).action, Action::nxdomain);
}

// SEMANTICS 3: `log` the winner and up to eight losers with their list ids
TEST(Verdict, LosersAreNamed) {
  World world;
  const Verdict verdict =
      world.decide_in_group({rule(kAds, kSubtree, 2, Action::block), rule(kPhishing, kExact, 4, Action::block),
                             rule(kAllow, kSubtree, 2, Action::allow)},
                            0);
  EXPECT_EQ(verdict.winner, 2);
  ASSERT_EQ(verdict.loser_count, 2);
  EXPECT_EQ(verdict.losers[0], 1) << "the more specific block is nearer to winning";
  EXPECT_EQ(verdict.losers[1], 0);
}

TEST(Verdict, MoreMatchesThanFitOnTheStack) {
  World world;
  std::vector<Match> matches;
  for (unsigned i = 0; i < 100; ++i) matches.push_back(rule(kAds, kSubtree, 100 - i, Action::block));
  const Verdict verdict = world.decide_in_group(matches, 0);
  EXPECT_EQ(verdict.winner, 0);
  EXPECT_EQ(verdict.loser_count, kMaxLosers);
}

TEST(PolicySet, JsonRoundTripAndGroups) {
  PolicySet set = policies();
  set.policies[0].block.mode = BlockMode::address;
  set.policies[0].block.ipv4 = *IpAddress::parse("192.0.2.80");
  set.policies[0].aliases = AliasAnswers::shown;
  set.lists[0].wildcards = Wildcards::closest;
  set.lists[0].adds_soa = true;
  set.lists[0].soa = ResourceRecord{*Name::parse("zone.example"), RecordType::soa, 7, {1, 2}};
  set.lists[0].nxdomain = NameErrors::as_written;
  set.lists[0].override_action = Action::cname;
  set.lists[0].override_target = *Name::parse("blocked.example");
  set.dns64.emplace();
  set.dns64->translates_private = true;
  set.dns64->blocked = Dns64::Blocked::untranslated;
  const auto back = PolicySet::from_json(set.to_json());
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, set);
  EXPECT_EQ(set.group_of(*IpAddress::parse("192.168.7.1")), 1U);
  EXPECT_EQ(set.group_of(*IpAddress::parse("::ffff:192.168.7.1")), 1U);
  EXPECT_EQ(set.group_of(*IpAddress::parse("192.168.8.1")), 0U);
  for (const char* broken : {"", "{}", "[]", R"({"lists":[],"policies":[],"groups":[],"mname":"a","rname":"b"})"}) {
    EXPECT_EQ(PolicySet::from_json(broken).error().code, ErrorCode::corrupt) << broken;
  }
}

// SEMANTICS 3: default `specific` for local rules and RPZ, `adblock` otherwise.
TEST(PolicySet, OrdersByDefault) {
  const PolicySet set = PolicySet::with_defaults();
  EXPECT_EQ(set.find_list(kLocalRules)->order, Order::specific);
  EXPECT_EQ(ListDefinition().order, Order::adblock);
}

TEST(PolicySet, TheMostSpecificPrefixWins) {
  PolicySet set = policies();
  Group one;
  one.name = "one";
  one.clients = {*Prefix::parse("192.168.7.9/32")};
  set.groups.push_back(one);
  EXPECT_EQ(set.group_of(*IpAddress::parse("192.168.7.9")), 2U);
  EXPECT_EQ(set.group_of(*IpAddress::parse("192.168.7.10")), 1U);
}

TEST(PolicySet, CanonicalTextHasNoIdsAndNoOrder) {
  PolicySet a = policies();
  PolicySet b = policies();
  for (ListDefinition& entry : b.lists) {
    if (entry.id >= kFirstDefinedList) entry.id.value += 100;
  }
  for (ListId& id : b.policies[0].lists) id.value += 100;
  std::reverse(b.groups.begin() + 1, b.groups.end());
  EXPECT_EQ(a.canonical_text(), b.canonical_text());
  b.policies[0].block.ttl_seconds = 31;
  EXPECT_NE(a.canonical_text(), b.canonical_text());
}

// A list may have any number of rules on one name: the one that decides counts wherever it stands.
TEST(Verdict, OfMoreMatchesThanSixteenBitsCountEachCounts) {
  World world;
  std::vector<Match> matches(70'000, rule(kAds, kExact, 2, Action::block));
  matches.push_back(rule(kAllow, kSubtree, 1, Action::allow));
  const Verdict verdict = world.decide_in_group(std::move(matches), 0);
  EXPECT_EQ(verdict.outcome, Outcome::allowed);
  EXPECT_EQ(verdict.winner, 70'000);
  EXPECT_EQ(verdict.loser_count, kMaxLosers);
  EXPECT_EQ(verdict.losers[7], 7);
}

// Many matches are gone through in another way than few.
TEST(Verdict, ExceptionsLiftTheSameAmongManyMatchesAsAmongFew) {
  World world;
  for (std::uint32_t id = 1; id <= 4; ++id) {
    RuleDetail& detail = world.details.details[id];
    if (id < 3) detail.addresses = {*IpAddress::parse("192.0.2." + std::to_string(id))};
    if (id >= 3) detail.target = *Name::parse(id == 3 ? "a.example" : "b.example");
  }
  std::mt19937 random(5);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  constexpr Action kActions[] = {Action::block,  Action::block, Action::nxdomain, Action::address,
                                 Action::answer, Action::cname, Action::allow};
  constexpr PatternKind kKinds[] = {kExact, kSubtree, PatternKind::below};
  unsigned lifted = 0;
  for (unsigned round = 0; round < 20'000; ++round) {
    for (ListDefinition& list : world.set.lists)
      list.exceptions = below(3) == 0 ? ExceptionScope::rank : ExceptionScope::own;
    std::vector<Match> few;
    for (unsigned i = 0; i < 1 + below(8); ++i) {
      const Action action = kActions[below(std::size(kActions))];
      const bool has_data = action == Action::address || action == Action::cname || action == Action::answer;
      const std::uint32_t detail = has_data ? below(5) : 0;
      const auto flags =
          static_cast<std::uint8_t>((below(3) == 0 ? Match::kImportant : 0) | (below(2) == 0 ? Match::kException : 0));
      few.push_back(rule(below(2) == 0 ? kAds : kSpecific, kKinds[below(3)], 1 + below(3), action, flags, detail));
    }
    std::vector<Match> many = few;
    // Of a list that only watches: they decide nothing.
    many.insert(many.end(), 64, rule(kWatched, kExact, 4, Action::block));
    const Verdict expected = world.decide_in_group(few, 0);
    const Verdict found = world.decide_in_group(many, 0);
    ASSERT_EQ(found.winner, expected.winner) << "round " << round;
    ASSERT_EQ(found.loser_count, expected.loser_count);
    ASSERT_EQ(found.losers, expected.losers);
    lifted += expected.outcome == Outcome::none ? 1 : 0;
  }
  EXPECT_GT(lifted, 1000U) << "exceptions have lifted something";
}

// A hostile list may have as many rules on one name as any list, half of them exceptions from the other half. One by
// one they are 10^8 pairs, and this test would take more than a second.
TEST(Verdict, TenThousandExceptionsFromTenThousandRewrites) {
  World world;
  std::vector<Match> matches;
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    world.details.details[i + 1].addresses = {
        *IpAddress::parse("10.0." + std::to_string(i / 250) + '.' + std::to_string(i % 250))};
    matches.push_back(rule(kAds, kExact, 2, Action::address, 0, i + 1));
  }
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    if (i != 77) matches.push_back(rule(kAds, kExact, 2, Action::address, Match::kException, i + 1));
  }
  EXPECT_EQ(world.decide_in_group(std::move(matches), 0).winner, 77) << "alone it has no exception";
}

}  // namespace
}  // namespace weir::verdict_test
