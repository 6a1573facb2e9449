// One resolution: the work for one question, shared by all who ask it at the time.
//
// Its lookups form a stack: the client's question at the bottom, above it the address lookups of name servers without
// glue that it depends on, each for the one below. Only the top one moves. All spend one Budget.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "resolver/base/budget.h"
#include "resolver/cache/server_cache.h"
#include "resolver/dnssec/denial_cache.h"
#include "resolver/engine/steps.h"

namespace weir {

// What a step may use, and the time. Made anew for each call into the engine.
struct Context {
  const EngineOptions& options;
  RrsetCache& rrsets;
  ServerCache& servers;
  EngineCounters& counters;
  Exchanges& exchanges;
  Now now;
};

// Why servers gave no answer, for the Extended DNS Error.
struct Trouble {
  unsigned silent = 0;
  unsigned network = 0;
  unsigned refused = 0;  // lame, REFUSED, SERVFAIL
  unsigned invalid = 0;
};

// What a lookup is for: only the client's own answer is validated, and a DS or DNSKEY is never an alias.
enum class Purpose : std::uint8_t { answer, addresses, trust };

struct Lookup {
  Purpose purpose = Purpose::answer;
  Name name;  // moves along the alias chain
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  Step step;
  bool without_forwarders = false;  // none of them answered, and the zone may fall back to recursion
  // None of its servers would answer: what the parent says now is asked for.
  std::optional<Delegation> failed_delegation;
  bool uncached = false;  // some of it comes from a zone of which nothing is to be kept
  std::vector<ChainLink> chain;
  std::vector<Name> chain_zone_cuts;    // beside chain: of the zone that gave each link
  std::vector<SteadyTime> chain_since;  // beside chain: when each link's TTLs were right
  Trouble trouble;
};

enum class ExchangeEventKind : std::uint8_t {
  answered,
  truncated,
  malformed,
  failed,
  silent,
  expired,
  ask_tcp,
  bad_cookie  // the server wants its new cookie, which is known now (RFC 7873 section 5.3)
};

struct ExchangeEvent {
  ExchangeEventKind kind = ExchangeEventKind::answered;
  const OutstandingExchange& exchange;
  const Message* message = nullptr;
  std::size_t octets = 0;
};

// Of a resolution that is to believe nothing that is cached.
struct OwnCaches {
  explicit OwnCaches(const EngineOptions& shared);

  RrsetCache rrsets;
  ServerCache servers;
  ZoneTrustCache zone_trust;
  DenialCache denials;
  EngineOptions options;  // the engine's, but for these caches and the rules that were asked for
};

class Resolution {
 public:
  // `signatures`: whether answers must be fetched with DO.
  Resolution(WorkId id, const Question& question, const Origin& origin, Signatures signatures, SteadyTime deadline);

  // Moves until it has to wait or is finished.
  void run(Context& context);
  void on_exchange(Context& context, const ExchangeEvent& event);
  // Somebody else has asked what it was about to ask: the caches first.
  void look_again(Context& context);
  // Ends it in failure at once: the deadline, or a limit outside.
  void fail(Context& context, EdeCode ede, std::string text);
  void leave_exchanges(Context& context);  // nobody waits for it any more

  bool finished() const { return lookups_.size() == 1 && std::holds_alternative<Finished>(lookups_[0]->step); }
  ResolutionResult result(SteadyTime now) const;  // once finished; without an id
  std::string to_text() const;                    // for traces: "example.org/A AskServers"

  WorkId id() const { return id_; }
  const Question& question() const { return question_; }
  const Origin& origin() const { return origin_; }
  Budget& budget() { return budget_; }
  const Budget& budget() const { return budget_; }
  Signatures signatures() const { return signatures_; }
  ResolutionTrace* trace() const { return origin_.examination == nullptr ? nullptr : origin_.examination->trace.get(); }
  // Whether what a lookup finds is checked before anybody gets it.
  bool validates(const Lookup& lookup, const Context& context) const;
  // A server whose records the answer is made of; `others`: the zone has more servers.
  enum class Others : std::uint8_t { none, left };
  void note_answer(const ServerAddress& server, const Name& zone_cut, const Lookup& lookup, Others others);
  // What servers of a zone gave is bogus: those that gave what is to blame are asked last from now on, and what the
  // cache holds of the zone without a verdict is doubted. False where nobody else could be asked and the cache had no
  // part in it.
  bool ask_anew(const Validated& bogus);
  bool doubts(const Name& zone_cut) const { return std::ranges::find(doubted_, zone_cut) != doubted_.end(); }
  bool distrusts(const ServerAddress& server, const Name& zone_cut) const;
  bool distrusts_any(const Name& zone_cut) const;  // of this zone's servers
  // Whether a lookup of this is under way below: to start it again would wait for itself (TsuNAME).
  bool depends_on(const Name& name, RecordType type) const;
  std::size_t depth() const { return lookups_.size(); }
  Lookup& bottom() { return *lookups_.front(); }

  std::vector<ResolutionId> waiters;
  std::unique_ptr<OwnCaches> own_caches;  // null: the engine's

 private:
  bool exhausted() const;  // it may not ask any more, whoever would answer
  void enter(Context& context, Lookup& lookup, Step next);
  void push(const Name& name, RecordType type, Purpose purpose);
  void pop(Context& context);

  WorkId id_;
  Question question_;
  Origin origin_;
  Signatures signatures_;
  Budget budget_;
  struct AnsweredBy {
    ServerAddress server;
    Name zone_cut;
    Validated::Blame gave;  // a referral brings a DS with the answer
    Name owner;             // of the DS or DNSKEY that it gave
    Others others;
  };
  std::vector<AnsweredBy> answered_by_;  // since the beginning, or since something was bogus
  std::vector<AnsweredBy> distrusted_;
  std::vector<Name> doubted_;  // zones: others may put into the cache what the distrusted say
  std::vector<std::unique_ptr<Lookup>> lookups_;
};

// The steps. Each returns the step that follows, or nothing where it waits for an event.
std::optional<Step> advance(FindZoneCut& step, Lookup& lookup, Resolution& resolution, Context& context);
std::optional<Step> advance(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context);
std::optional<Step> advance(FollowAlias& step, Lookup& lookup, Resolution& resolution, Context& context);
std::optional<Step> on_exchange(AskServers& step, Lookup& lookup, Resolution& resolution, Context& context,
                                const ExchangeEvent& event);
// The lookup of a name server's addresses has ended: go on asking with what it gave.
Step on_addresses(AwaitAddresses& step, const Finished& found, Resolution& resolution, Context& context);

// validate.cc
Step begin_validation(Finished outcome, const Lookup& lookup, const Context& context);
std::optional<Step> advance(Validate& step, Lookup& lookup, Resolution& resolution, Context& context);
// Of the chain of a lookup that fails while it is validated: what the filter may judge by.
void keep_good_links(const AnswerValidator& validator, Lookup& lookup, const Resolution& resolution, Context& context);
// The lookup of a DS or DNSKEY has ended.
TrustRecords trust_records(const Finished& found);
// It stood in the way of a DS or DNSKEY.
Finished alias_in_the_way(FollowAlias alias);

// find_zone_cut.cc: the forward or stub zone that the lookup's name lies in; null where there is none.
const ForwardZone* forward_zone_of(const Lookup& lookup, const Context& context);
// find_zone_cut.cc: begins to ask the servers of `zone`, with the addresses that glue and cache know.
AskServers ask_zone(Delegation zone, Context& context);
AskServers ask_parent_of(const Name& zone_cut, Context& context);  // the closest zone above it that is known
// Each once, of the families that are in use.
void add_candidates(AskServers& step, const std::vector<IpAddress>& addresses, Context& context);

// finish.cc
Finished failure(EdeCode ede, std::string text);
Finished limit_failure(Limit limit, Context& context);
Finished no_server_left(const AskServers& step, const Lookup& lookup);
Finished positive(std::vector<SignedRrset> rrsets, Name zone_cut);
Finished negative(NegativeKind kind, std::vector<Rrset> authority, std::uint32_t ttl, Name zone_cut,
                  Security security = Security::indeterminate);

}  // namespace weir
