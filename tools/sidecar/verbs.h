// What the sidecar does when it is asked over its control socket: one function a verb, one table of them.
//
// zones/link/control.h names the verbs and their arguments. Whatever changes the store goes through the writer's
// thread; what only shows something never waits for it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tools/http/self_service.h"
#include "tools/http/service.h"
#include "tools/http/tokens.h"
#include "tools/log/decision_log.h"
#include "tools/sidecar/audit_log.h"
#include "tools/sidecar/control_server.h"
#include "tools/sidecar/generations.h"
#include "tools/sidecar/list_state.h"
#include "tools/sidecar/list_updater.h"
#include "tools/sidecar/log_feed.h"
#include "tools/sidecar/notify_sender.h"
#include "tools/sidecar/overlays.h"
#include "tools/sidecar/requests.h"
#include "tools/sidecar/resolver_link.h"
#include "tools/sidecar/writer_thread.h"
#include "tools/sidecar/zone_server.h"
#include "tools/sinks/sinks.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/config/config.h"

namespace weir::sidecar {

inline constexpr const char* kResolverName = "weir-resolver";
inline constexpr const char* kSidecarName = "weir-sidecar";

// A daemon, and the keys that differ from those it was started with and take effect only at its restart.
struct PendingRestart {
  std::string daemon;
  std::vector<std::string> keys;
};

struct ReloadReport {
  GenerationNumber generation;
  std::vector<std::string> lists_added;
  std::vector<std::string> lists_removed;
  std::vector<PendingRestart> needs_restart;
  std::string resolver_fault;  // why weir-resolver did not take its part; empty where it did or is away
};

// What the verbs work with. Everything outlives them.
struct Services {
  ConfigSource config;
  std::function<Result<ReloadReport>(const std::string& who, const std::string& why)> reload;
  WriterThread& writer;
  Generations& generations;
  ListStates& states;
  ListUpdater& updater;
  ResolverLink& resolver;
  log::DecisionLog& log;
  LogFeed& feed;
  const std::atomic<bool>& stop;
  WallTime started;
  AuditLog& audit;
  std::function<Result<Config>()> load_config;  // the files as they are now
  Overlays& overlays;
  const ZoneServer& zones;
  const NotifySender& notifier;
  std::function<std::vector<std::string>()> keys_for_restart = {};  // of this process
  http::Tokens* tokens = nullptr;
  const http::Service* api = nullptr;
  const sinks::Sinks* sinks = nullptr;
  Requests* requests = nullptr;
  const http::SelfService* self_service = nullptr;
};

// Answers one request by its last line. Any thread, any number at once. For ControlServer.
std::string handle(const Services& services, const ControlRequest& request, Responder& responder);

bool has_verb(std::string_view name);

// The rules in each list as the store has them now, into `states` (after a start or a roll-back). Writer's thread.
Result<void> refresh_counts(PolicyStore& store, ListStates& states);

}  // namespace weir::sidecar
