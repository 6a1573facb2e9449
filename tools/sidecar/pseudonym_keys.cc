#include "tools/sidecar/pseudonym_keys.h"

#include <fcntl.h>
#include <openssl/rand.h>
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

Error file_error(const std::filesystem::path& file, int why) {
  const ErrorCode code = why == EACCES || why == EPERM ? ErrorCode::permission : ErrorCode::io;
  return {code, "pseudonym key " + file.string() + ": " + std::strerror(why)};
}

Result<void> make_key(const std::filesystem::path& directory, const std::string& day) {
  const std::filesystem::path file = directory / day;
  struct stat info{};
  if (::stat(file.c_str(), &info) == 0 && info.st_size == static_cast<off_t>(kPseudonymKeySize)) return {};
  std::array<std::uint8_t, kPseudonymKeySize> key{};
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

void destroy_key(const std::filesystem::path& file) {
  // The page of memory that held it is overwritten before it is given back.
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor >= 0) {
    const std::array<std::uint8_t, kPseudonymKeySize> zeros{};
    static_cast<void>(!::pwrite(descriptor, zeros.data(), zeros.size(), 0));
    ::close(descriptor);
  }
  ::unlink(file.c_str());
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
  if (auto made = make_key(directory, utc_day(now)); !made) return made;
  if (auto made = make_key(directory, utc_day(now + kNextKeyAhead)); !made) return made;
  const std::string oldest_kept = utc_day(now - kKeyOutlivesDay);
  std::vector<std::filesystem::path> over;
  for (auto at = std::filesystem::directory_iterator(directory, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    // Days compare as text. Whatever else lies here is not ours.
    if (name.size() == 10 && name[4] == '-' && name[7] == '-' && name < oldest_kept) over.push_back(at->path());
  }
  for (const std::filesystem::path& file : over) destroy_key(file);
  return {};
}

}  // namespace weir::sidecar
