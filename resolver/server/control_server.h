// The resolver's control socket, <run>/resolver.sock (zones/link/control.h has the protocol), on a thread of its own.
//
// Who may talk to it is decided by the file's mode (0660). Bounded against whoever does: kMaxControlConnections,
// each closed after kControlIdle without a whole request; lines of kMaxControlLine. The same thread watches
// `current` once a second, so that a notification that got lost is made good within two.
#pragma once

#include <boost/json/fwd.hpp>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "resolver/server/metrics.h"
#include "zones/base/ids.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"

namespace weir {

inline constexpr unsigned kMaxControlConnections = 16;
inline constexpr std::chrono::seconds kControlIdle{30};

struct GenerationStatus {
  GenerationNumber number;
  NamesEpoch epoch;
  std::string fingerprint;
  std::uint64_t rules = 0;
  WallTime published_at;
  std::vector<std::string> never_loaded;  // names of lists
};

struct ResolverStatus {
  std::string version;
  std::chrono::seconds uptime{0};
  bool has_generation = false;
  GenerationStatus generation;
  std::string generation_error;  // why the last load failed; empty: it did not
  unsigned workers = 0;
  std::vector<Endpoint> listen;
  std::vector<std::string> needs_restart;  // keys that the last reload found changed, and that wait for a restart
  MetricValues values{};
};

enum class FlushScope : std::uint8_t { name, subtree };

// One more verb, called on the control thread with the arguments. It answers by `done`, now or later, once and on any
// thread.
using ControlDone = std::function<void(Result<boost::json::value>)>;
using ControlVerb = std::function<void(const boost::json::object& arguments, const ControlDone& done)>;

// Called on the control thread, one at a time. Each must return within about a second.
struct ControlHandlers {
  std::function<ResolverStatus()> status;
  // Puts what `current` names in force and returns when every worker uses it (GenerationHolder::load_current and
  // await_workers).
  std::function<Result<GenerationNumber>()> load_generation;
  // Returns how many entries went.
  std::function<Result<std::uint64_t>(const Name&, FlushScope)> flush_cache;
  // Once a second, for housekeeping: pseudonym keys, closing replaced generations. May be empty.
  std::function<void(Now)> each_second;
  std::map<std::string, ControlVerb, std::less<>> verbs = {};
  std::function<std::string()> more_metrics = {};  // appended to the Prometheus text: rows with labels of their own
};

struct ControlOptions {
  std::filesystem::path run_directory;
  std::filesystem::path current_file;  // GenerationHolder::current_file(); empty: not watched
  std::chrono::milliseconds idle = kControlIdle;
  std::chrono::milliseconds watch_every{1000};
};

class ControlServer {
 public:
  // Binds and starts the thread. A socket file that nobody listens on any more is replaced (the instance lock is
  // held before). Errors: busy (another resolver, or a file that is no socket, stands there), permission, invalid
  // (the path is too long for a socket), io.
  static Result<std::unique_ptr<ControlServer>> start(ControlOptions options, ControlHandlers handlers);
  virtual ~ControlServer() = default;  // stops and joins the thread, removes the socket file
};

// A generation as `status` shows it.
class Generation;
GenerationStatus describe(const Generation& generation);
// The policy in force as a metric whose labels say what it is; "" without one.
std::string policy_metrics(const Generation* generation);

}  // namespace weir
