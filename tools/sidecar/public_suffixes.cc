#include "tools/sidecar/public_suffixes.h"

#include <fstream>
#include <string>

#include "tools/sidecar/rule_text.h"

namespace weir::sidecar {

Result<std::vector<PublicSuffix>> read_public_suffixes(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in)
    return Error{ErrorCode::not_found, file.string() + ": cannot be read (Debian's package publicsuffix has it)"};
  std::vector<PublicSuffix> suffixes;
  bool icann = true;
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("//")) {
      if (line.find("===BEGIN PRIVATE DOMAINS===") != std::string::npos) icann = false;
      continue;
    }
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty() || line[0] == '!') continue;  // an exception is a name as any other
    const auto name = parse_typed_name(line.starts_with("*.") ? std::string_view(line).substr(2) : line);
    if (name && !name->is_root()) suffixes.push_back({*name, icann});
  }
  if (in.bad()) return Error{ErrorCode::io, file.string() + ": cannot be read"};
  if (suffixes.empty()) return Error{ErrorCode::invalid, file.string() + ": no suffix is in it"};
  return suffixes;
}

}  // namespace weir::sidecar
