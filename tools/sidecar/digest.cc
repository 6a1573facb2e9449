#include "tools/sidecar/digest.h"

#include <openssl/evp.h>

#include <array>
#include <fstream>

#include "zones/base/hex.h"

namespace weir::sidecar {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr);
}

Sha256::~Sha256() = default;

void Sha256::update(std::span<const std::uint8_t> octets) {
  EVP_DigestUpdate(state_->context, octets.data(), octets.size());
}

std::string Sha256::finish_hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context, digest.data(), &size);
  return to_hex(std::span(digest).first(size));
}

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
