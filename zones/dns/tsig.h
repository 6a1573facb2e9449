// TSIG (RFC 8945): messages signed with a secret that both sides know.
//
// Pure: the time is an argument. ldns has TSIG too, but knows no hmac-sha384 and wants every message of a transfer to
// be signed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

enum class TsigAlgorithm : std::uint8_t { hmac_sha1, hmac_sha256, hmac_sha384, hmac_sha512 };
std::string_view to_text(TsigAlgorithm algorithm);  // "hmac-sha256"

struct TsigKey {
  Name name;
  TsigAlgorithm algorithm = TsigAlgorithm::hmac_sha256;
  std::vector<std::uint8_t> secret;
};

inline constexpr std::uint16_t kTsigFudgeSeconds = 300;  // RFC 8945 section 10
inline constexpr unsigned kMaxUnsignedMessages = 99;     // between two signed ones of a transfer (section 5.3.1)
inline constexpr std::size_t kMinTsigSecret = 8;         // octets; fewer are a slip of the pen

// Base64 of at least kMinTsigSecret octets. The error does not show it.
Result<std::vector<std::uint8_t>> parse_tsig_secret(std::string_view base64);

// One request and all that answers it, on either side: each message is signed over those before it.
class TsigExchange {
 public:
  // `peer` is for messages.
  TsigExchange(TsigKey key, std::string peer);
  ~TsigExchange();
  TsigExchange(const TsigExchange&) = delete;
  TsigExchange& operator=(const TsigExchange&) = delete;

  // Adds a TSIG to a whole message: the next of this exchange that we send.
  void sign(std::vector<std::uint8_t>& message, WallTime now);

  // Behind verify() that refused a request: the RCODE of what answers it (section 5.2), and what that answer must have
  // (section 5.3.2): a TSIG with the error and no signature where the key or the signature does not fit, a signed one
  // with our time where the clocks differ, none where the request had none that could be read.
  Rcode refusal() const;
  void sign_refusal(std::vector<std::uint8_t>& message, WallTime now);

  // Checks the next message that came: the first must be signed, later ones at least once in
  // kMaxUnsignedMessages + 1. Errors (invalid) name the peer, the key and what is wrong: BADSIG, BADKEY, BADTIME,
  // BADTRUNC, ours or as the peer says it. After one the exchange is over.
  Result<void> verify(std::span<const std::uint8_t> message, WallTime now);

  // No more will come: the last message must have been signed.
  Result<void> finish() const;

 private:
  class Digest;
  struct Found;

  Result<std::optional<Found>> find(std::span<const std::uint8_t> message) const;
  Result<void> check(const Found& found, std::span<const std::uint8_t> computed, WallTime now);
  Error refuse(std::uint16_t error, const Found& found, const std::string& what);
  void digest_message(std::span<const std::uint8_t> message, std::size_t end, std::uint16_t id);
  std::vector<std::uint8_t> close_digest(std::uint64_t time, std::uint16_t fudge, std::uint16_t error,
                                         std::span<const std::uint8_t> other);
  // What a request was refused for, as its answer repeats it.
  struct Refused {
    std::uint16_t error = 0;
    Name key;
    Name algorithm;
    std::uint64_t time = 0;
    std::uint16_t fudge = 0;
  };
  void begin_digest(std::span<const std::uint8_t> mac_before);
  Error fault(const std::string& what) const;

  const TsigKey key_;
  const std::string peer_;
  std::unique_ptr<Digest> digest_;  // over what came since the last signed message
  unsigned signed_ = 0;             // messages of the exchange so far
  unsigned unsigned_ = 0;           // since the last signed one
  bool is_malformed_ = false;       // the last message was no message, or its TSIG none
  std::optional<Refused> refused_;
};

}  // namespace weir
