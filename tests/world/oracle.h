// What a resolver may say in a world, read from its zones directly: no caches, no servers, no signatures.
//
// Where the world changes there is more than one right answer: what was true until a moment ago may be said until its
// TTL has run out, and no longer. Where servers are broken, failing is allowed; where data is bogus, it is required.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/world/world.h"

namespace weir::world {

enum class Authentic : std::uint8_t { required, either, forbidden };  // AD

struct Outcome {
  Rcode rcode = Rcode::noerror;
  std::vector<Rrset> answer;  // alias chain first; a DNAME before the CNAME made from it; TTLs as the zone has them
  Authentic authentic = Authentic::required;
  bool any_subset = false;  // for QTYPE ANY a part will do (RFC 8482)
  bool bogus = false;       // only to those who set CD
};

struct Expected {
  std::vector<Outcome> outcomes;
  bool failure_allowed = false;  // SERVFAIL
  bool is_open = false;          // there are too many right answers to be listed
  unsigned steps = 0;
  std::string why;  // failing is allowed
  // Without an outcome that is not bogus, failing is required.
  bool answer_possible() const;
};

class Oracle {
 public:
  explicit Oracle(const World& world) : world_(world) {}

  // `time`: when the resolver answers; it may have asked up to kInFlight before.
  Expected expected(const Question& question, Time time) const;

  // Whether the zones alone, by an alias loop say, made the question fail at some time of the last five minutes: for so
  // long a resolver may remember it (RFC 9520 section 3.2), whatever the zones hold now.
  bool failed_lately(const Question& question, Time time) const;

  // The wildcard that gives `name` its records of some type now or earlier; `name` where none does.
  Name source_of(const Name& name, Time time) const;

  static constexpr Time kInFlight = std::chrono::seconds(10);

 private:
  struct Found;
  using Zones = std::set<unsigned>;
  void follow(const Question& question, Time time, unsigned links, const Outcome& so_far, Expected& out,
              Zones& zones) const;
  std::vector<Found> found_in(unsigned zone, const Question& question, Time time) const;
  void add_mixed(unsigned zone, const Question& question, Time time, std::vector<Found>& out) const;
  std::vector<unsigned> candidates(const Question& question, Time time) const;
  Time reachable_until(unsigned zone) const;
  bool may_be_seen(unsigned zone, std::size_t moment, std::uint32_t ttl, Time time) const;
  void depend(unsigned zone, Zones& zones) const;
  std::string trouble_of(unsigned zone, Time time) const;
  void judge(unsigned zone, const Found& found, bool so_gone, Outcome& outcome) const;
  void add_lies(unsigned zone, const Question& question, Time time, const Outcome& so_far, Expected& out) const;

  const World& world_;
};

}  // namespace weir::world
