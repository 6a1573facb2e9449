#include "zones/base/exit_code.h"

#include <gtest/gtest.h>

namespace weir::exit_code_test {
namespace {

TEST(ExitCodes, FollowFromTheKindOfError) {
  const struct {
    ErrorCode code;
    int here;      // on this side
    int answered;  // by a daemon
  } kRows[] = {{ErrorCode::invalid, 3, 3},
               {ErrorCode::not_found, 3, 3},
               {ErrorCode::exists, 3, 3},
               {ErrorCode::corrupt, 6, 6},
               {ErrorCode::incompatible, 6, 6},
               {ErrorCode::permission, 5, 5},
               {ErrorCode::unavailable, 4, 3},
               {ErrorCode::too_large, 3, 3},
               {ErrorCode::timed_out, 4, 3},
               {ErrorCode::busy, 6, 6},
               {ErrorCode::io, 6, 6}};
  for (const auto& row : kRows) {
    EXPECT_EQ(static_cast<int>(exit_code_of(row.code)), row.here) << static_cast<int>(row.code);
    EXPECT_EQ(static_cast<int>(exit_code_of_answer(row.code)), row.answered) << static_cast<int>(row.code);
  }
}

}  // namespace
}  // namespace weir::exit_code_test
