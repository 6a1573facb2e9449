#include "tools/sidecar/digest.h"

#include <array>
#include <fstream>

namespace weir::sidecar {

Result<std::string> sha256_of_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return Error{ErrorCode::not_found, "cannot read " + file.string()};
  Sha256 digest;
  std::array<char, 65536> buffer;
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0) {
    digest.update({reinterpret_cast<const std::uint8_t*>(buffer.data()), static_cast<std::size_t>(in.gcount())});
  }
  if (in.bad()) return Error{ErrorCode::io, "cannot read " + file.string() + " to its end"};
  return digest.finish_hex();
}

}  // namespace weir::sidecar
