// The arguments of a control request, read with messages for people. For the .cc files of the verbs.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/link/control.h"

namespace weir::sidecar {

class Arguments {
 public:
  // Errors: invalid, when they are no JSON object.
  static Result<Arguments> read(const ControlRequest& request);

  // A missing one is "", 0, false or empty; one of another type is an error that error() keeps.
  std::string text(std::string_view key);
  std::uint64_t number(std::string_view key, std::uint64_t fallback);
  bool flag(std::string_view key);
  std::vector<std::string> texts(std::string_view key);
  // "2026-07-06", "2026-07-06T00:40:32Z", seconds since 1970 as a number, or a duration before `now` such as "2h".
  std::optional<WallTime> time(std::string_view key, WallTime now);
  // Like text(), but must be there.
  std::string required(std::string_view key);

  bool ok() const { return !error_; }
  Error error() const { return *error_; }

 private:
  const boost::json::value* find(std::string_view key) const;
  void fail(std::string_view key, std::string_view expected);

  boost::json::object object_;
  std::optional<Error> error_;
};

}  // namespace weir::sidecar
