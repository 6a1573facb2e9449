#include "resolver/server/resolver_daemon.h"

#include <boost/json.hpp>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/cache/rrset_cache.h"
#include "resolver/cache/server_cache.h"
#include "resolver/dnssec/chain_of_trust.h"
#include "resolver/dnssec/denial_cache.h"
#include "resolver/server/cache_comparison.h"
#include "resolver/server/control_server.h"
#include "resolver/server/decision_sink.h"
#include "resolver/server/explain_verb.h"
#include "resolver/server/forward_zones.h"
#include "resolver/server/generation_holder.h"
#include "resolver/server/instance_lock.h"
#include "resolver/server/metrics.h"
#include "resolver/server/own_addresses.h"
#include "resolver/server/port_probe.h"
#include "resolver/server/resolution_settings.h"
#include "resolver/server/resolutions.h"
#include "resolver/server/resolver_verbs.h"
#include "resolver/server/second_flush.h"
#include "resolver/server/trust_upkeep.h"
#include "resolver/server/what_if_verbs.h"
#include "resolver/server/worker.h"
#include "zones/base/version.h"
#include "zones/config/restart_keys.h"
#include "zones/special_names.h"
#include "zones/store/generation.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kSwapBound{2000};  // a worker's turn is far below it
constexpr std::size_t kReservedDescriptors = 2048;     // TCP clients, store files, rings

// What validation remembers beside the answers may take another eighth of `cache` for keys and one for denials. About:
// a zone with two parsed keys, an NSEC with its signature.
constexpr std::uint64_t kZoneTrustBytes = 3000;
constexpr std::uint64_t kDenialBytes = 800;

std::size_t bounded(std::uint64_t entries, std::uint64_t most) {
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(entries, 256, most));
}

// CPUs that this process may run on.
std::vector<int> usable_cpus() {
  std::vector<int> out;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return out;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<unsigned>(cpu), &set)) out.push_back(cpu);
  }
  return out;
}

// As many descriptors as we are allowed; returns how many that is.
std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  const rlim_t wanted = std::min<rlim_t>(limit.rlim_max, 65536);
  if (limit.rlim_cur < wanted) {
    rlimit raised = limit;
    raised.rlim_cur = wanted;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

constexpr std::size_t kMaxAnchorFile = 1 << 20;

Result<std::string> read_anchor_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return Error{ErrorCode::not_found, file.string() + ": cannot be read"};
  std::string text(kMaxAnchorFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxAnchorFile) return Error{ErrorCode::too_large, file.string() + ": no file of trust anchors"};
  return text;
}

Result<TrustAnchors> configured_anchors(const ResolverConfig& config) {
  TrustAnchors out;
  if (config.trust_anchors.empty()) out = TrustAnchors::built_in_root();
  for (const auto& file : config.trust_anchors) {
    auto text = read_anchor_file(file);
    if (!text) return text.error();
    const auto anchors = TrustAnchors::parse(*text, file.string());
    if (!anchors) return anchors.error();
    for (const TrustAnchor& anchor : anchors->all()) {
      for (const Rrset* rrset : {&anchor.ds, &anchor.dnskeys}) {
        for (const auto rdata : rrset->records()) out.add(anchor.zone, rrset->type, rdata);
      }
    }
  }
  if (out.closest(Name()) == nullptr)
    spdlog::warn("no trust anchor for the root: only names below the zones of {} are validated",
                 config.trust_anchors.front().string());
  return out;
}

std::uint32_t seconds_of(std::chrono::milliseconds time) {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
}

TtlBounds ttl_bounds(const CacheConfig& config) {
  return {.min_seconds = seconds_of(config.min_ttl),
          .max_seconds = seconds_of(config.max_ttl),
          .min_negative_seconds = seconds_of(config.min_negative_ttl),
          .max_negative_seconds = seconds_of(config.max_negative_ttl)};
}

std::string source_of_anchors(const ResolverConfig& config) {
  std::string out;
  for (const auto& file : config.trust_anchors) out += (out.empty() ? "" : ", ") + file.string();
  return out.empty() ? "weir itself" : out;
}

Result<EngineOptions> engine_options(const ResolverConfig& config) {
  EngineOptions options;
  options.upstream_port = config.upstream_port;
  options.use_ipv6 = config.ipv6_upstream;
  options.own_addresses = own_addresses(config.listen, config.upstream_port);
  if (!config.root_hints.empty()) {
    auto hints = read_root_hints(config.root_hints.string());
    if (!hints) return hints.error();
    options.root_hints = std::move(*hints);
  }
  return options;
}

// Everything that lives as long as the daemon, in the order in which it must be destroyed (last first).
class Daemon {
 public:
  explicit Daemon(const Config& config) : config_(config), cpus_(usable_cpus()) {
    worker_count_ = config.resolver.workers != 0 ? config.resolver.workers
                                                 : std::max<unsigned>(1, static_cast<unsigned>(cpus_.size()));
  }

  Result<void> open() {
    auto lock = InstanceLock::acquire(config_.run.path);
    if (!lock) return lock.error();
    lock_ = std::make_unique<InstanceLock>(std::move(*lock));
    // Before any socket with SO_REUSEPORT, which would silently share the port with whoever has it.
    for (const Endpoint& address : config_.resolver.listen) {
      auto free = probe_port(address);
      if (!free) return free.error();
    }
    auto made = make_caches();
    if (!made) return made.error();
    load_generation();
    auto workers = make_workers();
    if (!workers) return workers.error();
    return start_control();
  }

  void start() {
    for (auto& worker : workers_) worker->start();
    spdlog::info("weir-resolver {} answers on {} address(es) with {} worker(s)", version(),
                 config_.resolver.listen.size(), workers_.size());
    sd_notify(0, "READY=1");
  }

  void stop() {
    sd_notify(0, "STOPPING=1");
    control_.reset();
    for (auto& worker : workers_) worker->stop();
  }

 private:
  // Answers and RRsets share `cache`: half each, as an answer costs about what its RRsets do.
  Result<void> make_caches() {
    const std::size_t half = static_cast<std::size_t>(config_.resolver.cache_bytes / 2);
    auto answers = AnswerCache::make(half);
    if (!answers) return answers.error();
    answers_ = std::move(*answers);
    answers_->prepare_memory();
    rrsets_ = std::make_unique<RrsetCache>(half);
    servers_ = std::make_unique<ServerCache>();
    return {};
  }

  void load_generation() {
    generations_ = std::make_unique<GenerationHolder>(
        config_.store.path, StoreCache::make(static_cast<std::size_t>(config_.resolver.store_cache_bytes)),
        worker_count_);
    const auto loaded = generations_->load_current();
    if (loaded) {
      spdlog::info("generation {} is in force", loaded->value);
    } else if (const auto earlier = generations_->load_earlier()) {
      spdlog::error("generation {} is in force, an earlier one, since the newest cannot be read: {}", earlier->value,
                    loaded.error().message);
    } else {
      spdlog::warn("no policy is in force, queries get SERVFAIL until one is published: {}", loaded.error().message);
    }
  }

  Result<void> make_workers() {
    const std::size_t descriptors = raise_descriptor_limit();
    auto engine = engine_options(config_.resolver);
    if (!engine) return engine.error();
    apply_resolution(config_.resolution, *engine);
    if (config_.resolver.validate) {
      auto anchors = configured_anchors(config_.resolver);
      if (!anchors) return anchors.error();
      make_trust(*anchors);
      engine->trust = trust_->rules();
      engine->zone_trust = &zone_trust_;
      engine->denials = &denials_;
    }
    forwards_.define(config_.forwards);
    engine->forward_zones = forwards_.zones();
    keys_ = std::make_unique<PseudonymKeys>(config_.run.path);
    keys_->refresh({std::chrono::steady_clock::now(), std::chrono::system_clock::now()});
    const WorkerShared shared{.answers = *answers_,
                              .rrsets = *rrsets_,
                              .servers = *servers_,
                              .generations = *generations_,
                              .tcp_quota = std::make_shared<TcpQuota>(TcpLimits{}),
                              .cookies = config_.answers.cookies ? &cookies_ : nullptr,
                              .special_names = &special_names_,
                              .referring_names = &referring_names_};
    metrics_ = std::make_unique<WorkerMetrics[]>(worker_count_);
    std::vector<Worker*> peers;
    for (unsigned i = 0; i < worker_count_; ++i) {
      auto sink = DecisionSink::open(config_.run.path, i, *keys_, metrics_[i]);
      if (!sink) return sink.error();
      sinks_.push_back(std::move(*sink));
      WorkerOptions options;
      options.index = i;
      options.workers = worker_count_;
      options.listen = config_.resolver.listen;
      options.allow_clients = config_.resolver.allow_clients;
      if (worker_count_ > 1 && !cpus_.empty()) options.cpu = cpus_[i % cpus_.size()];
      options.spin = config_.resolver.spin;
      options.cache = config_.cache;
      options.answers = config_.answers;
      options.engine = *engine;
      options.engine.ttl = ttl_bounds(config_.cache);
      if (worker_count_ > 1) options.engine.in_flight = &in_flight_;
      options.outgoing = config_.resolver.outgoing;
      options.max_outstanding = descriptors > 2 * kReservedDescriptors
                                    ? std::min<std::size_t>(8192, (descriptors - kReservedDescriptors) / worker_count_)
                                    : std::max<std::size_t>(64, descriptors / 2 / worker_count_);
      auto worker = Worker::make(std::move(options), shared, metrics_[i], *sinks_.back());
      if (!worker) return worker.error();
      workers_.push_back(std::move(*worker));
      peers.push_back(workers_.back().get());
      metrics_seen_.push_back(&metrics_[i]);
      generations_->set_wake(i, [waking = peers.back()] { waking->wake(); });
    }
    for (auto& worker : workers_) worker->set_peers(peers);
    return {};
  }

  void make_trust(const TrustAnchors& anchors) {
    TrustUpkeepOptions options;
    options.anchors = anchors.all();
    options.source = source_of_anchors(config_.resolver);
    options.state_folder = config_.resolver.state;
    options.every_algorithm = config_.resolution.every_algorithm;
    options.recheck = std::chrono::ceil<std::chrono::seconds>(config_.resolver.recheck_negative_anchors);
    std::error_code ignored;
    std::filesystem::create_directory(options.state_folder, ignored);  // where systemd has not made it
    trust_ = std::make_unique<TrustUpkeep>(std::move(options), config_.negative_trust_anchors, read_clocks());
  }

  static Now read_clocks() { return {std::chrono::steady_clock::now(), std::chrono::system_clock::now()}; }

  // On the worker that a client's question of this name and type would go to.
  void resolve(const Question& question, const Origin& origin, std::function<void(const ResolutionResult&)> done) {
    const std::size_t owner = (question.name.hash() + static_cast<std::size_t>(question.type)) % workers_.size();
    workers_[owner]->run_on_thread([question, origin, done = std::move(done)](Resolutions& resolutions, Now now) {
      resolutions.resolve(question, origin, done, now);
    });
  }

  // The upkeep of what is trusted asks and says by these.
  TrustUpkeep::Environment trust_environment() {
    TrustUpkeep::Environment out;
    out.apply = [this](std::shared_ptr<const TrustRules> rules, const std::vector<Name>& changed) {
      const auto told =
          on_all_workers([rules = std::move(rules)](Resolutions& resolutions, Now) { resolutions.set_trust(rules); });
      if (!told) spdlog::warn("new trust rules: {}", told.error().message);
      for (const Name& name : changed) flush(name, FlushScope::subtree);
    };
    out.look_up = [this](const Question& question, std::shared_ptr<const TrustRules> rules,
                         TrustUpkeep::Environment::Done done) {
      const auto examination = std::make_shared<Examination>();
      examination->fresh = true;
      examination->rules = rules;
      Origin origin;
      origin.kind = OriginKind::trust_anchor;
      origin.checking_disabled = rules == nullptr;
      origin.dnssec_ok = true;
      origin.examination = examination;
      resolve(question, origin, std::move(done));
    };
    return out;
  }

  Result<void> start_control() {
    ControlHandlers handlers;
    handlers.status = [this] { return status(); };
    handlers.load_generation = [this]() -> Result<GenerationNumber> {
      auto number = generations_->load_current();
      if (!number) {
        spdlog::warn("the generation was not loaded: {}", number.error().message);
        return number;
      }
      const auto confirmed = generations_->await_workers(kSwapBound);
      if (!confirmed) return confirmed.error();
      return number;
    };
    handlers.flush_cache = [this](const Name& name, FlushScope scope) -> Result<std::uint64_t> {
      return flush(name, scope);
    };
    add_resolver_verbs(handlers, {.resolve = [this](const Question& question, const Origin& origin,
                                                    auto done) { resolve(question, origin, std::move(done)); },
                                  .clock = [] { return read_clocks(); },
                                  .answers = *answers_,
                                  .rrsets = *rrsets_,
                                  .servers = *servers_,
                                  .trust = trust_.get()});
    add_explain_verb(handlers, {.resolve = [this](const Question& question, const Origin& origin,
                                                  auto done) { resolve(question, origin, std::move(done)); },
                                .clock = [] { return read_clocks(); },
                                .generations = *generations_,
                                .rrsets = *rrsets_,
                                .special_names = &special_names_});
    add_cache_comparison(handlers, *answers_, *generations_, config_.store.path, [] { return read_clocks(); });
    what_if_ = std::make_unique<WhatIf>(
        WhatIf::Environment{.generations = *generations_,
                            .on_all_workers = [this](const auto& task) { return on_all_workers(task); },
                            .workers = worker_count_,
                            .started = read_clocks().wall,
                            .clock = [] { return read_clocks(); }});
    add_what_if_verbs(handlers, *what_if_);
    if (trust_ != nullptr) trust_->start(trust_environment());
    handlers.verbs["reload"] = [this](const boost::json::object&, const ControlDone& done) { done(reload()); };
    handlers.more_metrics = [this] { return policy_metrics(generations_->current().get()) + forwards_.metrics(); };
    handlers.each_second = [this](Now now) {
      keys_->refresh(now);
      cookies_.refresh(now.steady);
      generations_->collect();
      answers_->prepare_memory();
      if (trust_ != nullptr) trust_->tick(now);
      what_if_->tick(now);
      for (const Name& name : second_flush_.take_due(now.steady)) flush(name, FlushScope::subtree);
    };
    auto control = ControlServer::start(
        {.run_directory = config_.run.path, .current_file = generations_->current_file()}, std::move(handlers));
    if (!control) return control.error();
    control_ = std::move(*control);
    return {};
  }

  std::uint64_t flush(const Name& name, FlushScope scope) {
    // The engine's knowledge first, so that no answer is made of it after the answers have gone.
    denials_.clear();
    const std::uint64_t answers = answers_->flush(name, scope == FlushScope::subtree);
    if (scope == FlushScope::subtree) {
      rrsets_->erase_subtree(name);
      zone_trust_.erase_subtree(name);
    } else {
      rrsets_->erase(name);
      zone_trust_.erase(name);
    }
    return answers + answers_->flush(name, scope == FlushScope::subtree);
  }

  // What of the configuration may change while the workers run. Everything is read and checked before anything changes.
  Result<boost::json::value> reload() {
    if (config_.files.empty()) return Error{ErrorCode::not_found, "there is no file to read again"};
    const auto loaded = Config::load(config_.files.front());
    if (!loaded) return loaded.error();
    const Now now = read_clocks();
    if (auto good = TrustUpkeep::check(loaded->negative_trust_anchors, now.wall); !good) return good.error();
    if (trust_ != nullptr) trust_->define(loaded->negative_trust_anchors, now);
    const std::vector<Name> changed = forwards_.define(loaded->forwards);
    if (!changed.empty()) {
      const auto told = on_all_workers(
          [zones = forwards_.zones()](Resolutions& resolutions, Now) { resolutions.set_forward_zones(zones); });
      for (const Name& name : changed) flush(name, FlushScope::subtree);
      second_flush_.add(changed, read_clocks().steady);
      if (!told) return told.error();
    }
    needs_restart_ = keys_for_restart(Program::resolver, config_, *loaded);
    spdlog::info("reloaded: {} forward zone(s), {} of them changed", forwards_.zones().size(), changed.size());
    return boost::json::value{{"forward_zones", forwards_.zones().size()},
                              {"changed", changed.size()},
                              {"needs_restart", boost::json::value_from(needs_restart_)}};
  }

  // Returns when each of them has done it.
  Result<void> on_all_workers(const std::function<void(Resolutions&, Now)>& task) {
    struct Waiting {
      std::mutex mutex;
      std::condition_variable done;
      std::size_t left;
    };
    const auto waiting = std::make_shared<Waiting>();
    waiting->left = workers_.size();
    for (auto& worker : workers_) {
      worker->run_on_thread([task, waiting](Resolutions& resolutions, Now now) {
        task(resolutions, now);
        const std::lock_guard lock(waiting->mutex);
        if (--waiting->left == 0) waiting->done.notify_one();
      });
    }
    std::unique_lock lock(waiting->mutex);
    if (!waiting->done.wait_for(lock, kSwapBound, [&] { return waiting->left == 0; }))
      return Error{ErrorCode::timed_out, "a worker does not come round; it will when it does"};
    return {};
  }

  ResolverStatus status() {
    ResolverStatus status;
    const auto uptime = std::chrono::steady_clock::now() - started_;
    status.version = version();
    status.uptime = std::chrono::duration_cast<std::chrono::seconds>(uptime);
    status.workers = worker_count_;
    status.listen = config_.resolver.listen;
    status.needs_restart = needs_restart_;
    status.generation_error = generations_->last_error();
    const auto generation = generations_->current();
    auto figures = process_figures();
    if (generation) {
      status.has_generation = true;
      status.generation = describe(*generation);
      figures.push_back({Metric::generation, static_cast<double>(generation->number().value)});
      figures.push_back({Metric::generation_epoch, static_cast<double>(generation->names_epoch().value)});
      figures.push_back({Metric::generation_rules, static_cast<double>(generation->rule_count())});
      figures.push_back({Metric::lists_never_loaded, static_cast<double>(generation->never_loaded().size())});
    }
    figures.push_back({Metric::generations_held, static_cast<double>(generations_->collect() + (generation ? 1 : 0))});
    figures.push_back({Metric::answer_cache_entries, static_cast<double>(answers_->entries())});
    figures.push_back({Metric::answer_cache_bytes, static_cast<double>(answers_->used_bytes())});
    figures.push_back({Metric::rrset_cache_entries, static_cast<double>(rrsets_->entries())});
    figures.push_back({Metric::rrset_cache_bytes, static_cast<double>(rrsets_->size_bytes())});
    figures.push_back({Metric::zone_trust_entries, static_cast<double>(zone_trust_.size())});
    figures.push_back({Metric::denial_cache_entries, static_cast<double>(denials_.size())});
    if (trust_ != nullptr) {
      const auto of_trust = trust_->figures(std::chrono::system_clock::now());
      figures.insert(figures.end(), of_trust.begin(), of_trust.end());
    }
    figures.push_back({Metric::uptime_seconds, std::chrono::duration<double>(uptime).count()});
    status.values = gather(metrics_seen_, figures);
    return status;
  }

  const Config& config_;
  const std::vector<int> cpus_;
  const SteadyTime started_ = std::chrono::steady_clock::now();
  unsigned worker_count_ = 1;
  std::vector<std::string> needs_restart_;  // of the control thread

  std::unique_ptr<InstanceLock> lock_;
  std::unique_ptr<AnswerCache> answers_;
  std::unique_ptr<RrsetCache> rrsets_;
  std::unique_ptr<ServerCache> servers_;
  InFlight in_flight_;
  ZoneTrustCache zone_trust_{bounded(config_.resolver.cache_bytes / kZoneTrustBytes / 8, 100'000)};
  DenialCache denials_{bounded(config_.resolver.cache_bytes / kDenialBytes / 8, 200'000)};
  ForwardZones forwards_;
  SecondFlush second_flush_;
  const LocalData special_names_{special_zones()};
  ReferringNames referring_names_;
  std::unique_ptr<TrustUpkeep> trust_;  // null: nothing is validated
  std::unique_ptr<GenerationHolder> generations_;
  CookieSecrets cookies_{parse_cookie_secret(config_.answers.cookie_secret)};
  std::unique_ptr<PseudonymKeys> keys_;
  std::unique_ptr<WorkerMetrics[]> metrics_;
  std::vector<const WorkerMetrics*> metrics_seen_;
  std::vector<std::unique_ptr<DecisionSink>> sinks_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<WhatIf> what_if_;
  std::unique_ptr<ControlServer> control_;
};

}  // namespace

Result<void> check_resolver_files(const Config& config) {
  if (const auto options = engine_options(config.resolver); !options) return options.error();
  if (config.resolver.validate) {
    if (const auto anchors = configured_anchors(config.resolver); !anchors) return anchors.error();
  }
  return TrustUpkeep::check(config.negative_trust_anchors, std::chrono::system_clock::now());
}

Result<void> run_resolver(const Config& config) {
  // Blocked before any thread is made, so that only sigwait() sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  Daemon daemon(config);
  auto opened = daemon.open();
  if (!opened) return opened.error();
  daemon.start();
  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("stopping on {}", signal == SIGTERM ? "SIGTERM" : "SIGINT");
  daemon.stop();
  return {};
}

}  // namespace weir
