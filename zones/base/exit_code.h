// What a program of weir says to its caller when it ends; the same for every command.
#pragma once

#include "zones/base/result.h"

namespace weir {

enum class ExitCode : int {
  done = 0,
  answer_is_no = 1,  // a difference found, `explain`: blocked
  usage = 2,
  refused = 3,      // input or configuration
  unreachable = 4,  // a daemon, or it did not answer in time
  not_permitted = 5,
  failed = 6  // inside: disk, store
};

// Of a failure on this side.
ExitCode exit_code_of(ErrorCode code);
// Of an error that a daemon answered: it was reached, so what is unavailable or too slow is its input, a source.
ExitCode exit_code_of_answer(ErrorCode code);

// One line an exit code, for --help.
const char* describe_exit_codes();

}  // namespace weir
