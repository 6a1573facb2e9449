#include "tools/sidecar/minisign.h"

#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

#include "zones/base/free_with.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

// Octets of the binary forms: algorithm (2), key id (8), then the key (32) or the signature (64).
constexpr std::size_t kKeyId = 2;
constexpr std::size_t kBody = 10;
constexpr std::size_t kKeySize = 42;
constexpr std::size_t kSignatureSize = 74;
constexpr std::size_t kEd25519Size = 64;
constexpr std::string_view kTrusted = "trusted comment: ";

using Octets = std::vector<std::uint8_t>;

Error refuse(const std::string& why) {
  return {ErrorCode::invalid, "the signature is not good: " + why};
}

std::optional<Octets> decode_base64(std::string_view text, std::size_t size) {
  if (text.empty() || text.size() % 4 != 0) return std::nullopt;
  Octets out(text.size() / 4 * 3);
  const int length =
      EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  // It counts the padding as octets.
  if (length < 0 || static_cast<std::size_t>(length) < size || static_cast<std::size_t>(length) > size + 2) {
    return std::nullopt;
  }
  out.resize(size);
  return out;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool verifies(const Octets& key, const std::uint8_t* signature, const std::uint8_t* message, std::size_t size) {
  const std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>> public_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data() + kBody, kKeySize - kBody));
  const std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  return public_key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature, kEd25519Size, message, size) == 1;
}

// What was signed: the whole file, or its digest.
Result<Octets> signed_message(const std::filesystem::path& file, bool hashed) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return Error{ErrorCode::io, file.string() + ": " + std::strerror(errno)};
  if (!hashed) {
    std::error_code fault;
    const std::uint64_t size = std::filesystem::file_size(file, fault);
    if (fault) return Error{ErrorCode::io, file.string() + ": " + fault.message()};
    if (size > kMaxWholeFile) {
      return refuse("the whole file is signed instead of its digest, which is taken up to " +
                    std::to_string(kMaxWholeFile >> 20) + " MiB");
    }
    Octets all(size);
    if (!in.read(reinterpret_cast<char*>(all.data()), static_cast<std::streamsize>(size))) {
      return Error{ErrorCode::io, file.string() + ": cannot be read"};
    }
    return all;
  }
  const std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  bool good = context && EVP_DigestInit_ex(context.get(), EVP_blake2b512(), nullptr) == 1;
  std::array<char, 1 << 16> buffer;
  while (good && in) {
    in.read(buffer.data(), buffer.size());
    good = EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(in.gcount())) == 1;
  }
  Octets digest(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (in.bad() || !good || EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1) {
    return Error{ErrorCode::io, file.string() + ": its digest cannot be made"};
  }
  digest.resize(size);
  return digest;
}

}  // namespace

Result<std::string> verify_minisign(const std::filesystem::path& file, std::string_view text,
                                    std::string_view public_key) {
  const auto key = decode_base64(public_key, kKeySize);
  if (!key || (*key)[0] != 'E' || (*key)[1] != 'd') return refuse("the key in the configuration is no minisign key");
  if (!take_line(text).starts_with("untrusted comment:")) return refuse("this is no file of minisign's");
  const auto signature = decode_base64(take_line(text), kSignatureSize);
  if (!signature || (*signature)[0] != 'E' || ((*signature)[1] != 'd' && (*signature)[1] != 'D')) {
    return refuse("its second line holds no signature of minisign's");
  }
  const std::string_view comment_line = take_line(text);
  const auto global = decode_base64(take_line(text), kEd25519Size);
  if (!comment_line.starts_with(kTrusted) || !global) return refuse("its trusted comment is missing");
  if (!std::equal(key->begin() + kKeyId, key->begin() + kBody, signature->begin() + kKeyId)) {
    return refuse("it was made with another key");
  }
  const auto message = signed_message(file, (*signature)[1] == 'D');
  if (!message) return message.error();
  if (!verifies(*key, signature->data() + kBody, message->data(), message->size())) {
    return refuse("it is not of these bytes");
  }
  const std::string_view comment = comment_line.substr(kTrusted.size());
  Octets both(signature->begin() + kBody, signature->end());
  both.insert(both.end(), comment.begin(), comment.end());
  if (!verifies(*key, global->data(), both.data(), both.size())) return refuse("its trusted comment was changed");
  return std::string(comment);
}

std::string signature_source(const std::string& source) {
  const std::size_t end =
      source.find("://") == std::string::npos ? source.size() : std::min(source.find_first_of("?#"), source.size());
  return source.substr(0, end) + ".minisig" + source.substr(end);
}

}  // namespace weir::sidecar
