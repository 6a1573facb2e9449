// The variables of ASSIGN and the expressions of TIME_PASSES EVAL.
//
//   $v               the value of v                ${time}           virtual seconds since the beginning
//   ${$v + 5 * 2}    left to right, no precedence   ${timeout}        seconds to the resolver's next timer
//   ${ctime $v}      as a date                      ${range lo x hi}  x, an error where it lies outside
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "zones/base/result.h"

namespace weir::scenario {

struct Instant {
  double now_seconds = 0;
  std::optional<double> timeout_seconds = {};
};

class Variables {
 public:
  // `text` with all of it replaced; what is arithmetic as a whole is worked out. Nesting is bounded.
  Result<std::string> evaluate(std::string_view text, const Instant& instant) const;
  Result<double> evaluate_number(std::string_view text, const Instant& instant) const;
  void assign(const std::string& name, std::string value) { values_[name] = std::move(value); }

 private:
  Result<std::string> expand(std::string_view text, const Instant& instant, unsigned depth) const;
  Result<std::string> call(std::string_view inner, const Instant& instant) const;

  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace weir::scenario
