// weir-sidecar: reads its arguments, starts the sidecar, waits for signals. No logic.
#include <malloc.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string_view>

#include "tools/sidecar/sidecar.h"
#include "zones/base/exit_code.h"
#include "zones/base/thread_rank.h"
#include "zones/base/version.h"
#include "zones/config/config.h"

namespace {

constexpr int kReturnedBytes = 512 << 10;  // larger blocks go back to the system when they are freed

constexpr char kUsage[] =
    "Usage: weir-sidecar [--config FILE] [--check | --version]\n"
    "Fetches and imports lists, publishes policy generations, keeps the decision log.\n"
    "  --config FILE  the configuration (default /etc/weir/weir.toml)\n"
    "  --check        read the configuration, say what is wrong with it, and end\n"
    "  --version      print the version, and end\n"
    "Signals: SIGHUP reads the configuration again; SIGTERM and SIGINT end it cleanly.\n";
constexpr std::chrono::seconds kTendEvery{30};

weir::Now read_clocks() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

int fail(const weir::Error& error) {
  std::fprintf(stderr, "weir-sidecar: %s\n", error.message.c_str());
  return static_cast<int>(weir::exit_code_of(error.code));
}

// Until a signal asks for the end.
void serve(weir::sidecar::Sidecar& sidecar, const sigset_t& signals) {
  for (;;) {
    const timespec patience{kTendEvery.count(), 0};
    const int signal = ::sigtimedwait(&signals, nullptr, &patience);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) {
      ::sd_notify(0, "RELOADING=1");
      if (const auto report = sidecar.reload("SIGHUP", ""); report) {
        sidecar.tell_resolver();
      } else {
        spdlog::error("reload refused, the old configuration stays in force:\n{}", report.error().message);
      }
      ::sd_notify(0, "READY=1");
    }
    sidecar.tend(read_clocks());
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path file = "/etc/weir/weir.toml";
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--config" && i + 1 < argc) {
      file = argv[++i];
    } else if (argument == "--check") {
      check = true;
    } else if (argument == "--version") {
      std::printf("weir-sidecar %s\n", weir::version());
      return static_cast<int>(weir::ExitCode::done);
    } else if (argument == "--help" || argument == "-h") {
      std::fputs(kUsage, stdout);
      return static_cast<int>(weir::ExitCode::done);
    } else {
      std::fprintf(stderr, "weir-sidecar: unexpected argument '%s'\n%s", argv[i], kUsage);
      return static_cast<int>(weir::ExitCode::usage);
    }
  }
  auto config = weir::Config::load(file);
  if (!config) return fail(config.error());
  if (check) return static_cast<int>(weir::ExitCode::done);

  spdlog::set_default_logger(spdlog::stderr_logger_mt("weir-sidecar"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%SZ %l %v", spdlog::pattern_time_type::utc);
  ::umask(::umask(0) | 0007);  // what others may read is given to the group
  weir::rank_behind_others();
  // Blocked before any thread starts, so that only serve() sees them.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  // Imports take blocks of megabytes for seconds, on several threads. Left to itself malloc keeps them, each thread its
  // own, once it has seen some freed: after a few large lists that were hundreds of megabytes.
  ::mallopt(M_MMAP_THRESHOLD, kReturnedBytes);
  auto sidecar = weir::sidecar::Sidecar::start(std::move(*config), file, read_clocks());
  if (!sidecar) return fail(sidecar.error());
  ::sd_notify(0, "READY=1");
  serve(**sidecar, signals);
  ::sd_notify(0, "STOPPING=1");
  if (const auto fault = (*sidecar)->fault()) {
    (*sidecar)->stop_answering();
    // Closing a database behind an error syncs its log, which RocksDB asserts never to do.
    std::_Exit(fail(*fault));
  }
  spdlog::info("ending");
  return static_cast<int>(weir::ExitCode::done);
}
