// What comes most often in the log: names, domains, clients, lists and so on, with numbers of decisions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/log/decision_log.h"
#include "tools/log/search.h"
#include "zones/base/result.h"

namespace weir::log {

enum class Dimension : std::uint8_t { name, domain, client, list, category, group, decision_class, type };
std::optional<Dimension> parse_dimension(std::string_view text);
std::string_view to_text(Dimension dimension);
inline constexpr std::string_view kDimensions[] = {"name",     "domain", "client", "list",
                                                   "category", "group",  "class",  "type"};

struct TopRequest {
  SearchRequest range;  // direction, cursor and limit do not count
  Dimension by = Dimension::name;
  std::size_t limit = 10;
  // What fewer clients than this met is not shown one by one (k-anonymity); 0: everything is. What is hidden is so as
  // a whole: it appears in `hidden` alone. Decisions whose client was not kept have none.
  std::uint32_t min_clients = 0;
};

struct TopRow {
  std::string key;  // as it is shown; "" where there is none (no list decided, the client was not kept)
  std::uint64_t decisions = 0;
};

struct Top {
  std::vector<TopRow> rows;     // the most first
  std::uint64_t decisions = 0;  // in all
  std::uint64_t keys = 0;
  std::uint64_t hidden = 0;  // decisions that min_clients hides
  SearchEnd end;
};

// Errors: io, corrupt.
Result<Top> find_top(const DecisionLog& log, const BlockMatcher& matcher, const TopRequest& request);

std::string describe(const ClientIdentity& client);      // "192.0.2.0/24", "p-0123456789abcdef", ""
std::string_view to_text(DecisionClass decision_class);  // "would_block"
std::optional<DecisionClass> parse_decision_class(std::string_view text);

}  // namespace weir::log
