#include "tools/migrate/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "tools/migrate/input.h"
#include "zones/base/text.h"
#include "zones/config/config.h"
#include "zones/config/document.h"
#include "zones/lists/line.h"

namespace weir::migrate {
namespace {

namespace fs = std::filesystem;
using config::find_member;

Error system_error(const fs::path& file, int code) {
  return {code == EACCES || code == EPERM || code == EROFS ? ErrorCode::permission
          : code == EEXIST                                 ? ErrorCode::exists
                                                           : ErrorCode::io,
          escape_for_display(file.string()) + ": " + std::strerror(code)};
}

void note_names(const ConfigValue& root, std::string_view section, const std::string& file, bool fold,
                std::map<std::string, std::string>& out) {
  const auto* member = find_member(root, section);
  if (member == nullptr) return;
  for (const ConfigValue& item : member->value.items) {
    const auto* name = find_member(item, "name");
    if (name == nullptr) continue;
    const std::string& text = name->value.text;
    out.emplace(fold ? to_lower_ascii(text) : text, file + ':' + std::to_string(name->value.position.line));
  }
}

enum class Durable : std::uint8_t { no, yes };

// A whole file that was not there before; durable: on disk when this returns.
Result<void> write_new(const fs::path& file, std::string_view text, Durable durable) {
  const int handle = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (handle < 0) return system_error(file, errno);
  int code = 0;
  while (!text.empty() && code == 0) {
    const ssize_t wrote = ::write(handle, text.data(), text.size());
    if (wrote < 0 && errno != EINTR) code = errno;
    if (wrote > 0) text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (code == 0 && durable == Durable::yes && fsync(handle) != 0) code = errno;
  if (close(handle) != 0 && code == 0) code = errno;
  if (code == 0) return {};
  unlink(file.c_str());
  return system_error(file, code);
}

// Deleted with all that is in it.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::error_code code;
    std::string name = (fs::temp_directory_path(code) / "weir-migrate-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~ScratchFolder() {
    std::error_code code;
    if (!path_.empty()) fs::remove_all(path_, code);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// As the reader of the list file will.
Line parse(const RuleLine& rule, const MigratedList& list) {
  LineOptions options;
  options.rewrites = true;
  options.kind = list.allows ? ListKind::allow : ListKind::block;
  Line line;
  parse_adblock_line(rule.text, options, line);
  return line;
}

// The local rules of a migration as sets of names, for the question whether two of them contradict each other.
class Contradictions {
 public:
  explicit Contradictions(const Migration& migration) {
    for (const MigratedList& list : migration.lists) {
      for (const RuleLine& line : list.rules) {
        const Line parsed = parse(line, list);
        for (const Rule& rule : parsed.rules) add(rule);
      }
    }
  }

  // Whether a rule that says something else may match a name that `rule` matches.
  bool any(const Rule& rule) const {
    for (const auto& [action, side] : sides_) {
      if (action == rule.action) continue;
      if (side.anywhere || side.above.contains(rule.name.folded().to_text())) return true;
      for (unsigned labels = rule.name.label_count() + 1; labels-- > 0;) {
        if (side.names.contains(rule.name.suffix(labels).folded().to_text())) return true;
      }
    }
    return false;
  }

 private:
  struct Side {
    bool anywhere = false;  // a glob or a regular expression
    std::unordered_set<std::string> names;
    std::unordered_set<std::string> above;  // every ancestor of one of `names`
  };

  void add(const Rule& rule) {
    Side& side = sides_[rule.action];
    if (rule.kind != PatternKind::exact && rule.kind != PatternKind::subtree && rule.kind != PatternKind::below) {
      side.anywhere = true;
      return;
    }
    side.names.insert(rule.name.folded().to_text());
    for (unsigned labels = rule.name.label_count(); labels-- > 0;)
      side.above.insert(rule.name.suffix(labels).folded().to_text());
  }

  std::map<Action, Side> sides_;
};

constexpr Action kMovableActions[] = {Action::allow, Action::block, Action::nxdomain, Action::nodata, Action::refused};

std::optional<StoreRule> as_store_rule(const RuleLine& line, const MigratedList& list,
                                       const Contradictions& contradictions) {
  const Line parsed = parse(line, list);
  if (parsed.rules.size() != 1) return std::nullopt;
  const Rule& rule = parsed.rules.front();
  const bool plain =
      rule.kind == PatternKind::exact || rule.kind == PatternKind::subtree || rule.kind == PatternKind::below;
  const bool takes =
      std::find(std::begin(kMovableActions), std::end(kMovableActions), rule.action) != std::end(kMovableActions);
  if (!plain || !takes || rule.important || !rule.detail.empty() || contradictions.any(rule)) return std::nullopt;
  StoreRule out;
  out.pattern = (rule.kind == PatternKind::below ? "*." : "") + rule.name.to_text();
  out.kind = weir::to_text(rule.kind);
  out.action = weir::to_text(rule.action);
  out.row = line.row;
  return out;
}

}  // namespace

Result<Existing> Existing::of(const fs::path& config_file) {
  Existing out;
  std::error_code code;
  const fs::path whole = fs::absolute(config_file, code).lexically_normal();
  if (code || !fs::exists(whole, code)) return out;
  std::vector<fs::path> files = {whole};
  for (fs::directory_iterator at(whole.parent_path() / "weir.d", code), end; !code && at != end; at.increment(code)) {
    const std::string name = at->path().filename().string();
    if (at->path().extension() == ".toml" && !name.starts_with('.')) files.push_back(at->path());
  }
  for (const fs::path& file : files) {
    auto text = read_whole_file(file, kMaxConfigFileBytes);
    if (!text) return text.error();
    auto root = parse_toml(*text, file.string());
    if (!root) return root.error();
    const std::string shown = escape_for_display(file.string());
    for (const auto& section : root->members) {
      for (const auto& key : section.value.members)
        out.keys.emplace(section.key + '.' + key.key, shown + ':' + std::to_string(key.position.line));
    }
    note_names(*root, "policy", shown, false, out.policies);
    note_names(*root, "group", shown, false, out.groups);
    note_names(*root, "forward", shown, true, out.forwards);
    note_names(*root, "local_zone", shown, true, out.zones);
  }
  return out;
}

std::vector<StoreRule> take_store_rules(Migration& migration) {
  const Contradictions contradictions(migration);
  std::vector<StoreRule> out;
  for (MigratedList& list : migration.lists) {
    if (!list.movable || !list.policies.empty()) continue;
    std::vector<RuleLine> stay;
    for (RuleLine& line : list.rules) {
      if (auto rule = as_store_rule(line, list, contradictions)) {
        out.push_back(std::move(*rule));
        migration.rows[line.row].targets.push_back({"rule.add", out.size()});
      } else {
        stay.push_back(std::move(line));
      }
    }
    list.rules = std::move(stay);
  }
  return out;
}

Result<void> verify(const std::vector<OutputFile>& files) {
  const ScratchFolder scratch;
  if (scratch.path().empty()) return Error{ErrorCode::io, "no folder for temporary files can be made"};
  const fs::path drop_ins = scratch.path() / "weir.d";
  std::error_code code;
  fs::create_directory(drop_ins, code);
  if (code) return system_error(drop_ins, code.value());
  if (auto wrote = write_new(scratch.path() / "weir.toml", "", Durable::no); !wrote) return wrote;
  for (const OutputFile& file : files) {
    if (auto wrote = write_new(drop_ins / file.name, file.text, Durable::no); !wrote) return wrote;
  }
  auto config = Config::load(scratch.path() / "weir.toml");
  if (config) return {};
  // The files are gone when the message is read: it names those that would have been written.
  std::string message = config.error().message;
  const std::string prefix = drop_ins.string() + '/';
  for (auto at = message.find(prefix); at != std::string::npos; at = message.find(prefix))
    message.erase(at, prefix.size());
  return Error{ErrorCode::invalid, "weir would not take what it made of it; nothing was written:\n" + message};
}

Result<void> write(const fs::path& folder, const std::vector<OutputFile>& files, const fs::path& config_file) {
  std::error_code code;
  for (const OutputFile& file : files) {
    if (!fs::exists(folder / file.name, code)) continue;
    return Error{ErrorCode::exists, escape_for_display((folder / file.name).string()) +
                                        " is there already: delete what an earlier migration wrote, or give --into "
                                        "another folder"};
  }
  const bool had_folder = fs::exists(folder, code);
  fs::create_directories(folder, code);
  if (code) return system_error(folder, code.value());
  std::vector<fs::path> written;
  const auto take_back = [&] {
    for (const fs::path& file : written) unlink(file.c_str());
    if (!had_folder) rmdir(folder.c_str());
  };
  // Lists first: a drop-in is read as soon as it is there.
  for (std::size_t i = files.size(); i-- > 0;) {
    const fs::path file = folder / files[i].name;
    if (auto wrote = write_new(file, files[i].text, Durable::yes); !wrote) {
      take_back();
      return wrote;
    }
    written.push_back(file);
  }
  if (config_file.empty()) return {};
  auto config = Config::load(config_file);
  if (config) return {};
  take_back();
  return Error{config.error().code == ErrorCode::not_found ? ErrorCode::not_found : ErrorCode::invalid,
               "the configuration does not load with it; nothing was written:\n" + config.error().message};
}

}  // namespace weir::migrate
