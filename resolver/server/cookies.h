// Server cookies (RFC 7873) as RFC 9018 makes them: a client that brings one has been reached at the address that it
// asks from. A secret serves all workers and rolls once a day; several servers behind one address share a fixed one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "resolver/wire/query.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir {

using CookieSecret = std::array<std::uint8_t, 16>;

// 32 hexadecimal digits.
std::optional<CookieSecret> parse_cookie_secret(std::string_view text);

struct CookieKeys {
  CookieSecret current{};
  CookieSecret previous{};  // still good until the next roll
};

// The control thread rolls, any number of threads reads without a lock.
class CookieSecrets {
 public:
  // With `fixed` nothing ever rolls.
  explicit CookieSecrets(std::optional<CookieSecret> fixed = std::nullopt);

  void refresh(SteadyTime now);  // call it each second
  // What `known` holds stays where a roll is under way in this moment.
  void read(CookieKeys& known) const noexcept;

 private:
  void write(const CookieKeys& keys) noexcept;

  const bool fixed_;
  CookieKeys keys_;  // of the control thread
  std::optional<SteadyTime> rolled_;
  std::atomic<std::uint32_t> sequence_{0};  // odd while it is written
  std::array<std::atomic<std::uint64_t>, 4> words_{};
};

enum class CookieState : std::uint8_t {
  none,         // the client sent none
  client_only,  // it knows none of ours yet
  bad,          // ours, but for another address, too old, or made up
  good
};

// One worker's; one thread. Nothing here allocates after the constructor.
class CookieJar {
 public:
  explicit CookieJar(const CookieSecrets& secrets);
  ~CookieJar();
  CookieJar(const CookieJar&) = delete;
  CookieJar& operator=(const CookieJar&) = delete;

  // Judges the cookie of `query` and puts the one that the reply is to carry into it.
  CookieState check(Query& query, const IpAddress& client, WallTime now) noexcept;

 private:
  struct Hash;
  std::array<std::uint8_t, 8> hash_of(std::span<const std::uint8_t> beginning, const IpAddress& client,
                                      const CookieSecret& secret) noexcept;

  const CookieSecrets& secrets_;
  CookieKeys keys_;
  std::unique_ptr<Hash> hash_;
};

}  // namespace weir
