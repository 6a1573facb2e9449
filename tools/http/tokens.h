// Who may use the API: bearer tokens with a role, in <store>/tokens.json.
//
// A token is 256 random bits, so its SHA-256 is kept and no slow hash of passwords: nobody guesses the input of that
// hash at any speed. It is shown once, when it is made. Hashes are compared in constant time, all of them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::http {

enum class Role : std::uint8_t { none, analyst, admin };  // each may do what those before it may
std::string_view to_text(Role role);
std::optional<Role> parse_role(std::string_view text);  // "analyst" or "admin"

inline constexpr std::size_t kMaxTokens = 1000;
inline constexpr std::string_view kTokenPrefix = "weir_";  // so that one that leaked somewhere is found by a search

struct Token {
  std::string name;  // who has it: stands in the audit log
  Role role = Role::none;
  WallTime created;
  std::optional<WallTime> until;  // from then on it opens nothing
  std::string last_used;          // "2026-07-06", to the day; empty: never

  bool has_ended(WallTime now) const { return until && *until <= now; }
};

// Any thread.
class Tokens {
 public:
  // A file that is missing means none. One that cannot be read or is damaged opens nothing and is left alone: add() and
  // remove() say so.
  explicit Tokens(std::filesystem::path store);

  // The new token's text. Errors: invalid (the name), exists, too_large, corrupt, io.
  Result<std::string> add(const std::string& name, Role role, std::optional<WallTime> until, WallTime now);
  Result<Token> remove(const std::string& name);  // Errors: not_found, corrupt, io
  std::vector<Token> all() const;
  // Whose it is, unless it has ended. Notes the day of its use.
  std::optional<Token> find(std::string_view text, WallTime now);
  // Why the file cannot be used; empty: it can.
  std::string fault() const;

 private:
  using Hash = std::array<std::uint8_t, 32>;
  struct Entry {
    Token token;
    Hash hash{};
  };
  static Hash hash_of(std::string_view text);
  Result<void> read();
  Result<void> write(const std::vector<Entry>& entries) const;  // with mutex_ held

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
  std::string fault_;
};

}  // namespace weir::http
