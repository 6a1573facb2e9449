#include "resolver/server/cookies.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace weir {
namespace {

constexpr std::chrono::hours kRollEvery{24};
// RFC 9018 section 4.3: what is older than an hour or comes from more than five minutes ahead is not believed, and one
// older than half an hour is replaced.
constexpr std::int32_t kOldest = 3600;
constexpr std::int32_t kFromAhead = -300;
constexpr std::int32_t kReplaceAfter = 1800;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHashed = 16;  // client cookie, version, reserved, timestamp

CookieSecret random_secret() {
  CookieSecret out{};
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) throw std::bad_alloc();
  return out;
}

std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::uint32_t number_at(std::span<const std::uint8_t> octets, std::size_t at) {
  return static_cast<std::uint32_t>(octets[at]) << 24 | static_cast<std::uint32_t>(octets[at + 1]) << 16 |
         static_cast<std::uint32_t>(octets[at + 2]) << 8 | octets[at + 3];
}

}  // namespace

std::optional<CookieSecret> parse_cookie_secret(std::string_view text) {
  CookieSecret out{};
  if (text.size() != 2 * out.size()) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = digit(text[2 * i]);
    const auto low = digit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    out[i] = static_cast<std::uint8_t>(*high << 4 | *low);
  }
  return out;
}

CookieSecrets::CookieSecrets(std::optional<CookieSecret> fixed) : fixed_(fixed.has_value()) {
  keys_.current = fixed ? *fixed : random_secret();
  keys_.previous = keys_.current;
  write(keys_);
}

void CookieSecrets::refresh(SteadyTime now) {
  if (fixed_) return;
  if (!rolled_) rolled_ = now;
  if (now - *rolled_ < kRollEvery) return;
  rolled_ = now;
  keys_.previous = keys_.current;
  keys_.current = random_secret();
  write(keys_);
}

void CookieSecrets::write(const CookieKeys& keys) noexcept {
  std::uint64_t words[4];
  std::memcpy(words, keys.current.data(), 16);
  std::memcpy(words + 2, keys.previous.data(), 16);
  const std::uint32_t sequence = sequence_.load(std::memory_order_relaxed);
  sequence_.store(sequence + 1, std::memory_order_relaxed);
  // A reader that sees one of these also sees the odd number.
  for (std::size_t i = 0; i < 4; ++i) words_[i].store(words[i], std::memory_order_release);
  sequence_.store(sequence + 2, std::memory_order_release);
}

void CookieSecrets::read(CookieKeys& known) const noexcept {
  const std::uint32_t before = sequence_.load(std::memory_order_acquire);
  std::uint64_t words[4];
  for (std::size_t i = 0; i < 4; ++i) words[i] = words_[i].load(std::memory_order_acquire);
  if (before % 2 != 0 || sequence_.load(std::memory_order_relaxed) != before) return;
  std::memcpy(known.current.data(), words, 16);
  std::memcpy(known.previous.data(), words + 2, 16);
}

struct CookieJar::Hash {
  EVP_MAC* algorithm = EVP_MAC_fetch(nullptr, "SIPHASH", nullptr);
  EVP_MAC_CTX* context = algorithm == nullptr ? nullptr : EVP_MAC_CTX_new(algorithm);
  Hash() {
    std::size_t size = 8;
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_END};
    if (context == nullptr || EVP_MAC_CTX_set_params(context, parameters) != 1) throw std::bad_alloc();
  }
  ~Hash() {
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(algorithm);
  }
};

CookieJar::CookieJar(const CookieSecrets& secrets) : secrets_(secrets), hash_(std::make_unique<Hash>()) {}

CookieJar::~CookieJar() = default;

// RFC 9018 section 4.4: SipHash-2-4 over client cookie, version, reserved octets, timestamp and the client's address.
std::array<std::uint8_t, 8> CookieJar::hash_of(std::span<const std::uint8_t> beginning, const IpAddress& client,
                                               const CookieSecret& secret) noexcept {
  std::array<std::uint8_t, 8> out{};
  std::size_t size = 0;
  const auto address = client.bytes();
  EVP_MAC_init(hash_->context, secret.data(), secret.size(), nullptr);
  EVP_MAC_update(hash_->context, beginning.data(), beginning.size());
  EVP_MAC_update(hash_->context, address.data(), address.size());
  EVP_MAC_final(hash_->context, out.data(), &size, out.size());
  return out;
}

CookieState CookieJar::check(Query& query, const IpAddress& client, WallTime now) noexcept {
  const auto given = query.cookie;
  if (given.empty()) return CookieState::none;
  secrets_.read(keys_);
  const IpAddress plain = client.unmapped();
  const auto seconds =
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  auto& reply = query.reply_cookie;
  query.has_reply_cookie = true;
  CookieState state = given.size() == kClientCookieSize ? CookieState::client_only : CookieState::bad;
  if (given.size() == reply.size() && given[kClientCookieSize] == kVersion) {
    const auto age = static_cast<std::int32_t>(seconds - number_at(given, 12));  // RFC 1982 arithmetic
    if (age >= kFromAhead && age <= kOldest) {
      const auto fits = [&](const CookieSecret& secret) {
        return CRYPTO_memcmp(hash_of(given.first(kHashed), plain, secret).data(), given.data() + kHashed, 8) == 0;
      };
      const bool is_new = fits(keys_.current);
      if (is_new || fits(keys_.previous)) state = CookieState::good;
      if (is_new && age >= 0 && age < kReplaceAfter) {
        std::copy(given.begin(), given.end(), reply.begin());
        return state;
      }
    }
  }
  std::copy_n(given.begin(), kClientCookieSize, reply.begin());
  reply[8] = kVersion;
  reply[9] = reply[10] = reply[11] = 0;
  for (unsigned i = 0; i < 4; ++i) reply[12 + i] = static_cast<std::uint8_t>(seconds >> (24 - 8 * i));
  const auto hash = hash_of(std::span<const std::uint8_t>(reply).first(kHashed), plain, keys_.current);
  std::copy(hash.begin(), hash.end(), reply.begin() + kHashed);
  return state;
}

}  // namespace weir
