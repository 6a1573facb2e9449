#include "tools/cli/drop_in.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>

#include "zones/base/text.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

Error system_error(const fs::path& file, int code) {
  return {code == EACCES || code == EPERM || code == EROFS ? ErrorCode::permission : ErrorCode::io,
          escape_for_display(file.string()) + ": " + std::strerror(code)};
}

// Hidden files are not read as drop-ins: what is written or taken away lies there until it is sure.
fs::path hidden(const fs::path& file, const char* suffix) {
  return file.parent_path() / ('.' + file.filename().string() + suffix + std::to_string(getpid()));
}

Result<void> write_durably(const fs::path& file, std::string_view text) {
  const int handle = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (handle < 0) return system_error(file, errno);
  int code = 0;
  while (!text.empty() && code == 0) {
    const ssize_t wrote = write(handle, text.data(), text.size());
    if (wrote < 0 && errno != EINTR) code = errno;
    if (wrote > 0) text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (code == 0 && fsync(handle) != 0) code = errno;
  if (close(handle) != 0 && code == 0) code = errno;
  if (code == 0) return {};
  unlink(file.c_str());
  return system_error(file, code);
}

void sync_folder(const fs::path& folder) {
  const int handle = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return;
  fsync(handle);
  close(handle);
}

const ListConfig* find_list(const Config& config, const std::string& name) {
  const auto found = std::find_if(config.lists.begin(), config.lists.end(),
                                  [&](const ListConfig& list) { return list.definition.name == name; });
  return found != config.lists.end() ? &*found : nullptr;
}

std::string known_lists(const Config& config) {
  std::string out;
  for (const ListConfig& list : config.lists) out += (out.empty() ? "" : ", ") + list.definition.name;
  return out.empty() ? "there are none" : "there are: " + out;
}

}  // namespace

fs::path drop_in_of(const fs::path& config_file, const std::string& list) {
  std::error_code code;
  const fs::path whole = fs::absolute(config_file, code).lexically_normal();
  return whole.parent_path() / "weir.d" / ("list-" + list + ".toml");
}

Result<Config> add_drop_in(const fs::path& config_file, const std::string& list, const TomlKeys& keys) {
  auto before = Config::load(config_file);
  if (!before) return before.error();
  if (const ListConfig* known = find_list(*before, list))
    return Error{ErrorCode::exists, "there is a list \"" + list + "\" already, defined at " + known->where};
  const fs::path file = drop_in_of(config_file, list);
  std::error_code code;
  if (fs::exists(file, code))
    return Error{ErrorCode::exists, file.string() + " is there already and defines other things"};
  fs::create_directory(file.parent_path(), code);
  if (code) return system_error(file.parent_path(), code.value());

  std::string text = "# Written by 'weir list add'; 'weir list remove " + list + "' deletes it.\n[[list]]\n";
  for (const auto& [key, value] : keys) text += key + " = " + value + '\n';
  const fs::path temporary = hidden(file, ".new-");
  if (auto wrote = write_durably(temporary, text); !wrote) return wrote.error();
  // link() and not rename(): it does not replace what somebody else has put there meanwhile.
  const int outcome = link(temporary.c_str(), file.c_str());
  const int reason = errno;
  unlink(temporary.c_str());
  if (outcome != 0) return system_error(file, reason);
  auto after = Config::load(config_file);
  if (!after) unlink(file.c_str());
  sync_folder(file.parent_path());
  return after;
}

Result<Config> remove_drop_in(const fs::path& config_file, const std::string& list) {
  auto before = Config::load(config_file);
  if (!before) return before.error();
  const ListConfig* known = find_list(*before, list);
  if (known == nullptr)
    return Error{ErrorCode::not_found,
                 "there is no list \"" + escape_for_display(list) + "\"; " + known_lists(*before)};
  const fs::path file = drop_in_of(config_file, list);
  const auto beside = std::count_if(before->lists.begin(), before->lists.end(),
                                    [&](const ListConfig& other) { return other.file() == known->file(); });
  if (known->file() != file || beside != 1) {
    return Error{ErrorCode::invalid, "the list \"" + list + "\" is defined at " + known->where +
                                         ": delete that [[list]] section and its name in the policies, then run "
                                         "'weir reload'"};
  }
  const fs::path aside = hidden(file, ".removed-");
  if (std::rename(file.c_str(), aside.c_str()) != 0) return system_error(file, errno);
  auto after = Config::load(config_file);
  if (after) {
    unlink(aside.c_str());
  } else {
    std::rename(aside.c_str(), file.c_str());
  }
  sync_folder(file.parent_path());
  return after;
}

namespace {

// Written beside and renamed, with the mode and owner of what was there.
Result<void> replace_text(const fs::path& file, std::string_view text) {
  std::error_code code;
  const fs::path temporary = hidden(file, ".new-");
  if (auto wrote = write_durably(temporary, text); !wrote) return wrote;
  fs::permissions(temporary, fs::status(file, code).permissions(), code);
  if (std::rename(temporary.c_str(), file.c_str()) != 0) {
    const int reason = errno;
    unlink(temporary.c_str());
    return system_error(file, reason);
  }
  sync_folder(file.parent_path());
  return {};
}

// `text` with the line of the [[list]] section that begins at line `section` changed; nothing where it has none.
std::optional<std::string> with_enforce(const std::string& text, std::size_t section) {
  static const std::regex mode("^\\s*mode\\s*=\\s*[\"']observe[\"']");
  std::size_t at = 0;
  for (std::size_t line = 1; at < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string content = text.substr(at, end - at);
    const std::size_t first = content.find_first_not_of(" \t");
    if (line > section && first != std::string::npos && content[first] == '[') return std::nullopt;  // the next section
    if (line >= section && std::regex_search(content, mode)) {
      const std::size_t word = content.find("observe");
      return text.substr(0, at + word) + "enforce" + text.substr(at + word + 7);
    }
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

Result<void> ChangedFile::take_back() const {
  return replace_text(file, before);
}

Result<ChangedFile> enforce_in_file(const fs::path& config_file, const std::string& list) {
  auto config = Config::load(config_file);
  if (!config) return config.error();
  const ListConfig* known = find_list(*config, list);
  if (known == nullptr) {
    return Error{ErrorCode::not_found,
                 "there is no list \"" + escape_for_display(list) + "\"; " + known_lists(*config)};
  }
  if (known->definition.mode != ListMode::observe) {
    return Error{ErrorCode::invalid, "the list \"" + list + "\" is enforced already (" + known->where + ")"};
  }
  ChangedFile changed{known->file(), {}};
  std::ifstream in(changed.file, std::ios::binary);
  changed.before.assign((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) return system_error(changed.file, errno);
  const std::size_t colon = known->where.rfind(':');
  const std::size_t section = std::strtoul(known->where.c_str() + colon + 1, nullptr, 10);
  const auto text = with_enforce(changed.before, section);
  if (!text) {
    return Error{ErrorCode::invalid, known->where +
                                         ": the line mode = \"observe\" of this list was not found: change it "
                                         "there, then run 'weir reload'"};
  }
  if (auto replaced = replace_text(changed.file, *text); !replaced) return replaced.error();
  auto after = Config::load(config_file);
  if (after && find_list(*after, list) != nullptr && find_list(*after, list)->definition.mode == ListMode::enforce) {
    return changed;
  }
  if (auto back = changed.take_back(); !back) return back.error();
  if (!after) return after.error();
  return Error{ErrorCode::invalid, known->where + ": it is not this line that says so: change it there"};
}

}  // namespace weir::cli
