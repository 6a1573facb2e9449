// Rows that an answer lacks although they are of its time.
#pragma once

#include <cstdint>
#include <string>

namespace weir::log {

struct MissingRows {
  enum class Cause : std::uint8_t {
    block,    // it cannot be read
    journal,  // its end was damaged when the log was opened
    ring      // they found no room in it, or it was damaged: they never came
  };

  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
  std::uint64_t rows = 0;  // 0: nobody knows
  std::string why;
  Cause cause = Cause::block;
};

}  // namespace weir::log
