#include "tools/support/tsig_keys.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "zones/base/descriptor.h"
#include "zones/base/text.h"

namespace weir {
namespace {

std::string shown(const TsigKeyConfig& key) {
  return "TSIG key " + escape_for_display(key.name.to_text());
}

Result<std::string> read_secret(const TsigKeyConfig& key) {
  const Descriptor file(::open(key.secret_file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string text(kMaxSecretFile, '\0');
  const ssize_t size = file.get() < 0 ? -1 : read_some(file, text.data(), text.size());
  if (size < 0) {
    const ErrorCode code = errno == ENOENT   ? ErrorCode::not_found
                           : errno == EACCES ? ErrorCode::invalid
                                             : ErrorCode::io;
    return Error{code, shown(key) + ": " + escape_for_display(key.secret_file.string()) + ": " + std::strerror(errno)};
  }
  text.resize(static_cast<std::size_t>(size));
  return std::string(trim(text));
}

}  // namespace

Result<TsigKey> load_tsig_key(const Config& config, const Name& name) {
  const auto found = std::find_if(config.tsig_keys.begin(), config.tsig_keys.end(),
                                  [&](const TsigKeyConfig& key) { return key.name == name; });
  if (found == config.tsig_keys.end()) {
    return Error{ErrorCode::not_found, "there is no TSIG key " + escape_for_display(name.to_text())};
  }
  auto text = found->secret_file.empty() ? Result<std::string>(found->secret) : read_secret(*found);
  if (!text) return text.error();
  auto secret = parse_tsig_secret(*text);
  if (!secret) {
    const std::string where = found->secret_file.empty() ? found->where : found->secret_file.string();
    return Error{ErrorCode::invalid, shown(*found) + ": " + escape_for_display(where) + ": " + secret.error().message};
  }
  return TsigKey{found->name, found->algorithm, std::move(*secret)};
}

std::vector<std::string> exposed_tsig_secrets(const Config& config) {
  std::vector<std::string> out;
  for (const TsigKeyConfig& key : config.tsig_keys) {
    const std::filesystem::path file = key.secret_file.empty() ? key.file() : key.secret_file;
    struct stat status{};
    if (::stat(file.c_str(), &status) != 0 || (status.st_mode & S_IROTH) == 0) continue;
    out.push_back(shown(key) + ": everybody may read " + escape_for_display(file.string()) +
                  ", which holds its secret");
  }
  return out;
}

}  // namespace weir
