#include "tools/sidecar/pseudonym_keys.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

constexpr std::size_t kPseudonymKeySize = 16;
constexpr std::size_t kWipedStack = 16 << 10;

Error file_error(const std::filesystem::path& file, int why) {
  const ErrorCode code = why == EACCES || why == EPERM ? ErrorCode::permission : ErrorCode::io;
  return {code, "pseudonym key " + file.string() + ": " + std::strerror(why)};
}

// One at a time changes keys, whichever thread it is.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory)
      : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~DirectoryLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  const int descriptor_;
};

bool has_key(const std::filesystem::path& file) {
  struct stat info{};
  return ::stat(file.c_str(), &info) == 0 && info.st_size == static_cast<off_t>(kPseudonymKeySize);
}

// Takes the place of the day's key where there is one.
Result<void> make_key(const std::filesystem::path& directory, const std::string& day) {
  const std::filesystem::path file = directory / day;
  PseudonymKeyBytes key{};
  if (RAND_bytes(key.data(), key.size()) != 1) return Error{ErrorCode::io, "no random octets for a pseudonym key"};
  // Under another name first: the resolver must never read half a key.
  const std::filesystem::path part = directory / ("." + day);
  const int descriptor = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (descriptor < 0) return file_error(part, errno);
  const bool made = ::write(descriptor, key.data(), key.size()) == static_cast<ssize_t>(key.size()) &&
                    ::fchmod(descriptor, 0640) == 0;
  const int why = made ? 0 : errno;  // close() may change it
  ::explicit_bzero(key.data(), key.size());
  ::close(descriptor);
  if (!made) return file_error(part, why);
  if (::rename(part.c_str(), file.c_str()) != 0) return file_error(file, errno);
  return {};
}

// `take_away` unlinks the file, or puts another in its place. Only then the memory that held the key is overwritten:
// nobody who opens the file by its name may find zeros and take them for a key.
template <class TakeAway>
Result<void> destroy_key(const std::filesystem::path& file, TakeAway take_away) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  Result<void> taken = take_away();
  if (descriptor >= 0) {
    const PseudonymKeyBytes zeros{};
    static_cast<void>(!::pwrite(descriptor, zeros.data(), zeros.size(), 0));
    ::close(descriptor);
  }
  return taken;
}

Result<void> unlink_key(const std::filesystem::path& file) {
  return destroy_key(file, [&]() -> Result<void> {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) return file_error(file, errno);
    return {};
  });
}

bool is_day(const std::string& name) {
  return name.size() == 10 && name[4] == '-' && name[7] == '-';
}

std::vector<std::string> days_in(const std::filesystem::path& directory) {
  std::vector<std::string> days;
  std::error_code error;
  for (auto at = std::filesystem::directory_iterator(directory, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (is_day(name)) days.push_back(name);  // whatever else lies here is not ours
  }
  return days;
}

// Copies that calls left on the stack.
[[gnu::noinline]] void wipe_stack() {
  std::array<std::uint8_t, kWipedStack> room;
  ::explicit_bzero(room.data(), room.size());
}

}  // namespace

std::string utc_day(WallTime time) {
  return format_time(time).substr(0, 10);
}

Result<void> tend_pseudonym_keys(const std::filesystem::path& run_directory, WallTime now) {
  const std::filesystem::path directory = run_directory / "keys";
  std::error_code error;
  if (std::filesystem::create_directory(directory, error)) {
    std::filesystem::permissions(directory, std::filesystem::perms(0750), error);
  }
  if (error) return Error{ErrorCode::io, "pseudonym keys " + directory.string() + ": " + error.message()};
  const DirectoryLock lock(directory);
  for (const std::string& day : {utc_day(now), utc_day(now + kNextKeyAhead)}) {
    if (has_key(directory / day)) continue;
    if (auto made = make_key(directory, day); !made) return made;
  }
  const std::string oldest_kept = utc_day(now - kKeyOutlivesDay);
  for (const std::string& day : days_in(directory)) {
    if (day < oldest_kept) static_cast<void>(unlink_key(directory / day).has_value());  // days compare as text
  }
  return {};
}

Result<bool> destroy_pseudonym_key(const std::filesystem::path& run_directory, const std::string& day, WallTime now) {
  const std::filesystem::path directory = run_directory / "keys";
  const DirectoryLock lock(directory);
  if (!is_day(day) || !has_key(directory / day)) return false;
  // Of a day that goes on, or that has not begun, the resolver wants one.
  const bool is_replaced = day >= utc_day(now);
  auto destroyed = is_replaced ? destroy_key(directory / day, [&] { return make_key(directory, day); })
                               : unlink_key(directory / day);
  if (!destroyed) return destroyed.error();
  return true;
}

void visit_pseudonym_keys(const std::filesystem::path& run_directory,
                          const std::function<void(const std::string& day, const PseudonymKeyBytes& key)>& visit) {
  const std::filesystem::path directory = run_directory / "keys";
  for (const std::string& day : days_in(directory)) {
    const int descriptor = ::open((directory / day).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0) continue;
    PseudonymKeyBytes key{};
    const bool is_whole = ::pread(descriptor, key.data(), key.size(), 0) == static_cast<ssize_t>(key.size());
    ::close(descriptor);
    if (is_whole && key != PseudonymKeyBytes{}) visit(day, key);
    ::explicit_bzero(key.data(), key.size());
  }
  wipe_stack();
}

}  // namespace weir::sidecar
