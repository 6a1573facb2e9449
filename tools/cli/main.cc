#include <unistd.h>

#include <iostream>

#include "tools/cli/app.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  weir::cli::Streams streams{std::cin, std::cout, std::cerr, isatty(STDERR_FILENO) != 0};
  const auto code = weir::cli::run({argv + 1, argv + argc}, streams);
  std::cout.flush();
  return static_cast<int>(code);
}
