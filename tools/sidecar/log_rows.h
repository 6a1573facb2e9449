// Rows of the decision log as people and programs see them: with the names of lists and groups as they were
// then, and the line of the list that each rule came from.
#pragma once

#include <boost/json/fwd.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tools/sidecar/decision_log.h"
#include "zones/dns/name.h"
#include "zones/link/decision.h"
#include "zones/store/generation.h"

namespace weir::sidecar {

// What is searched for; an empty member finds everything.
struct LogFilter {
  std::optional<Name> name;  // this name and everything below it
  std::string client;        // address, prefix, or pseudonym as it is shown
  std::optional<Prefix> client_prefix;
  std::string list;
  std::string group;
  std::string row_class;  // "blocked", "would_block", "allowed_over_block", "resolved", "counters", "dropped"
};

// One thread; for one search. `generation`: where lines and imports are looked up; may be nullptr.
class RowReader {
 public:
  RowReader(const DecisionLog& log, std::shared_ptr<const Generation> generation);

  // The row as JSON when `filter` finds it. Counters are shown only when their class is asked for.
  std::optional<boost::json::object> read(const LogRow& row, const LogFilter& filter);

 private:
  const PolicySet* names(GenerationNumber generation);
  std::string list_name(const PolicySet* names, const Match& match) const;
  std::optional<boost::json::object> read_decision(const LogRow& row, const LogFilter& filter);

  const DecisionLog& log_;
  const std::shared_ptr<const Generation> generation_;
  std::map<std::uint64_t, std::shared_ptr<const PolicySet>> names_;
};

std::string_view to_text(DecisionClass decision_class);
std::string describe(const ClientIdentity& client);
bool is_pseudonym(std::string_view text);  // as describe() writes one

}  // namespace weir::sidecar
