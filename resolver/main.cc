// weir-resolver: reads weir.toml, runs the resolver. No logic here.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <string_view>

#include "resolver/server/resolver_daemon.h"
#include "zones/base/exit_code.h"
#include "zones/base/text.h"
#include "zones/base/version.h"
#include "zones/config/config.h"

namespace {

constexpr const char* kUsage =
    "usage: weir-resolver [--config FILE] [--check]\n"
    "  --config FILE  the configuration (default /etc/weir/weir.toml)\n"
    "  --check        read the configuration, say what is wrong with it, and stop\n"
    "  --version      print the version and stop\n"
    "Exit codes: 0 done, 2 usage, 3 configuration refused, 5 not permitted, 6 failed inside.\n";

int fail(const weir::Error& error) {
  std::fprintf(stderr, "weir-resolver: %s\n", error.message.c_str());
  return static_cast<int>(weir::exit_code_of(error.code));
}

}  // namespace

int main(int argc, char** argv) {
  std::string_view config_file = "/etc/weir/weir.toml";
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help") {
      std::fputs(kUsage, stdout);
      return static_cast<int>(weir::ExitCode::done);
    }
    if (argument == "--version") {
      std::printf("weir-resolver %s\n", weir::version());
      return static_cast<int>(weir::ExitCode::done);
    }
    if (argument == "--check") {
      check = true;
    } else if (argument == "--config" && i + 1 < argc) {
      config_file = argv[++i];
    } else if (argument.starts_with("--config=")) {
      config_file = argument.substr(9);
    } else {
      std::fprintf(stderr, "weir-resolver: unknown argument '%s'\n%s", weir::escape_for_display(argument).c_str(),
                   kUsage);
      return static_cast<int>(weir::ExitCode::usage);
    }
  }
  const auto config = weir::Config::load(std::string(config_file));
  if (!config) return fail(config.error());
  if (check) {
    if (const auto files = weir::check_resolver_files(*config); !files) return fail(files.error());
    std::puts("the configuration is good");
    return static_cast<int>(weir::ExitCode::done);
  }
  // As weir-sidecar writes its lines, so that both read as one in a common log.
  spdlog::set_default_logger(spdlog::stderr_logger_mt("weir-resolver"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%SZ %l %v", spdlog::pattern_time_type::utc);
  const auto ended = weir::run_resolver(*config);
  return ended ? static_cast<int>(weir::ExitCode::done) : fail(ended.error());
}
