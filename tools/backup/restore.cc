#include "tools/backup/restore.h"

#include <boost/json.hpp>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "tools/backup/backup_file.h"
#include "zones/base/descriptor.h"
#include "zones/base/lock_file.h"
#include "zones/base/text.h"
#include "zones/config/config.h"
#include "zones/store/files.h"
#include "zones/store/writer.h"

namespace weir::backup {
namespace {

namespace fs = std::filesystem;

constexpr const char* kServiceUser = "weir";
constexpr std::string_view kStorePrefix = "store/";
// What a store consists of, as far as a backup may have it.
constexpr const char* kParts[] = {"policy", "audit", "log", "fetch", "sidecar-state.json"};

Error fault_of(int number, const fs::path& path) {
  return store::system_error(number, path.string());
}

// Removed at the end, whatever it holds.
class Scratch {
 public:
  explicit Scratch(fs::path path) : path_(std::move(path)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  const fs::path path_;
};

struct Owner {
  uid_t user = 0;
  gid_t group = 0;
};

// Who the service is: whose the store is, else the user whom the units name. Nothing for who cannot give files away.
std::optional<Owner> find_owner(const fs::path& store) {
  if (::geteuid() != 0) return std::nullopt;
  struct stat status{};
  if (::stat(store.c_str(), &status) == 0) return Owner{status.st_uid, status.st_gid};
  if (const passwd* user = ::getpwnam(kServiceUser)) return Owner{user->pw_uid, user->pw_gid};
  return std::nullopt;
}

Result<void> give_away(const fs::path& root, const std::optional<Owner>& owner) {
  if (!owner) return {};
  std::error_code fault;
  if (::lchown(root.c_str(), owner->user, owner->group) != 0) return fault_of(errno, root);
  if (!fs::is_directory(root, fault)) return {};
  for (fs::recursive_directory_iterator at(root, fault), end; !fault && at != end; at.increment(fault)) {
    if (::lchown(at->path().c_str(), owner->user, owner->group) != 0) return fault_of(errno, at->path());
  }
  return fault ? Result<void>(fault_of(fault.value(), root)) : Result<void>();
}

Result<void> write_new(const fs::path& path, std::string_view text, mode_t mode) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (file.get() < 0 || !write_all(file, text) || ::fsync(file.get()) != 0) return fault_of(errno, path);
  return {};
}

// Of the definitions: by their names below config/.
using Texts = std::map<std::string, std::string>;

// Reads all of it, so that what comes later may rely on it.
Result<Manifest> look_through(const fs::path& file, Texts& definitions) {
  std::string* taken = nullptr;
  BackupVisitor visitor;
  visitor.member = [&](const Member& member) -> Result<void> {
    taken = nullptr;
    if (member.path.starts_with(kStorePrefix)) return {};
    if (member.bytes > kMaxConfigFileBytes || !member.same_as.empty())
      return Error{ErrorCode::corrupt, file.string() + ": the backup is damaged: " + member.path};
    taken = &definitions[member.path];
    return {};
  };
  visitor.piece = [&](std::string_view octets) -> Result<void> {
    if (taken != nullptr) *taken += octets;
    return {};
  };
  auto about = read_backup(file, visitor);
  if (about && !definitions.contains(std::string(kConfigMember)))
    return Error{ErrorCode::corrupt,
                 file.string() + ": the backup is damaged: there is no " + std::string(kConfigMember)};
  return about;
}

// `root`/weir.toml and `root`/weir.d, as they are in the backup.
Result<void> write_definitions(const fs::path& root, const Texts& definitions) {
  for (const auto& [name, text] : definitions) {
    const fs::path path = root / name.substr(std::string_view("config/").size());
    if (auto made = store::make_directories(path.parent_path()); !made) return made;
    if (auto written = write_new(path, text, 0640); !written) return written;
  }
  return {};
}

Result<Config> load_definitions(const Texts& definitions) {
  std::string folder = (fs::temp_directory_path() / "weir-restore-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return fault_of(errno, folder);
  const Scratch scratch(folder);
  if (auto written = write_definitions(scratch.path(), definitions); !written) return written.error();
  auto config = Config::load(scratch.path() / "weir.toml");
  if (!config)
    return Error{config.error().code, "the definitions in the backup cannot be used here: " + config.error().message};
  return config;
}

fs::path drop_ins_of(const fs::path& config_file) {
  return config_file.parent_path() / "weir.d";
}

// The definitions that are there already, as a backup would name them.
Result<Texts> read_definitions(const fs::path& config_file) {
  Texts out;
  std::error_code fault;
  const auto take = [&](const std::string& name, const fs::path& path) -> Result<void> {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) return fault_of(errno, path);
    std::string block(1 << 16, '\0');
    std::string& text = out[name];
    for (ssize_t got = 0; (got = read_some(file, block.data(), block.size())) != 0;) {
      if (got < 0) return fault_of(errno, path);
      text.append(block, 0, static_cast<std::size_t>(got));
      if (text.size() > kMaxConfigFileBytes) return Error{ErrorCode::too_large, path.string() + ": too large"};
    }
    return {};
  };
  if (fs::exists(config_file, fault)) {
    if (auto taken = take(std::string(kConfigMember), config_file); !taken) return taken.error();
  }
  const fs::path folder = drop_ins_of(config_file);
  for (fs::directory_iterator at(folder, fault), end; !fault && at != end; at.increment(fault)) {
    if (at->path().extension() != ".toml") continue;
    if (auto taken = take(std::string(kDropInFolder) + at->path().filename().string(), at->path()); !taken)
      return taken.error();
  }
  return out;
}

// Renames that are undone unless they are kept.
class Moves {
 public:
  Moves() = default;
  Moves(const Moves&) = delete;
  Moves& operator=(const Moves&) = delete;
  ~Moves() {
    for (auto move = done_.rbegin(); move != done_.rend(); ++move) {
      std::error_code ignored;
      fs::rename(move->second, move->first, ignored);
    }
  }
  Result<void> move(const fs::path& from, const fs::path& to) {
    std::error_code fault;
    fs::rename(from, to, fault);
    if (fault) return fault_of(fault.value(), to);
    done_.emplace_back(from, to);
    return {};
  }
  void keep() { done_.clear(); }

 private:
  std::vector<std::pair<fs::path, fs::path>> done_;
};

// One run.
class Restore {
 public:
  Restore(const RestoreOptions& options, Now now) : options_(options), now_(now) {
    stamp_ = format_time(now.wall);
    std::erase(stamp_, ':');
  }

  Result<RestoreReport> run() {
    auto about = look_through(options_.file, definitions_);
    if (!about) return about.error();
    report_.about = std::move(*about);
    auto config = options_.definitions == Definitions::of_this_machine ? Config::load(options_.config_file)
                                                                       : load_definitions(definitions_);
    if (!config) return config.error();
    report_.store = config->store.path;
    if (auto free = check_definitions(); !free) return free.error();
    if (auto free = check_store(); !free) return free.error();
    auto lock = lock_out_sidecar(config->run.path);
    if (!lock) return lock.error();

    owner_ = find_owner(report_.store);
    std::error_code fault;
    const bool is_new = !fs::exists(report_.store, fault);
    if (auto made = store::make_directories(report_.store); !made) return made.error();
    if (is_new && owner_ && ::lchown(report_.store.c_str(), owner_->user, owner_->group) != 0)
      return fault_of(errno, report_.store);
    const Scratch staged(report_.store / "restore.part");
    fs::remove_all(staged.path(), fault);
    if (auto extracted = extract(staged.path()); !extracted) return extracted.error();
    if (auto opened = open_once(staged.path() / "store"); !opened) return opened.error();
    if (auto noted = note(staged.path() / "store"); !noted) return noted.error();
    if (auto given = give_away(staged.path() / "store", owner_); !given) return given.error();
    if (auto put = put_in_place(staged.path()); !put) return put.error();
    return std::move(report_);
  }

 private:
  Result<void> check_definitions() {
    if (options_.definitions == Definitions::of_this_machine) return {};
    const auto there = read_definitions(options_.config_file);
    if (!there) return there.error();
    writes_definitions_ = *there != definitions_;
    if (there->empty() || !writes_definitions_ || options_.present == Present::put_aside) return {};
    return Error{ErrorCode::exists, options_.config_file.string() +
                                        ": there are definitions, and others than in the backup; --keep-config leaves "
                                        "them as they are, --replace puts them aside"};
  }

  Result<void> check_store() {
    std::error_code ignored;
    for (const char* part : {"policy", "audit", "log"}) {
      const fs::path path = report_.store / part;
      if (!fs::exists(path, ignored) || options_.present == Present::put_aside) continue;
      return Error{ErrorCode::exists, path.string() + ": the store is not empty; --replace puts what is in it aside"};
    }
    return {};
  }

  // Where no run folder is, no sidecar is; and it is not ours to make.
  static Result<std::optional<LockFile>> lock_out_sidecar(const fs::path& run) {
    std::error_code ignored;
    if (!fs::is_directory(run, ignored)) return std::optional<LockFile>();
    const fs::path file = run / "sidecar.lock";
    if (!fs::exists(file, ignored)) return std::optional<LockFile>();
    auto lock = LockFile::acquire(file, 0640, [&](const LockFile::Refusal& why) -> Error {
      if (why.error != EWOULDBLOCK) return fault_of(why.error, file);
      return {ErrorCode::busy, "weir-sidecar runs" + (why.holder.empty() ? "" : " (process " + why.holder + ")") +
                                   ": stop it first, and start it behind the restore"};
    });
    if (!lock) return lock.error();
    return std::optional<LockFile>(std::move(*lock));
  }

  Result<void> extract(const fs::path& root) const {
    std::optional<Descriptor> file;
    fs::path path;
    BackupVisitor visitor;
    visitor.member = [&](const Member& member) -> Result<void> {
      if (auto closed = close(file, path); !closed) return closed;
      if (!member.path.starts_with(kStorePrefix)) return {};
      path = root / member.path;
      if (auto made = store::make_directories(path.parent_path()); !made) return made;
      if (!member.same_as.empty()) {
        const fs::path same = root / member.same_as;
        return ::link(same.c_str(), path.c_str()) == 0 ? Result<void>() : fault_of(errno, path);
      }
      file.emplace(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640));
      if (file->get() < 0) return fault_of(errno, path);
      return {};
    };
    visitor.piece = [&](std::string_view octets) -> Result<void> {
      if (!file || write_all(*file, octets)) return {};
      return fault_of(errno, path);
    };
    const auto read = read_backup(options_.file, visitor);
    if (!read) return read.error();
    return close(file, path);
  }

  static Result<void> close(std::optional<Descriptor>& file, const fs::path& path) {
    if (file && ::fsync(file->get()) != 0) return fault_of(errno, path);
    file.reset();
    return {};
  }

  // As the sidecar will: what is of an older format becomes one of this, what is not whole is told here.
  Result<void> open_once(const fs::path& store) {
    auto opened = PolicyStore::open(store, {}, now_);
    if (!opened) return opened.error();
    const auto generations = (*opened)->generations();
    if (!generations) return generations.error();
    if (generations->empty()) return Error{ErrorCode::corrupt, options_.file.string() + ": no generation is in it"};
    report_.generation = generations->front().number;
    report_.fingerprint = generations->front().fingerprint;
    if (report_.fingerprint != report_.about.fingerprint) {
      return Error{ErrorCode::corrupt, options_.file.string() + ": its store has the fingerprint " +
                                           report_.fingerprint + ", and was made with " +
                                           escape_for_display(report_.about.fingerprint)};
    }
    return {};
  }

  Result<void> note(const fs::path& store) const {
    const boost::json::object restored{{"who", options_.who},        {"file", options_.file.filename().string()},
                                       {"reason", options_.reason},  {"made", report_.about.made},
                                       {"weir", report_.about.weir}, {"generation", report_.generation.value}};
    return write_new(store / kRestoredFile, boost::json::serialize(restored) + "\n", 0640);
  }

  Result<void> put_in_place(const fs::path& staged) {
    Moves moves;
    std::error_code fault;
    const fs::path aside = report_.store / ("replaced-" + stamp_);
    for (const char* part : kParts) {
      const fs::path present = report_.store / part;
      if (fs::exists(present, fault)) {
        if (auto made = store::make_directories(aside); !made) return made;
        if (auto moved = moves.move(present, aside / part); !moved) return moved;
        if (report_.put_aside.empty()) report_.put_aside.push_back(aside);
      }
      const fs::path fresh = staged / "store" / part;
      if (!fs::exists(fresh, fault)) continue;
      if (auto moved = moves.move(fresh, present); !moved) return moved;
    }
    fs::remove(report_.store / kRestoredFile, fault);
    if (auto moved = moves.move(staged / "store" / kRestoredFile, report_.store / kRestoredFile); !moved) return moved;
    if (auto synced = store::sync_directory(report_.store); !synced) return synced;
    if (writes_definitions_) {
      if (auto put = put_definitions(moves); !put) return put;
    }
    moves.keep();
    return {};
  }

  // Beside their place first: renamed one by one, and a sidecar is not there to read half of them.
  Result<void> put_definitions(Moves& moves) {
    const fs::path folder = options_.config_file.parent_path();
    if (auto made = store::make_directories(folder); !made) return made;
    const Scratch fresh(folder / ("weir-restore-" + stamp_));
    std::error_code fault;
    fs::remove_all(fresh.path(), fault);
    if (auto written = write_definitions(fresh.path(), definitions_); !written) return written;
    if (auto shown = show_to_group(fresh.path()); !shown) return shown;
    const fs::path drop_ins = drop_ins_of(options_.config_file);
    for (const fs::path& present : {options_.config_file, drop_ins}) {
      if (!fs::exists(present, fault)) continue;
      const fs::path aside = present.string() + ".replaced-" + stamp_;
      if (auto moved = moves.move(present, aside); !moved) return moved;
      report_.put_aside.push_back(aside);
    }
    if (auto moved = moves.move(fresh.path() / "weir.toml", options_.config_file); !moved) return moved;
    if (!fs::exists(fresh.path() / "weir.d", fault)) return {};
    return moves.move(fresh.path() / "weir.d", drop_ins);
  }

  // They may hold secrets: the service reads them as its group.
  Result<void> show_to_group(const fs::path& root) const {
    std::error_code fault;
    for (fs::recursive_directory_iterator at(root, fault), end; !fault && at != end; at.increment(fault)) {
      const mode_t mode = at->is_directory(fault) ? 0750 : 0640;
      if (::chmod(at->path().c_str(), mode) != 0) return fault_of(errno, at->path());
      if (owner_ && ::lchown(at->path().c_str(), static_cast<uid_t>(-1), owner_->group) != 0)
        return fault_of(errno, at->path());
    }
    return fault ? Result<void>(fault_of(fault.value(), root)) : Result<void>();
  }

  const RestoreOptions& options_;
  const Now now_;
  std::string stamp_;
  Texts definitions_;
  bool writes_definitions_ = false;
  std::optional<Owner> owner_;
  RestoreReport report_;
};

}  // namespace

Result<RestoreReport> restore_backup(const RestoreOptions& options, Now now) {
  try {
    return Restore(options, now).run();
  } catch (const fs::filesystem_error& error) {
    return Error{ErrorCode::io, error.what()};
  }
}

}  // namespace weir::backup
