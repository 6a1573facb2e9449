// What may be told of the log to somebody who is to learn nothing about single clients.
//
// The log is cut into cells, and every decision lies in one of them at most. A cell is a whole hour, an outcome, a
// group, a list and a name. Where fewer than k clients met that, its decisions are told together with the others of the
// hour, outcome, group and list that fewer met, without their names; where that are still fewer, together with those of
// the hour and outcome; and what is then left is not told. So each cell is of k clients at least. Every answer is a sum
// of whole cells, and so is what two answers have apart, however their questions were chosen.
//
// Only hours that are over are told: one that goes on would tell each step of a client by how it grows. The hour of a
// class's oldest row is not told either: what retention takes next would be told by how it shrinks. A client is what is
// kept of one: an address, a prefix (a home is one client), a pseudonym. Where nothing is kept, nobody can say how many
// they are, and such decisions count for no client.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/log/decision_log.h"
#include "tools/log/log_filter.h"
#include "tools/log/search.h"
#include "zones/base/result.h"

namespace weir::log {

struct AnonymousCell {
  enum class Detail : std::uint8_t { name, list, outcome };  // the most that is told; behind it the members are empty
  Detail detail = Detail::outcome;
  std::int64_t hour_ms = 0;
  DecisionClass decision_class = DecisionClass::blocked;
  std::string group;
  std::uint32_t list = 0;
  std::string name_key;  // as zones/dns/reversed_name.h makes it
  std::uint64_t decisions = 0;
};

struct AnonymousRequest {
  SearchRequest range;  // whole hours of it; of `after` the time alone counts, the limit does not
  std::uint32_t smallest_group = 10;
  std::int64_t now_ms = 0;
};

// The cells of each hour, the most decisions first, until `visit` says false; then, and where the budget ends, the
// answer's `next` has the time of the hour that is not told yet. An hour is told as a whole or not at all. Errors: io.
using HourVisitor = std::function<bool(std::int64_t hour_ms, const std::vector<AnonymousCell>& cells)>;
Result<SearchEnd> visit_anonymous_hours(const DecisionLog& log, const AnonymousRequest& request,
                                        const HourVisitor& visit);

// Whether cells are of what a filter asks for: by what is told of them alone. One thread.
class CellMatcher {
 public:
  CellMatcher(const DecisionLog& log, LogFilter filter);
  // Errors: invalid, of a filter that asks for a client, or for what cells do not say.
  static Result<void> check(const LogFilter& filter);
  bool matches(const AnonymousCell& cell) const;

 private:
  const DecisionLog& log_;
  const LogFilter filter_;
  std::string name_key_;
};

// "" where a cell does not say.
std::string name_of(const AnonymousCell& cell);
std::string list_of(const DecisionLog& log, const AnonymousCell& cell);
std::string category_of(const DecisionLog& log, const AnonymousCell& cell);

}  // namespace weir::log
