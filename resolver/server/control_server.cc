#include "resolver/server/control_server.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "zones/base/text.h"
#include "zones/base/thread_rank.h"
#include "zones/link/control.h"
#include "zones/store/generation.h"

namespace weir {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using asio::local::stream_protocol;
using Clock = std::chrono::steady_clock;
using SystemError = boost::system::error_code;

constexpr std::size_t kReadStep = 16 * 1024;

json::value to_json(const ResolverStatus& status) {
  json::value generation = nullptr;
  if (status.has_generation) {
    json::array never_loaded;
    for (const auto& list : status.generation.never_loaded) never_loaded.emplace_back(list);
    generation = json::object{{"number", status.generation.number.value},
                              {"names_epoch", status.generation.epoch.value},
                              {"fingerprint", status.generation.fingerprint},
                              {"rules", status.generation.rules},
                              {"published_at", format_time(status.generation.published_at)},
                              {"never_loaded", std::move(never_loaded)}};
  }
  json::array listen;
  for (const auto& endpoint : status.listen) listen.emplace_back(endpoint.to_text());
  json::object counters;
  for (const MetricRow& row : metric_table()) {
    std::string name(row.name);
    if (!row.labels.empty()) name.append("{").append(row.labels).append("}");
    const double value = status.values[static_cast<std::size_t>(row.metric)];
    if (row.metric == Metric::cpu_seconds) {
      counters[name] = value;
    } else {
      counters[name] = static_cast<std::uint64_t>(value);
    }
  }
  return json::object{{"program", "weir-resolver"},
                      {"version", status.version},
                      {"pid", ::getpid()},
                      {"uptime_seconds", status.uptime.count()},
                      {"generation", std::move(generation)},
                      {"generation_error", status.generation_error},
                      {"workers", status.workers},
                      {"listen", std::move(listen)},
                      {"needs_restart", json::value_from(status.needs_restart)},
                      {"counters", std::move(counters)}};
}

// The verbs. Each gives the last line of its answer.
class Verbs {
 public:
  explicit Verbs(ControlHandlers handlers) : handlers_(std::move(handlers)) {}

  // `done` is given the last line, at once or later; then on any thread.
  using Done = std::function<void(std::string)>;
  void answer(std::string_view line, const Done& done) const {
    try {
      const auto request = decode_request(line);
      if (!request) return done(encode_error(request.error()));
      const auto verb = handlers_.verbs.find(request->verb);
      if (verb == handlers_.verbs.end()) return done(answer_now(*request));
      verb->second(json::parse(request->arguments).as_object(), [done](const Result<json::value>& result) {
        done(result ? encode_result(*result) : encode_error(result.error()));
      });
    } catch (const std::exception& fault) {  // of a handler or of Boost.JSON: out of memory
      done(encode_error({ErrorCode::io, std::string("failed inside: ") + fault.what()}));
    }
  }
  Result<GenerationNumber> load() const {
    try {
      return handlers_.load_generation();
    } catch (const std::exception& fault) {
      return Error{ErrorCode::io, std::string("failed inside: ") + fault.what()};
    }
  }
  void each_second(Now now) const {
    try {
      if (handlers_.each_second) handlers_.each_second(now);
    } catch (const std::exception& fault) {
      spdlog::error("housekeeping failed: {}", fault.what());
    }
  }

 private:
  std::string answer_now(const ControlRequest& request) const {
    if (request.verb == "status") return encode_result(to_json(handlers_.status()));
    if (request.verb == "metrics") {
      const std::string more = handlers_.more_metrics ? handlers_.more_metrics() : std::string();
      return encode_result(json::object{{"text", prometheus_text(handlers_.status().values) + more}});
    }
    if (request.verb == "generation.load") return load_generation();
    if (request.verb == "cache.flush") return flush_cache(request.arguments);
    return unknown(request.verb);
  }

  std::string load_generation() const {
    const auto number = load();
    if (!number) return encode_error(number.error());
    return encode_result(json::object{{"generation", number->value}});
  }

  std::string flush_cache(const std::string& arguments) const {
    const json::object object = json::parse(arguments).as_object();
    const auto refuse = [](std::string what) { return encode_error({ErrorCode::invalid, std::move(what)}); };
    for (const auto& member : object) {
      if (member.key() != "name" && member.key() != "subtree") {
        return refuse("cache.flush: unknown argument '" + escape_for_display(std::string(member.key())) +
                      "'; it takes name and subtree");
      }
    }
    const json::value* text = object.if_contains("name");
    if (text == nullptr || !text->is_string()) return refuse("cache.flush needs \"name\", a domain name");
    const json::value* subtree = object.if_contains("subtree");
    if (subtree != nullptr && !subtree->is_bool()) return refuse("cache.flush: \"subtree\" must be true or false");
    const auto name = Name::parse(text->as_string());
    if (!name) return encode_error(name.error());
    const bool whole = subtree != nullptr && subtree->as_bool();
    const auto flushed = handlers_.flush_cache(*name, whole ? FlushScope::subtree : FlushScope::name);
    if (!flushed) return encode_error(flushed.error());
    return encode_result(json::object{{"flushed", *flushed}});
  }

  std::string unknown(const std::string& verb) const {
    std::vector<std::string_view> known{"status", "metrics", "generation.load", "cache.flush"};
    for (const auto& each : handlers_.verbs) known.push_back(each.first);
    std::string message = "the resolver has no verb '" + escape_for_display(verb) + "'";
    if (const auto near = nearest(verb, known); !near.empty()) message.append("; did you mean ").append(near);
    return encode_error({ErrorCode::invalid, std::move(message)});
  }

  const ControlHandlers handlers_;
};

// One connection: reads a line, answers it, reads the next.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Sessions = std::unordered_set<std::shared_ptr<Session>>;

  // `loop` is the one that it runs on: an answer that comes late finds it even where the server has gone.
  Session(stream_protocol::socket socket, std::shared_ptr<asio::io_context> loop, const Verbs& verbs,
          std::chrono::milliseconds idle, Sessions& sessions)
      : loop_(std::move(loop)),
        socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        verbs_(verbs),
        idle_(idle),
        sessions_(sessions) {}

  void start() { next(); }
  // Says no and goes.
  void refuse(const Error& error) {
    last_ = true;
    reply(encode_error(error));
  }
  void close() {
    if (closed_) return;
    closed_ = true;
    SystemError ignored;
    timer_.cancel();
    socket_.close(ignored);
    sessions_.erase(shared_from_this());
  }

 private:
  // A whole request within `idle`, or the connection goes: also one that comes octet by octet.
  void next() {
    allow(idle_);
    take_line();
  }

  void allow(std::chrono::milliseconds time) {
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this()](const SystemError& error) {
      if (!error) self->close();
    });
  }

  void take_line() {
    const std::size_t end = input_.find('\n', searched_);
    if (end != std::string::npos) {
      if (end > kMaxControlLine) return too_long();
      std::string line = input_.substr(0, end);
      input_.erase(0, end + 1);
      searched_ = 0;
      if (trim(line).empty()) return take_line_later();
      allow(kControlIdle);  // for the answer
      const std::weak_ptr<Session> self = weak_from_this();
      return verbs_.answer(line, [self, loop = loop_](std::string answer) {
        asio::post(*loop, [self, answer = std::move(answer)]() mutable {
          const auto session = self.lock();
          if (session != nullptr && !session->closed_) session->reply(std::move(answer));
        });
      });
    }
    searched_ = input_.size();
    if (input_.size() > kMaxControlLine) return too_long();
    read();
  }

  // An empty line says nothing, but a flood of them must not become a recursion.
  void take_line_later() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      if (!self->closed_) self->take_line();
    });
  }

  void too_long() {
    last_ = true;  // where the next request begins cannot be known
    reply(encode_error({ErrorCode::too_large, "a line of the control protocol has at most 4 MiB"}));
  }

  void read() {
    socket_.async_read_some(asio::buffer(chunk_),
                            [self = shared_from_this()](const SystemError& error, std::size_t size) {
                              if (self->closed_) return;
                              if (error) return self->close();
                              self->input_.append(self->chunk_.data(), size);
                              self->take_line();
                            });
  }

  void reply(std::string line) {
    output_ = std::move(line);
    allow(idle_);  // to take it
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](const SystemError& error, std::size_t) {
                        if (self->closed_) return;
                        if (error || self->last_) return self->close();
                        self->next();
                      });
  }

  const std::shared_ptr<asio::io_context> loop_;
  stream_protocol::socket socket_;
  asio::steady_timer timer_;
  const Verbs& verbs_;
  const std::chrono::milliseconds idle_;
  Sessions& sessions_;
  std::array<char, kReadStep> chunk_{};
  std::string input_;
  std::size_t searched_ = 0;
  std::string output_;
  bool last_ = false;
  bool closed_ = false;
};

// Which file a name stands for and when it was written; `current` is replaced by rename, so its inode changes.
using FileState = std::tuple<dev_t, ino_t, off_t, time_t, long>;

FileState state_of(const std::filesystem::path& file) {
  struct stat status{};
  if (file.empty() || ::stat(file.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

class AsioControlServer final : public ControlServer {
 public:
  AsioControlServer(ControlOptions options, ControlHandlers handlers)
      : options_(std::move(options)), verbs_(std::move(handlers)), acceptor_(*loop_), tick_(*loop_), again_(*loop_) {}

  ~AsioControlServer() override {
    if (thread_.joinable()) {
      asio::post(*loop_, [this] { stop(); });
      thread_.join();
    }
    if (bound_) (void)::unlink(path_.c_str());
  }

  Result<void> listen() {
    path_ = resolver_socket(options_.run_directory);
    const auto failed = [&](const char* doing, int number) -> Error {
      const ErrorCode code = number == EACCES || number == EPERM ? ErrorCode::permission
                             : number == EADDRINUSE              ? ErrorCode::busy
                                                                 : ErrorCode::io;
      return {code, path_.string() + ": cannot " + doing + ": " + std::strerror(number)};
    };
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.native().size() >= sizeof address.sun_path) {
      return Error{ErrorCode::invalid, path_.string() + ": too long for a socket; its path has at most " +
                                           std::to_string(sizeof address.sun_path - 1) + " octets"};
    }
    std::memcpy(address.sun_path, path_.c_str(), path_.native().size());
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);

    // Left over from a crash, or somebody's?
    struct stat status{};
    if (::lstat(path_.c_str(), &status) == 0) {
      if (!S_ISSOCK(status.st_mode)) {
        return Error{ErrorCode::busy,
                     path_.string() + ": is there and no socket; remove it or choose another run.path"};
      }
      const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      const bool answered = probe >= 0 && (::connect(probe, generic, sizeof address) == 0 || errno == EAGAIN);
      if (probe >= 0) ::close(probe);
      if (answered) return Error{ErrorCode::busy, path_.string() + ": another resolver listens here"};
      (void)::unlink(path_.c_str());
    }

    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return failed("make a socket", errno);
    SystemError error;
    acceptor_.assign(stream_protocol(), descriptor, error);
    if (error) {
      ::close(descriptor);
      return failed("use the socket", error.value());
    }
    // The mode before bind() goes through the umask: never wider than 0660, not for a moment.
    (void)::fchmod(descriptor, 0660);
    if (::bind(descriptor, generic, sizeof address) != 0) return failed("bind", errno);
    bound_ = true;
    if (::chmod(path_.c_str(), 0660) != 0) return failed("set its mode", errno);
    if (::listen(descriptor, static_cast<int>(kMaxControlConnections)) != 0) return failed("listen", errno);
    return {};
  }

  void run() {
    thread_ = std::thread([this] {
      rank_behind_others();
      accept();
      tick();
      loop_->run();
    });
  }

 private:
  void stop() {
    SystemError ignored;
    stopping_ = true;
    acceptor_.close(ignored);
    tick_.cancel();
    again_.cancel();
    const Session::Sessions sessions = sessions_;
    for (const auto& session : sessions) session->close();
  }

  void accept() {
    acceptor_.async_accept([this](const SystemError& error, stream_protocol::socket socket) {
      if (stopping_) return;
      if (error) {  // out of descriptors: accepting at once would spin
        again_.expires_after(std::chrono::milliseconds(100));
        again_.async_wait([this](const SystemError& stopped) {
          if (!stopped && !stopping_) accept();
        });
        return;
      }
      const auto session = std::make_shared<Session>(std::move(socket), loop_, verbs_, options_.idle, sessions_);
      // A refused one counts until its line is written; past twice the bound there is not even a line.
      if (sessions_.size() < kMaxControlConnections) {
        sessions_.insert(session);
        session->start();
      } else if (sessions_.size() < 2 * kMaxControlConnections) {
        sessions_.insert(session);
        session->refuse({ErrorCode::busy, "the resolver has too many control connections; try again"});
      }
      accept();
    });
  }

  void tick() {
    watch_current();
    verbs_.each_second({Clock::now(), std::chrono::system_clock::now()});
    tick_.expires_after(options_.watch_every);
    tick_.async_wait([this](const SystemError& error) {
      if (!error && !stopping_) tick();
    });
  }

  // Whoever publishes also notifies (generation.load); this is for the notification that did not come. A load that
  // failed is tried again each time, but said only once.
  void watch_current() {
    const FileState now = state_of(options_.current_file);
    if (now == FileState{} || now == loaded_) return;
    const auto number = verbs_.load();
    // Put in force, though some worker has not confirmed yet: that is no reason to load again.
    if (number || number.error().code == ErrorCode::timed_out) loaded_ = now;
    const std::string complaint = number ? std::string() : number.error().message;
    if (!complaint.empty() && complaint != complaint_) spdlog::warn("policy generation not loaded: {}", complaint);
    complaint_ = complaint;
  }

  const ControlOptions options_;
  const Verbs verbs_;
  const std::shared_ptr<asio::io_context> loop_ = std::make_shared<asio::io_context>(1);
  stream_protocol::acceptor acceptor_;
  asio::steady_timer tick_;
  asio::steady_timer again_;
  std::filesystem::path path_;
  bool bound_ = false;
  bool stopping_ = false;
  Session::Sessions sessions_;
  FileState loaded_;
  std::string complaint_;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(ControlOptions options, ControlHandlers handlers) {
  auto server = std::make_unique<AsioControlServer>(std::move(options), std::move(handlers));
  if (auto listening = server->listen(); !listening) return listening.error();
  server->run();
  return std::unique_ptr<ControlServer>(std::move(server));
}

GenerationStatus describe(const Generation& generation) {
  GenerationStatus status;
  status.number = generation.number();
  status.epoch = generation.names_epoch();
  status.fingerprint = generation.fingerprint();
  status.rules = generation.rule_count();
  status.published_at = generation.published_at();
  for (const ListId list : generation.never_loaded()) {
    const ListDefinition* definition = generation.policies().find_list(list);
    status.never_loaded.push_back(definition == nullptr ? "list " + std::to_string(list.value) : definition->name);
  }
  return status;
}

std::string policy_metrics(const Generation* generation) {
  if (generation == nullptr) return {};
  return "# HELP weir_policy_info The policy in force: its fingerprint, alike on nodes that filter alike.\n"
         "# TYPE weir_policy_info gauge\n"
         "weir_policy_info{fingerprint=\"" +
         generation->fingerprint() + "\",generation=\"" + std::to_string(generation->number().value) + "\"} 1\n";
}

}  // namespace weir
