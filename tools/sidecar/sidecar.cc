#include "tools/sidecar/sidecar.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "tools/http/self_service.h"
#include "tools/http/server.h"
#include "tools/http/service.h"
#include "tools/http/tokens.h"
#include "tools/sidecar/backup_copies.h"
#include "tools/sidecar/built_in_rules.h"
#include "tools/sidecar/control_server.h"
#include "tools/sidecar/drain.h"
#include "tools/sidecar/instance_lock.h"
#include "tools/sidecar/notify_listener.h"
#include "tools/sidecar/notify_sender.h"
#include "tools/sidecar/pseudonym_keys.h"
#include "tools/sidecar/recall.h"
#include "tools/sidecar/scheduler.h"
#include "tools/sidecar/self_service_desk.h"
#include "tools/sidecar/sink_rows.h"
#include "tools/sidecar/table_care.h"
#include "tools/sinks/sinks.h"
#include "tools/support/tsig_keys.h"
#include "zones/config/restart_keys.h"
#include "zones/link/control.h"

namespace weir::sidecar {
namespace {

constexpr std::size_t kReaderCacheBytes = 16 << 20;
constexpr std::chrono::seconds kSyncEvery{1};
constexpr std::chrono::seconds kRetainEvery{30};

Now read_clock() {
  return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()};
}

log::LogRetention retention_of(const LogConfig& config) {
  log::LogRetention out{config.keep, config.size_bytes};
  const auto keep = [&](std::chrono::milliseconds time, std::initializer_list<DecisionClass> classes) {
    if (time.count() == 0) return;
    for (const DecisionClass each : classes) out.keep_class[each] = time;
  };
  keep(config.keep_blocked, {DecisionClass::blocked, DecisionClass::rebinding, DecisionClass::blocked_upstream});
  keep(config.keep_observed, {DecisionClass::would_block});
  keep(config.keep_allowed, {DecisionClass::allowed_over_block});
  keep(config.keep_resolved, {DecisionClass::resolved});
  return out;
}

// Runs the drain and the retention of the log on one thread: the log's only writer.
class LogThread {
 public:
  // `lost` is told once, on this thread, when the log can be mended only by a new process.
  LogThread(const ConfigSource& config, log::DecisionLog& log, LogFeed& feed, NamesSource names, sinks::Sinks& sinks,
            std::function<void(const Error&)> lost)
      : config_(config),
        log_(log),
        sinks_(sinks),
        drain_(config()->run.path, log, feed, std::move(names), &sinks),
        lost_(std::move(lost)) {
    thread_ = std::thread([this] { loop(); });
  }
  ~LogThread() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void loop() {
    std::unique_lock lock(mutex_);
    for (bool last = false; !last;) {
      last = stopping_;  // one more turn, so that what was decided before the end is kept
      lock.unlock();
      // Decisions wait in the ring meanwhile. After an error RocksDB's log must not even be synced.
      const bool more = make_ready() && work(read_clock(), last);
      lock.lock();
      if (!last && !more) changed_.wait_for(lock, kDrainEvery, [this] { return stopping_; });
    }
  }

  // Whether there is more to drain at once.
  bool work(Now now, bool last) {
    const auto turn = drain_.turn(now);
    if (!tell(turn ? Result<void>() : Result<void>(turn.error()))) return false;
    if (now.steady - synced_ >= kSyncEvery || last) {
      synced_ = now.steady;
      sinks_.sync();
      if (!tell(log_.sync())) return false;
    }
    const auto config = config_();
    const log::LogRetention wanted = retention_of(config->log);
    if (now.steady - retained_ >= kRetainEvery || wanted != retention_) {  // who shortens it need not wait
      retained_ = now.steady;
      retention_ = wanted;
      const auto dropped = log_.retain(wanted, now.wall);
      if (!tell(dropped ? Result<void>() : Result<void>(dropped.error()))) return false;
    }
    return turn->more;
  }

  bool make_ready() {
    if (is_ready_) return true;
    if (is_lost_) return false;
    const auto writable = log_.check_writable();
    is_ready_ = writable.has_value();
    is_lost_ = !writable;
    if (is_lost_) lost_(writable.error());
    return is_ready_;
  }

  // A full disk would otherwise be told five times a second.
  bool tell(const Result<void>& result) {
    if (result) return true;
    is_ready_ = false;
    if (result.error().message != told_) spdlog::error("{}", result.error().message);
    told_ = result.error().message;
    return false;
  }

  const ConfigSource config_;
  log::DecisionLog& log_;
  sinks::Sinks& sinks_;
  Drain drain_;
  const std::function<void(const Error&)> lost_;
  // Of the thread alone.
  SteadyTime synced_{};
  SteadyTime retained_{};
  log::LogRetention retention_{};
  std::string told_;
  bool is_ready_ = true;
  bool is_lost_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

// The configuration in force, swapped under its readers.
class ConfigHolder {
 public:
  explicit ConfigHolder(Config config) : config_(std::make_shared<const Config>(std::move(config))) {}
  std::shared_ptr<const Config> get() const {
    const std::lock_guard lock(mutex_);
    return config_;
  }
  void set(Config config) {
    auto fresh = std::make_shared<const Config>(std::move(config));
    const std::lock_guard lock(mutex_);
    config_ = std::move(fresh);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Config> config_;
};

bool has_list(const Config& config, const std::string& name) {
  return std::any_of(config.lists.begin(), config.lists.end(),
                     [&](const ListConfig& list) { return list.definition.name == name; });
}

// Not to be changed under a running sidecar: locks, sockets and stores are open there.
Result<void> check_fixed(const Config& before, const Config& after) {
  const auto check = [](const char* key, const std::filesystem::path& old_path, const std::filesystem::path& new_path) {
    if (old_path == new_path) return Result<void>();
    return Result<void>(Error{ErrorCode::invalid, std::string(key) + " changed from " + old_path.string() + " to " +
                                                      new_path.string() + ": that takes a restart"});
  };
  if (auto same = check("[store] path", before.store.path, after.store.path); !same) return same;
  return check("[run] path", before.run.path, after.run.path);
}

class RunningSidecar final : public Sidecar {
 public:
  RunningSidecar(Config config, std::filesystem::path config_file, LockFile lock, std::unique_ptr<PolicyStore> store,
                 std::unique_ptr<log::DecisionLog> log, std::unique_ptr<AuditLog> audit, Now now)
      : config_file_(std::move(config_file)),
        lock_(std::move(lock)),
        config_(std::move(config)),
        running_(config_.get()),
        log_(std::move(log)),
        audit_(std::move(audit)),
        states_(config_.get()->store.path / "sidecar-state.json"),
        generations_(config_.get()->store.path, kReaderCacheBytes),
        sinks_(std::make_unique<sinks::Sinks>(config_.get()->store.path, log_->mark(sinks::kSinksMark),
                                              show_decisions(*log_, generations_), now.wall)),
        writer_(
            std::move(store),
            [this](PolicyStore& settled) {
              if (sender_) sender_->published(settled.published());
              return audit_->catch_up(settled, settled.published(), read_clock().wall);
            },
            [this](const Error& why) { give_up(why); }),
        overlays_(writer_, *audit_),
        tables_(writer_, [this] { tell_resolver(); }),
        resolver_(ResolverLink::connect(config_.get()->run.path)),
        updater_(config_source(), writer_, generations_, states_, *resolver_, *audit_, stop_),
        zone_server_(config_source(), generations_),
        tokens_(config_.get()->store.path),
        requests_(config_.get()->store.path / "requests.json"),
        started_(now.wall) {}

  ~RunningSidecar() override {
    stop_ = true;
    control_.reset();  // no new requests, streams end
    if (api_) api_->stop();
    self_service_server_.reset();
    zone_server_.stop();
    notify_.reset();
    scheduler_.reset();  // fetches end within a second
    log_thread_.reset();
    sinks_.reset();
  }

  // Everything that can fail once the parts are there.
  Result<void> run() {
    if (auto kept = tend_pseudonym_keys(config_.get()->run.path, started_); !kept)
      spdlog::warn("{}", kept.error().message);
    remove_backup_copies(config_.get()->store.path);
    auto sender = NotifySender::start(config_source(), GenerationNumber{});
    if (!sender) return sender.error();
    sender_ = std::move(*sender);  // before the writer does anything
    const auto published =
        writer_.run<GenerationNumber>(Urgency::urgent, [this](PolicyStore& store) -> Result<GenerationNumber> {
          // After a roll-back the definitions are pinned until somebody asks for a reload: a restart is nobody.
          if (store.pinned().empty()) {
            if (auto defined = define(store, *config_.get()); !defined) return defined.error();
          } else {
            spdlog::warn("{}", store.pinned());
          }
          // At once, also with lists still empty: the resolver may be needed to resolve the lists' hosts.
          const GenerationNumber before = store.published();
          if (auto caught_up = audit_->catch_up(store, before, read_clock().wall); !caught_up) return caught_up.error();
          auto number = store.publish("start", read_clock());
          if (!number) return number;
          if (*number != before) {
            const AuditEntry entry{
                "weir-sidecar", "start", {}, "definitions or contents that were not published yet", {}};
            if (auto recorded = audit_->append(entry, *number, read_clock().wall); !recorded) return recorded.error();
          }
          if (auto noted = note_restored(config_.get()->store.path, *audit_, *number, read_clock().wall); !noted)
            return noted.error();
          if (auto recalled = recall(store); !recalled) return recalled.error();
          if (auto counted = refresh_counts(store, states_); !counted) return counted.error();
          return number;
        });
    if (!published) return published.error();
    sinks_->apply(config_.get()->sinks);
    log_thread_ = std::make_unique<LogThread>(
        config_source(), *log_, feed_, [this](GenerationNumber number) { return generations_.policies_of(number); },
        *sinks_, [this](const Error& why) { give_up(why); });
    services_ = std::make_unique<Services>(
        Services{config_source(), [this](const std::string& who, const std::string& why) { return reload(who, why); },
                 writer_, generations_, states_, updater_, *resolver_, *log_, feed_, stop_, started_, *audit_,
                 [this] { return Config::load(config_file_); }, overlays_, zone_server_, *sender_,
                 [this] { return own_keys_for_restart(); }, &tokens_});
    services_->sinks = sinks_.get();
    const ControlHandler handler = [this](const ControlRequest& request, Responder& responder) {
      return handle(*services_, request, responder);
    };
    api_ =
        std::make_unique<http::Service>([this] { return config_.get()->api; }, running_->api.listen, tokens_, handler);
    services_->api = api_.get();
    services_->requests = &requests_;
    desk_ = std::make_unique<SelfServiceDesk>(config_source(), generations_, *log_, requests_, handler);
    self_service_ = std::make_unique<http::SelfService>(
        [this] { return config_.get()->api.hosts; },
        http::SelfServiceBackend{
            [this](const IpAddress& client) { return desk_->decisions(client, read_clock().wall); },
            [this](const IpAddress& client, const http::Complaint& complaint) {
              return desk_->complain(client, complaint, read_clock().wall);
            }});
    services_->self_service = self_service_.get();
    if (const std::string fault = tokens_.fault(); !fault.empty()) spdlog::error("{}", fault);
    auto control = ControlServer::start(sidecar_socket(config_.get()->run.path), handler);
    if (!control) return control.error();
    control_ = std::move(*control);
    const auto told = resolver_->load_generation();
    spdlog::info("generation {} in force{}", published->value, told ? "" : "; " + told.error().message);
    scheduler_ = std::make_unique<Scheduler>(config_source(), states_, updater_);
    warn_of_secrets(*config_.get());
    auto notify = NotifyListener::start(config_source(), zone_server_,
                                        [this](const std::string& list) { scheduler_->hurry(list); });
    if (!notify) return notify.error();
    notify_ = std::move(*notify);
    listen_for_http();
    return {};
  }

  Result<ReloadReport> reload(const std::string& who, const std::string& why) override {
    const std::lock_guard one_at_a_time(reloading_);
    auto loaded = Config::load(config_file_);
    if (!loaded) return loaded.error();
    const std::shared_ptr<const Config> before = config_.get();
    if (auto fixed = check_fixed(*before, *loaded); !fixed) return fixed.error();
    ReloadReport report;
    for (const ListConfig& list : loaded->lists) {
      if (!has_list(*before, list.definition.name)) report.lists_added.push_back(list.definition.name);
    }
    for (const ListConfig& list : before->lists) {
      if (!has_list(*loaded, list.definition.name)) report.lists_removed.push_back(list.definition.name);
    }
    const auto published =
        writer_.run<GenerationNumber>(Urgency::urgent, [&](PolicyStore& store) -> Result<GenerationNumber> {
          const GenerationNumber in_force = store.published();
          if (auto defined = define(store, *loaded); !defined) return defined.error();
          auto number = store.publish("reload by " + who, read_clock());
          if (!number || *number == in_force) return number;
          AuditEntry entry{who, "reload", {}, why, {}};
          if (!report.lists_added.empty()) entry.details["lists_added"] = boost::json::value_from(report.lists_added);
          if (!report.lists_removed.empty()) {
            entry.details["lists_removed"] = boost::json::value_from(report.lists_removed);
          }
          if (auto recorded = audit_->append(entry, *number, read_clock().wall); !recorded) return recorded.error();
          return number;
        });
    if (!published) return published.error();
    report.generation = *published;
    std::map<std::string, bool> wanted;
    for (const ListConfig& list : loaded->lists) wanted[list.definition.name] = true;
    for (const std::string& name : report.lists_removed) {
      std::error_code ignored;
      std::filesystem::remove(ListUpdater::good_copy(before->store.path, name), ignored);
      std::filesystem::remove(ListUpdater::held_copy(before->store.path, name), ignored);
    }
    config_.set(std::move(*loaded));
    if (auto forgotten = states_.forget_others(wanted); !forgotten) spdlog::error("{}", forgotten.error().message);
    for (const std::string& name : report.lists_added) {
      ListState state = states_.get(name);
      state.defined_by = who;
      if (auto saved = states_.put(name, state); !saved) spdlog::error("{}", saved.error().message);
    }
    if (scheduler_) scheduler_->wake();
    sinks_->apply(config_.get()->sinks);
    spdlog::info("reload by {}: generation {}, {} lists added, {} removed", who, report.generation.value,
                 report.lists_added.size(), report.lists_removed.size());
    warn_of_secrets(*config_.get());
    // One that does not run reads the files when it starts.
    const auto told = resolver_->reload();
    if (!told && told.error().code != ErrorCode::unavailable) {
      report.resolver_fault = told.error().message;
      spdlog::error("weir-resolver refused to reload: {}", report.resolver_fault);
    }
    if (told) report.needs_restart.push_back({kResolverName, *told});
    report.needs_restart.push_back({kSidecarName, own_keys_for_restart()});
    for (const auto& [daemon, keys] : report.needs_restart) {
      for (const std::string& key : keys) spdlog::warn("{} takes effect only at a restart of {}", key, daemon);
    }
    return report;
  }

  void tend(Now now) override {
    listen_for_http();
    if (auto kept = tend_pseudonym_keys(config_.get()->run.path, now.wall); !kept) {
      spdlog::warn("{}", kept.error().message);
    }
    if (auto kept = requests_.keep(config_.get()->log.keep, now.wall); !kept) spdlog::warn("{}", kept.error().message);
    const auto current = generations_.current();
    if (!current) return;
    const auto ended = overlays_.tend((*current)->policies(), now);
    if (!ended) spdlog::error("exceptions that have ended: {}", ended.error().message);
    if (const auto renewed = renew_schedules(now); !renewed) {
      spdlog::error("schedules: {}", renewed.error().message);
    } else if (*renewed || (ended && *ended > 0)) {
      tell_resolver();
    }
    tables_.tend((*current)->number(), now.steady);
  }

  std::optional<Error> fault() const override {
    const std::lock_guard lock(fault_mutex_);
    return fault_;
  }

  void stop_answering() override {
    stop_ = true;
    control_.reset();
    if (api_) api_->stop();
    self_service_server_.reset();
  }

  void tell_resolver() override { static_cast<void>(resolver_->load_generation().has_value()); }

 private:
  std::vector<std::string> own_keys_for_restart() const {
    return keys_for_restart(Program::sidecar, *running_, *config_.get());
  }

  // Filtering goes on without it.
  void listen_for_http() {
    if (const std::string fault = api_->listen(); !fault.empty()) spdlog::error("no API and no console: {}", fault);
    const std::vector<Endpoint>& clients = running_->self_service.listen;
    if (self_service_server_ || clients.empty()) return;
    auto server = http::Server::start(clients, {}, *self_service_, "self_service");
    const std::string fault = server ? std::string() : server.error().message;
    if (fault != self_service_fault_ && !fault.empty()) spdlog::error("no page for who is filtered: {}", fault);
    self_service_fault_ = fault;
    if (server) self_service_server_ = std::move(*server);
  }

  // A new process opens the store anew, and repairs what this one has left: the signal ends serve() of main.cc.
  void give_up(const Error& why) {
    {
      const std::lock_guard lock(fault_mutex_);
      fault_ = why;
    }
    ::kill(::getpid(), SIGTERM);
  }

  Result<void> recall(PolicyStore& store) {
    for (const ListDefinition& list : store.policies().lists) {
      if (list.id < kFirstDefinedList) continue;
      // One that was taken away is not what it was when it was imported.
      const auto rules = store.rule_count(list.id);
      if (!rules) return rules.error();
      if (*rules == 0) continue;
      auto recalled = recall_source(store, store.published(), list.id, list.name, config_.get()->store.path, states_);
      if (!recalled) return recalled;
    }
    return {};
  }

  // The definitions of the files. A roll-back may have taken the contents of a list away, or the list itself: then
  // what is remembered of its source (unchanged since, next tomorrow, refused) goes too, and it is fetched at once.
  Result<void> define(PolicyStore& store, const Config& config) {
    const PolicySet before = store.policies();
    const Now now = read_clock();
    if (auto written = write_definitions(store, config, now); !written) return written.error();
    scheduled_from_ = beginning_of_month(now.wall);
    for (const ListDefinition& list : store.policies().lists) {
      if (list.id < kFirstDefinedList) continue;
      const auto rules = store.rule_count(list.id);
      if (!rules) return rules.error();
      const ListState state = states_.get(list.name);
      // What never came waits for its turn, as a source that fails is left in peace; unless the list itself was away.
      const bool held_back = before.find_list(list.name) == nullptr && state.failures > 0;
      if (*rules != 0 || (state.import.value == 0 && !held_back)) continue;
      if (auto forgotten = states_.put(list.name, {}); !forgotten) spdlog::error("{}", forgotten.error().message);
    }
    return {};
  }

  // In a new month the moments reach a month further. Whether that was published.
  Result<bool> renew_schedules(Now now) {
    if (scheduled_from_.load() == beginning_of_month(now.wall)) return false;
    return writer_.run<bool>(Urgency::later, [&](PolicyStore& store) -> Result<bool> {
      if (!store.pinned().empty() || store.policies().schedules.empty()) return false;
      const GenerationNumber before = store.published();
      if (auto defined = define(store, *config_.get()); !defined) return defined.error();
      const auto number = store.publish("schedules of a new month", now);
      if (!number) return number.error();
      if (*number == before) return false;
      const AuditEntry entry{"weir-sidecar", "schedules", {}, "a new month", {}};
      if (auto recorded = audit_->append(entry, *number, now.wall); !recorded) return recorded.error();
      return true;
    });
  }

  static void warn_of_secrets(const Config& config) {
    for (const std::string& exposed : exposed_tsig_secrets(config)) spdlog::warn("{}", exposed);
  }

  ConfigSource config_source() {
    return [this] { return config_.get(); };
  }

  const std::filesystem::path config_file_;
  const LockFile lock_;  // first, so that it is let go of last
  ConfigHolder config_;
  const std::shared_ptr<const Config> running_;  // that this process was started with
  std::atomic<bool> stop_{false};
  std::mutex reloading_;
  mutable std::mutex fault_mutex_;
  std::optional<Error> fault_;
  const std::unique_ptr<log::DecisionLog> log_;
  const std::unique_ptr<AuditLog> audit_;
  LogFeed feed_;
  ListStates states_;
  Generations generations_;
  std::unique_ptr<sinks::Sinks> sinks_;
  std::unique_ptr<NotifySender> sender_;  // the writer's thread tells it
  WriterThread writer_;
  Overlays overlays_;
  TableCare tables_;
  const std::unique_ptr<ResolverLink> resolver_;
  ListUpdater updater_;
  ZoneServer zone_server_;
  http::Tokens tokens_;
  Requests requests_;
  const WallTime started_;
  std::atomic<WallTime> scheduled_from_{WallTime()};  // the month that the schedules' moments begin in
  std::unique_ptr<Services> services_;
  std::unique_ptr<LogThread> log_thread_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<http::Service> api_;
  std::unique_ptr<SelfServiceDesk> desk_;
  std::unique_ptr<http::SelfService> self_service_;
  std::unique_ptr<http::Server> self_service_server_;  // of the main thread
  std::string self_service_fault_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<NotifyListener> notify_;
};

}  // namespace

Result<std::unique_ptr<Sidecar>> Sidecar::start(Config config, std::filesystem::path config_file, Now now) {
  auto lock = lock_instance(config.run.path);
  if (!lock) return lock.error();
  WriterOptions options;
  options.keep_generations = config.store.keep_generations;
  auto store = PolicyStore::open(config.store.path, options, now);
  if (!store) return store.error();
  if (const std::string why = (*store)->mended(); !why.empty())
    spdlog::warn("the generation in force was damaged and is made again: {}", why);
  auto log = log::DecisionLog::open(config.store.path / "log");
  if (!log) return log.error();
  for (const log::MissingRows& loss : (*log)->losses(log::to_ms(now.wall), INT64_MAX)) {
    if (loss.cause != log::MissingRows::Cause::journal) continue;
    spdlog::error("the decision log lost rows ('weir log verify' says which time): {}", loss.why);
  }
  auto audit = AuditLog::open(config.store.path);
  if (!audit) return audit.error();
  if (const auto check = (*audit)->check(); check && !check->faults.empty()) {
    spdlog::error("the audit log is not whole ('weir audit verify' says more): {}", check->faults.front());
  }
  auto sidecar = std::make_unique<RunningSidecar>(std::move(config), std::move(config_file), std::move(*lock),
                                                  std::move(*store), std::move(*log), std::move(*audit), now);
  if (auto running = sidecar->run(); !running) return running.error();
  return std::unique_ptr<Sidecar>(std::move(sidecar));
}

}  // namespace weir::sidecar
