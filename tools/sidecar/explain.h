// Why a name is answered as it is: the same look-up and the same decision as in the resolver
// (Generation::match, decide), with the line and import of each rule beside it.
#pragma once

#include <boost/json/fwd.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/store/generation.h"
#include "zones/store/history.h"
#include "zones/store/writer.h"

namespace weir::sidecar {

struct ExplainRequest {
  std::vector<std::string> names;  // names, or addresses as they may stand in an answer
  std::optional<IpAddress> client;
  std::string group;  // instead of a client
  RecordType type = RecordType::a;
};

// Where rules come from, remembered for the imports that come up again and again. One thread.
class Provenances {
 public:
  explicit Provenances(const RulesInForce& rules) : rules_(rules) {}
  // nullptr where the store knows no such import.
  const ImportRecord* find(ListId list, ImportId import);

 private:
  const RulesInForce& rules_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::optional<ImportRecord>> known_;
};

// What a rule was compared with: a name, or an address of an answer or of a server; and who asks.
struct RuleSubject {
  std::optional<IpAddress> address;
  Name name;
  IpAddress client;

  // The address that a rule on addresses means; nothing: it is about the name.
  std::optional<IpAddress> matched_address(const Match& match) const {
    return match.kind == PatternKind::client ? client : address;
  }
  std::string pattern(const RulesInForce& rules, const Match& match) const;
};

// One rule with the line and the import that it came from, as generation `at` had it.
boost::json::object describe_rule(const RulesInForce& rules, const RuleSubject& subject, const Match& match,
                                  GenerationNumber at, Provenances& provenances);

// The pattern of a match of `name` or of an address, as it stands in explain and log: "example.org", "*.example.org",
// "192.0.2.0/24", a glob as it was written, a regular expression between slashes. `rules`: those that the match is of;
// nullptr: not there any more, and of a pattern only the name that it is filed under is known.
std::string pattern_text(const RulesInForce* rules, const Match& match, const Name& name);
std::string pattern_text(const Match& match, const IpAddress& address);

// What `rules` say at `moment`: {"generation", "results": [...]}. Errors: invalid (no name), not_found (unknown group),
// corrupt (something could not be read, so the answer might be wrong).
Result<boost::json::object> explain(const RulesInForce& rules, const ExplainRequest& request, WallTime moment);

}  // namespace weir::sidecar
