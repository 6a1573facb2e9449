#include "zones/base/exit_code.h"

namespace weir {

ExitCode exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
    case ErrorCode::not_found:
    case ErrorCode::exists:
    case ErrorCode::too_large:
      return ExitCode::refused;
    case ErrorCode::unavailable:
    case ErrorCode::timed_out:
      return ExitCode::unreachable;
    case ErrorCode::permission:
      return ExitCode::not_permitted;
    case ErrorCode::corrupt:
    case ErrorCode::incompatible:
    case ErrorCode::busy:
    case ErrorCode::io:
      return ExitCode::failed;
  }
  return ExitCode::failed;
}

ExitCode exit_code_of_answer(ErrorCode code) {
  const ExitCode exit = exit_code_of(code);
  return exit == ExitCode::unreachable ? ExitCode::refused : exit;
}

const char* describe_exit_codes() {
  return "Exit codes:\n"
         "  0  done\n"
         "  1  the answer is no (explain: the name is blocked; rule remove: there is no such rule)\n"
         "  2  wrong usage\n"
         "  3  input or configuration refused\n"
         "  4  a daemon cannot be reached\n"
         "  5  not permitted\n"
         "  6  failed inside (disk, store)\n";
}

}  // namespace weir
