#include "zones/store/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "zones/base/descriptor.h"
#include "zones/base/hex.h"
#include "zones/store/fingerprint.h"

namespace weir::store {
namespace {

constexpr std::size_t kSmallFileBytes = 64U << 10;
constexpr std::string_view kInfoFile = "GENERATION";
constexpr std::string_view kInfoTitle = "weir generation ";
constexpr std::size_t kCheckSize = 16;  // hexadecimal digits

std::string check_of(std::string_view text) {
  Hasher hash;
  return to_hex(hash(text)).substr(0, kCheckSize);
}

enum class Sync : std::uint8_t { no, yes };

Result<void> write_file(const std::filesystem::path& path, std::string_view text, Sync sync) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0 || !write_all(file, text) || (sync == Sync::yes && ::fsync(file.get()) != 0))
    return system_error(errno, path.string());
  return {};
}

}  // namespace

Error system_error(int number, const std::string& what) {
  ErrorCode code = ErrorCode::io;
  if (number == ENOENT || number == ENOTDIR) code = ErrorCode::not_found;
  if (number == EACCES || number == EPERM || number == EROFS) code = ErrorCode::permission;
  return {code, what + ": " + std::strerror(number)};
}

std::filesystem::path policy_path(const std::filesystem::path& store) {
  return store / "policy";
}
std::filesystem::path live_path(const std::filesystem::path& store) {
  return policy_path(store) / "live";
}
std::filesystem::path generations_path(const std::filesystem::path& store) {
  return policy_path(store) / "generations";
}
std::filesystem::path generation_path(const std::filesystem::path& store, GenerationNumber number) {
  return generations_path(store) / std::to_string(number.value);
}
std::vector<GenerationNumber> list_checkpoints(const std::filesystem::path& store) {
  std::vector<GenerationNumber> numbers;
  std::error_code fault;
  for (const auto& entry : std::filesystem::directory_iterator(generations_path(store), fault)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t number = 0;
    const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (wrong == std::errc() && end == name.data() + name.size()) numbers.push_back({number});
  }
  std::sort(numbers.begin(), numbers.end(), [](auto a, auto b) { return a.value > b.value; });
  return numbers;
}
std::filesystem::path candidate_path(const std::filesystem::path& store, std::uint64_t id) {
  return policy_path(store) / "candidates" / std::to_string(id);
}

std::filesystem::path present_rules_path(const std::filesystem::path& store, ListId list) {
  return policy_path(store) / "present" / std::to_string(list.value);
}

std::filesystem::path current_file_path(const std::filesystem::path& store) {
  return policy_path(store) / "current";
}

std::string encode(const GenerationInfo& info) {
  std::string text(kInfoTitle);
  text += std::to_string(kFormatVersion) + "\n";
  text += "number " + std::to_string(info.number) + "\n";
  text += "names-epoch " + std::to_string(info.record.names_epoch) + "\n";
  text += "published-at-ns " + std::to_string(info.record.published_at_ns) + "\n";
  text += "fingerprint " + info.record.fingerprint + "\n";
  std::string reason = info.record.reason;
  for (char& c : reason) {
    if (c == '\n' || c == '\0') c = ' ';
  }
  text += "reason " + reason + "\n";
  if (!info.files.empty()) text += "files " + info.files + "\n";
  return text + "check " + check_of(text) + "\n";
}

Result<GenerationInfo> decode_generation_info(std::string_view text, const std::string& what) {
  const Error damaged{ErrorCode::corrupt, what + ": the description of this generation is damaged"};
  if (!text.starts_with(kInfoTitle)) return damaged;
  std::string_view rest = text;
  const auto line = [&rest](std::string_view key) -> std::optional<std::string_view> {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos || !rest.starts_with(key)) return std::nullopt;
    const std::string_view value = rest.substr(key.size(), end - key.size());
    rest.remove_prefix(end + 1);
    return value;
  };
  const auto number = [&line](std::string_view key) -> std::optional<std::uint64_t> {
    const auto digits = line(key);
    std::uint64_t value = 0;
    if (!digits) return std::nullopt;
    const auto [end, fault] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
    if (fault != std::errc() || end != digits->data() + digits->size()) return std::nullopt;
    return value;
  };
  const auto version = number(kInfoTitle);
  if (!version) return damaged;
  if (*version != kFormatVersion) {
    return Error{ErrorCode::incompatible, what + ": written in format " + std::to_string(*version) +
                                              ", this weir reads format " + std::to_string(kFormatVersion)};
  }
  const auto generation = number("number ");
  const auto epoch = number("names-epoch ");
  const auto time = number("published-at-ns ");
  const auto fingerprint = line("fingerprint ");
  const auto reason = line("reason ");
  const auto files = line("files ");
  const std::size_t checked = text.size() - rest.size();
  const auto check = line("check ");
  if (!generation || !epoch || !time || !fingerprint || !reason || !check || !rest.empty()) return damaged;
  if (*check != check_of(text.substr(0, checked))) return damaged;
  return GenerationInfo{
      *generation, {*time, *epoch, std::string(*fingerprint), std::string(*reason)}, std::string(files.value_or(""))};
}

Result<GenerationInfo> read_generation_info(const std::filesystem::path& checkpoint) {
  auto text = read_small_file(checkpoint / kInfoFile);
  if (!text) return text.error();
  return decode_generation_info(*text, checkpoint.string());
}

Result<void> write_generation_info(const std::filesystem::path& checkpoint, const GenerationInfo& info) {
  // Nobody reads the directory before it has its number: no temporary file is needed.
  return write_file(checkpoint / kInfoFile, encode(info), Sync::no);
}

Result<std::string> read_small_file(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_error(errno, path.string());
  std::string text(kSmallFileBytes, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read_some(file, text.data() + size, text.size() - size);
    if (got < 0) return system_error(errno, path.string());
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size == text.size()) return Error{ErrorCode::too_large, path.string() + ": larger than this file can be"};
  text.resize(size);
  return text;
}

Result<void> replace_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  if (auto written = write_file(temporary, text, Sync::yes); !written) return written;
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error(errno, path.string());
  return sync_directory(path.parent_path());
}

Result<void> sync_directory(const std::filesystem::path& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return system_error(errno, path.string());
  if (::fsync(directory.get()) != 0) return system_error(errno, path.string());
  return {};
}

Result<void> make_directories(const std::filesystem::path& path) {
  std::error_code fault;
  std::filesystem::create_directories(path, fault);
  if (fault) return system_error(fault.value(), path.string());
  return {};
}

Result<void> link_directory(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (auto made = make_directories(to); !made) return made;
  std::error_code fault;
  for (std::filesystem::directory_iterator entry(from, fault), end; !fault && entry != end; entry.increment(fault)) {
    const std::string name = entry->path().filename().string();
    if (name == kInfoFile || !entry->is_regular_file(fault)) continue;
    if (::link(entry->path().c_str(), (to / name).c_str()) != 0) return system_error(errno, (to / name).string());
  }
  if (fault) return system_error(fault.value(), from.string());
  return {};
}

std::uint64_t exclusive_bytes(const std::filesystem::path& path) {
  std::uint64_t bytes = 0;
  std::error_code fault;
  for (std::filesystem::directory_iterator entry(path, fault), end; !fault && entry != end; entry.increment(fault)) {
    struct stat status{};
    if (::lstat(entry->path().c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1) {
      bytes += static_cast<std::uint64_t>(status.st_size);
    }
  }
  return bytes;
}

}  // namespace weir::store
