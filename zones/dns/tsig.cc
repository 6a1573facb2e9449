#include "zones/dns/tsig.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <utility>

#include "zones/base/text.h"
#include "zones/dns/reader.h"
#include "zones/dns/record_types.h"

namespace weir {
namespace {

constexpr std::size_t kHeaderSize = 12;
constexpr std::size_t kAdditionalCountAt = 10;
constexpr std::size_t kMaxSecretText = 4096;

enum : std::uint16_t { kBadSignature = 16, kBadKey = 17, kBadTime = 18, kBadTruncation = 22 };

struct AlgorithmRow {
  TsigAlgorithm algorithm;
  std::string_view text;
  const char* digest;
  std::size_t size;
};
constexpr std::array<AlgorithmRow, 4> kAlgorithms = {{{TsigAlgorithm::hmac_sha1, "hmac-sha1", "SHA1", 20},
                                                      {TsigAlgorithm::hmac_sha256, "hmac-sha256", "SHA256", 32},
                                                      {TsigAlgorithm::hmac_sha384, "hmac-sha384", "SHA384", 48},
                                                      {TsigAlgorithm::hmac_sha512, "hmac-sha512", "SHA512", 64}}};

const AlgorithmRow& row_of(TsigAlgorithm algorithm) {
  return kAlgorithms[static_cast<std::size_t>(algorithm)];
}

Name name_of(TsigAlgorithm algorithm) {
  return Name::parse(row_of(algorithm).text).value_or(Name());
}

void put(std::vector<std::uint8_t>& out, std::uint64_t value, unsigned octets) {
  for (unsigned i = octets; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

void put(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> octets) {
  out.insert(out.end(), octets.begin(), octets.end());
}

std::uint64_t to_seconds(WallTime time) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

std::string show_seconds(std::uint64_t seconds) {
  constexpr std::uint64_t kYear2200 = 7'258'118'400;
  if (seconds > kYear2200) return std::to_string(seconds) + " s after 1970";
  return format_time(WallTime(std::chrono::seconds(static_cast<std::int64_t>(seconds))));
}

std::string name_of_error(std::uint16_t error) {
  switch (error) {
    case kBadSignature:
      return "BADSIG";
    case kBadKey:
      return "BADKEY";
    case kBadTime:
      return "BADTIME";
    case kBadTruncation:
      return "BADTRUNC";
    default:
      return "TSIG error " + std::to_string(error);
  }
}

std::uint16_t id_of(std::span<const std::uint8_t> message) {
  return static_cast<std::uint16_t>(message[0] << 8 | message[1]);
}

struct Signature {
  const Name& key;
  const Name& algorithm;
  std::uint64_t time;
  std::uint16_t fudge;
  std::span<const std::uint8_t> mac;  // empty: none
  std::uint16_t error;
  std::span<const std::uint8_t> other;
};

// The TSIG of a whole message, as its last record (section 4.2).
void append(const Signature& signature, std::vector<std::uint8_t>& message) {
  std::vector<std::uint8_t> rdata;
  put(rdata, signature.algorithm.wire());
  put(rdata, signature.time, 6);
  put(rdata, signature.fudge, 2);
  put(rdata, signature.mac.size(), 2);
  put(rdata, signature.mac);
  put(rdata, id_of(message), 2);
  put(rdata, signature.error, 2);
  put(rdata, signature.other.size(), 2);
  put(rdata, signature.other);
  put(message, signature.key.wire());
  put(message, static_cast<std::uint16_t>(RecordType::tsig), 2);
  put(message, static_cast<std::uint16_t>(RecordClass::any), 2);
  put(message, 0, 4);
  put(message, rdata.size(), 2);
  put(message, rdata);
  const unsigned count = static_cast<unsigned>(message[kAdditionalCountAt] << 8 | message[kAdditionalCountAt + 1]) + 1;
  message[kAdditionalCountAt] = static_cast<std::uint8_t>(count >> 8);
  message[kAdditionalCountAt + 1] = static_cast<std::uint8_t>(count);
}

}  // namespace

std::string_view to_text(TsigAlgorithm algorithm) {
  return row_of(algorithm).text;
}

Result<std::vector<std::uint8_t>> parse_tsig_secret(std::string_view base64) {
  const Error wrong{ErrorCode::invalid, "this is no secret in base64"};
  const auto plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  const std::size_t end = std::min(base64.find('='), base64.size());
  const std::size_t padding = base64.size() - end;
  if (base64.size() % 4 != 0 || base64.size() > kMaxSecretText || padding > 2 ||
      !std::all_of(base64.begin(), base64.begin() + static_cast<std::ptrdiff_t>(end), plain) ||
      base64.find_first_not_of('=', end) != std::string_view::npos) {
    return wrong;
  }
  std::vector<std::uint8_t> out(base64.size() / 4 * 3);
  const int size = EVP_DecodeBlock(out.data(), reinterpret_cast<const unsigned char*>(base64.data()),
                                   static_cast<int>(base64.size()));
  if (size < 0) return wrong;
  out.resize(static_cast<std::size_t>(size) - padding);
  if (out.size() < kMinTsigSecret) return wrong;
  return out;
}

// An HMAC under way.
class TsigExchange::Digest {
 public:
  explicit Digest(const TsigKey& key) {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    context_ = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);  // the context keeps it
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(row_of(key.algorithm).digest), 0),
        OSSL_PARAM_construct_end()};
    good_ = EVP_MAC_init(context_, key.secret.data(), key.secret.size(), parameters) == 1;
  }
  ~Digest() { EVP_MAC_CTX_free(context_); }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void update(std::span<const std::uint8_t> octets) {
    good_ = good_ && EVP_MAC_update(context_, octets.data(), octets.size()) == 1;
  }
  // Empty where the library failed: nothing equals that.
  std::vector<std::uint8_t> finish() {
    std::vector<std::uint8_t> out(EVP_MAX_MD_SIZE);
    std::size_t size = 0;
    if (!good_ || EVP_MAC_final(context_, out.data(), &size, out.size()) != 1) size = 0;
    out.resize(size);
    return out;
  }

 private:
  EVP_MAC_CTX* context_ = nullptr;
  bool good_ = false;
};

// The TSIG of a message, its last record.
struct TsigExchange::Found {
  std::size_t start = 0;
  Name key;
  Name algorithm;
  std::uint64_t time = 0;
  std::uint16_t fudge = 0;
  std::span<const std::uint8_t> mac;
  std::uint16_t original_id = 0;
  std::uint16_t error = 0;
  std::span<const std::uint8_t> other;
};

TsigExchange::TsigExchange(TsigKey key, std::string peer) : key_(std::move(key)), peer_(std::move(peer)) {
  begin_digest({});
}

TsigExchange::~TsigExchange() = default;

Error TsigExchange::fault(const std::string& what) const {
  return {ErrorCode::invalid, peer_ + ": TSIG key " + escape_for_display(key_.name.to_text()) + ": " + what};
}

void TsigExchange::begin_digest(std::span<const std::uint8_t> mac_before) {
  digest_ = std::make_unique<Digest>(key_);
  unsigned_ = 0;
  if (mac_before.empty()) return;
  std::vector<std::uint8_t> size;
  put(size, mac_before.size(), 2);
  digest_->update(size);
  digest_->update(mac_before);
}

// The message as it was before it got its TSIG, which stands at `end`.
void TsigExchange::digest_message(std::span<const std::uint8_t> message, std::size_t end, std::uint16_t id) {
  std::array<std::uint8_t, kHeaderSize> header{};
  std::copy_n(message.begin(), kHeaderSize, header.begin());
  header[0] = static_cast<std::uint8_t>(id >> 8);
  header[1] = static_cast<std::uint8_t>(id);
  if (end < message.size()) {
    const unsigned count = static_cast<unsigned>(header[kAdditionalCountAt] << 8 | header[kAdditionalCountAt + 1]) - 1;
    header[kAdditionalCountAt] = static_cast<std::uint8_t>(count >> 8);
    header[kAdditionalCountAt + 1] = static_cast<std::uint8_t>(count);
  }
  digest_->update(header);
  digest_->update(message.subspan(kHeaderSize, end - kHeaderSize));
}

// Section 4.3.3: all variables for the request and what answers it first, only the times for what follows
// (section 5.3.1).
std::vector<std::uint8_t> TsigExchange::close_digest(std::uint64_t time, std::uint16_t fudge, std::uint16_t error,
                                                     std::span<const std::uint8_t> other) {
  std::vector<std::uint8_t> variables;
  const bool only_times = signed_ >= 2;
  if (!only_times) {
    put(variables, key_.name.folded().wire());
    put(variables, static_cast<std::uint16_t>(RecordClass::any), 2);
    put(variables, 0, 4);
    put(variables, name_of(key_.algorithm).wire());
  }
  put(variables, time, 6);
  put(variables, fudge, 2);
  if (!only_times) {
    put(variables, error, 2);
    put(variables, other.size(), 2);
    put(variables, other);
  }
  digest_->update(variables);
  std::vector<std::uint8_t> mac = digest_->finish();
  begin_digest(mac);
  ++signed_;
  return mac;
}

void TsigExchange::sign(std::vector<std::uint8_t>& message, WallTime now) {
  const std::uint64_t time = to_seconds(now);
  digest_message(message, message.size(), id_of(message));
  const std::vector<std::uint8_t> mac = close_digest(time, kTsigFudgeSeconds, 0, {});
  append({key_.name, name_of(key_.algorithm), time, kTsigFudgeSeconds, mac, 0, {}}, message);
}

Rcode TsigExchange::refusal() const {
  if (refused_) return Rcode::notauth;
  return is_malformed_ ? Rcode::formerr : Rcode::refused;
}

void TsigExchange::sign_refusal(std::vector<std::uint8_t>& message, WallTime now) {
  if (!refused_) return;
  const std::uint64_t here = to_seconds(now);
  const bool has_fitted = refused_->error == kBadTime || refused_->error == kBadTruncation;
  if (!has_fitted)
    return append({refused_->key, refused_->algorithm, here, kTsigFudgeSeconds, {}, refused_->error, {}}, message);
  // The request's own time, or who asked could not verify this answer either.
  std::vector<std::uint8_t> other;
  if (refused_->error == kBadTime) put(other, here, 6);
  digest_message(message, message.size(), id_of(message));
  const std::vector<std::uint8_t> mac = close_digest(refused_->time, refused_->fudge, refused_->error, other);
  append({refused_->key, refused_->algorithm, refused_->time, refused_->fudge, mac, refused_->error, other}, message);
}

// The records are walked, not read; nothing where the last of them is no TSIG.
Result<std::optional<TsigExchange::Found>> TsigExchange::find(std::span<const std::uint8_t> message) const {
  const Error malformed = fault("the message is malformed");
  std::array<std::uint8_t, kMaxNameSize> name{};
  Reader reader(message);
  reader.skip(4);
  const std::size_t questions = reader.u16();
  const std::size_t answers = reader.u16();
  const std::size_t authorities = reader.u16();
  const std::size_t additional = reader.u16();
  for (std::size_t i = 0; i < questions && reader.ok(); ++i) {
    (void)reader.name_into(name.data());
    reader.skip(4);
  }
  std::optional<Found> out;
  const std::size_t records = answers + authorities + additional;
  for (std::size_t i = 0; i < records && reader.ok(); ++i) {
    const std::size_t start = reader.position();
    const std::size_t name_size = reader.name_into(name.data());
    const auto type = static_cast<RecordType>(reader.u16());
    const std::uint16_t record_class = reader.u16();
    const std::uint32_t ttl = reader.u32();
    const std::size_t length = reader.u16();
    if (type != RecordType::tsig) {
      reader.skip(length);
      continue;
    }
    const std::size_t end = reader.position() + length;
    const auto key = reader.ok() ? Name::from_wire({name.data(), name_size}) : std::nullopt;
    if (!key || i + 1 != records || additional == 0 || record_class != static_cast<std::uint16_t>(RecordClass::any) ||
        ttl != 0) {
      return malformed;
    }
    Found found;
    found.start = start;
    found.key = *key;
    found.algorithm = reader.name();
    found.time = static_cast<std::uint64_t>(reader.u16()) << 32;
    found.time |= reader.u32();
    found.fudge = reader.u16();
    found.mac = reader.octets(reader.u16());
    found.original_id = reader.u16();
    found.error = reader.u16();
    found.other = reader.octets(reader.u16());
    if (reader.position() != end) return malformed;
    out = found;
  }
  if (!reader.ok() || reader.remaining() != 0) return malformed;
  return out;
}

Error TsigExchange::refuse(std::uint16_t error, const Found& found, const std::string& what) {
  refused_ = Refused{error, found.key, found.algorithm, found.time, found.fudge};
  return fault(name_of_error(error) + ": " + what);
}

// Section 5.2: key, signature, time, truncation, in this order.
Result<void> TsigExchange::check(const Found& found, std::span<const std::uint8_t> computed, WallTime now) {
  const std::size_t size = row_of(key_.algorithm).size;
  const std::size_t compared = std::min(found.mac.size(), computed.size());
  if (found.mac.size() > size || compared < std::max<std::size_t>(10, size / 2) ||
      CRYPTO_memcmp(found.mac.data(), computed.data(), compared) != 0) {
    return refuse(kBadSignature, found, "the signature does not fit; both sides must have the same secret");
  }
  const std::uint64_t here = to_seconds(now);
  const std::uint64_t apart = here > found.time ? here - found.time : found.time - here;
  if (apart > found.fudge) {
    return refuse(kBadTime, found,
                  "it was signed at " + show_seconds(found.time) + " and here it is " + show_seconds(here));
  }
  if (found.mac.size() < size) {
    begin_digest(found.mac);  // what answers is signed over the MAC as it came
    return refuse(
        kBadTruncation, found,
        "a signature of " + std::to_string(found.mac.size()) + " octets, " + std::to_string(size) + " were expected");
  }
  return {};
}

Result<void> TsigExchange::verify(std::span<const std::uint8_t> message, WallTime now) {
  is_malformed_ = true;
  if (message.size() < kHeaderSize) return fault("the message is malformed");
  auto found = find(message);
  if (!found) return found.error();
  is_malformed_ = false;
  if (!*found) {
    if (signed_ < 2) return fault("the message is not signed");
    if (++unsigned_ > kMaxUnsignedMessages) {
      return fault("more than " + std::to_string(kMaxUnsignedMessages) + " messages without a signature");
    }
    digest_->update(message);
    return {};
  }
  const Found& tsig = **found;
  // A server that does not know the key, or cannot check our signature, cannot sign either.
  if (tsig.mac.empty() && tsig.error != 0) {
    return fault("the peer says " + name_of_error(tsig.error) +
                 (tsig.error == kBadSignature ? ": both sides must have the same secret"
                  : tsig.error == kBadKey     ? ": it does not know the key"
                                              : ""));
  }
  if (tsig.key != key_.name || tsig.algorithm != name_of(key_.algorithm)) {
    return refuse(kBadKey, tsig,
                  "it was signed with " + escape_for_display(tsig.key.to_text()) + " and " +
                      escape_for_display(tsig.algorithm.to_text()));
  }
  digest_message(message, tsig.start, tsig.original_id);
  const std::vector<std::uint8_t> computed = close_digest(tsig.time, tsig.fudge, tsig.error, tsig.other);
  if (auto checked = check(tsig, computed, now); !checked) return checked;
  if (tsig.error == 0) return {};
  std::string says = "the peer says " + name_of_error(tsig.error);
  if (tsig.error == kBadTime && tsig.other.size() == 6) {
    std::uint64_t there = 0;
    for (const std::uint8_t octet : tsig.other) there = there << 8 | octet;
    says += ": its clock shows " + show_seconds(there) + ", ours " + show_seconds(to_seconds(now));
  }
  return fault(says);
}

Result<void> TsigExchange::finish() const {
  if (signed_ >= 2 && unsigned_ == 0) return {};
  return fault("the last message is not signed");
}

}  // namespace weir
