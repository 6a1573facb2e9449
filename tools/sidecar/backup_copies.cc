#include "tools/sidecar/backup_copies.h"

#include <boost/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "tools/support/json_members.h"
#include "zones/store/files.h"
#include "zones/store/store_copy.h"

namespace weir::sidecar {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRestoredName = "restored.json";
constexpr unsigned kMostCopies = 1000;

Result<void> link_file(const fs::path& from, const fs::path& to) {
  if (auto made = store::make_directories(to.parent_path()); !made) return made;
  if (::link(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
  return store::system_error(errno, to.string());
}

// Files that grow in their place.
Result<void> copy_bytes(const fs::path& from, const fs::path& to) {
  if (auto made = store::make_directories(to.parent_path()); !made) return made;
  std::error_code fault;
  if (!fs::exists(from, fault)) return {};
  fs::copy_file(from, to, fault);
  return fault ? Result<void>(store::system_error(fault.value(), to.string())) : Result<void>();
}

}  // namespace

fs::path backup_copy(const fs::path& store, std::uint64_t id) {
  return store / "backup" / std::to_string(id);
}

Result<std::uint64_t> begin_backup_copy(const fs::path& store) {
  if (auto made = store::make_directories(store / "backup"); !made) return made.error();
  for (std::uint64_t id = 1; id <= kMostCopies; ++id) {
    if (::mkdir(backup_copy(store, id).c_str(), 0770) == 0) return id;
    if (errno != EEXIST) return store::system_error(errno, backup_copy(store, id).string());
  }
  return Error{ErrorCode::io, (store / "backup").string() + ": too many backups are being made"};
}

Result<GenerationNumber> copy_policy(const PolicyStore& policy, const fs::path& store, const fs::path& copy) {
  auto number = copy_store(policy, copy / "store");
  if (!number) return number;
  for (const fs::path& part : {fs::path("audit") / "records", fs::path("policy") / "audit-head"}) {
    if (auto copied = copy_bytes(store / part, copy / "store" / part); !copied) return copied.error();
  }
  return number;
}

Result<void> copy_the_rest(const fs::path& store, const fs::path& copy, const log::DecisionLog* log) {
  const fs::path target = copy / "store";
  if (auto linked = link_file(store / "sidecar-state.json", target / "sidecar-state.json"); !linked) return linked;
  std::error_code fault;
  for (fs::directory_iterator at(store / "fetch", fault), end; !fault && at != end; at.increment(fault)) {
    if (at->path().extension() != ".held") continue;
    if (auto linked = link_file(at->path(), target / "fetch" / at->path().filename()); !linked) return linked;
  }
  return log == nullptr ? Result<void>() : log->copy_to(target / "log");
}

void remove_backup_copy(const fs::path& store, std::uint64_t id) {
  std::error_code ignored;
  fs::remove_all(backup_copy(store, id), ignored);
}

void remove_backup_copies(const fs::path& store) {
  std::error_code ignored;
  fs::remove_all(store / "backup", ignored);
}

Result<void> note_restored(const fs::path& store, AuditLog& audit, GenerationNumber published, WallTime now) {
  const fs::path file = store / kRestoredName;
  const auto text = store::read_small_file(file);
  if (!text) return text.error().code == ErrorCode::not_found ? Result<void>() : text.error();
  boost::json::error_code error;
  boost::json::value parsed = boost::json::parse(*text, error);
  AuditEntry entry{"weir-sidecar", "restore", {}, {}, {}};
  if (!error && parsed.is_object()) {
    boost::json::object& note = parsed.get_object();
    const auto take = [&note](const char* key) {
      std::string out = text_member(note, key);
      note.erase(key);
      return out;
    };
    if (std::string who = take("who"); !who.empty()) entry.who = std::move(who);
    entry.subject = take("file");
    entry.why = take("reason");
    entry.details = std::move(note);
  }
  if (auto recorded = audit.append(entry, published, now); !recorded) return recorded;
  std::error_code fault;
  fs::remove(file, fault);
  return fault ? Result<void>(store::system_error(fault.value(), file.string())) : Result<void>();
}

}  // namespace weir::sidecar
