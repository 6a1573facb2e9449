// What all readers share: names for lists and groups, values as TOML, durations, upstream servers, and names as rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/migrate/migration.h"
#include "zones/dns/name.h"

namespace weir::migrate {

std::string toml_number(std::uint64_t number);
std::string toml_flag(bool value);
std::string toml_set(const std::vector<std::string>& texts);  // an array, each of them once
std::string toml_seconds(std::uint64_t seconds);              // "30s" as a duration

// What people called a thing -> what weir lets a list, a policy or a group be called. `taken` grows by the result,
// which is not in it before.
std::string config_name(std::string_view wanted, std::string_view fallback, std::vector<std::string>& taken);

// The last part of a URL or a path that says something: "hosts.txt" of "https://example.org/lists/hosts.txt".
std::string name_of_source(std::string_view source);

// Whether weir can fetch it: an http or https URL, or an absolute path. Otherwise why not.
std::optional<std::string> objection_to_source(std::string_view source);

std::vector<std::string> split(std::string_view text, char separator);  // trimmed, without empty ones
bool is_true(std::string_view text);                                    // true, yes, on, 1 in any case

// `name` as the pattern of an adblock line: "|name^" or "||name^". Empty where it is no name.
enum class Reach : std::uint8_t { exact, subtree, below };
std::string pattern_of(std::string_view name, Reach reach);

// "60", "60s", "1h30m", "1.5h" as Go writes durations; a number alone has `unit_seconds`.
std::optional<double> parse_seconds(std::string_view text, double unit_seconds);

// A server to forward to, as [[forward]] takes it, or why it cannot be taken (a host name, another protocol).
struct Server {
  std::string text;
  std::string objection;
};
Server parse_upstream(std::string_view text, char port_separator);

// Sets a key that holds a bounded number of seconds; says so where it had to be changed. A TOML duration, or, for
// [[policy]] ttl, a number.
void set_seconds(Migration& out, const std::string& section, const std::string& key, double seconds, std::uint64_t min,
                 std::uint64_t max, RowId row);
void set_block_ttl(Migration& out, const std::string& policy, double seconds, RowId row);

// "name TTL A 192.0.2.1"; nothing where one of both is not what it should be.
std::optional<std::string> address_record(std::string_view name, std::string_view address,
                                          std::optional<std::uint64_t> ttl);
std::optional<std::string> alias_record(std::string_view name, std::string_view target,
                                        std::optional<std::uint64_t> ttl);

// An address, a prefix, or an address with a prefix length and host bits, as TOML in the form that weir takes.
std::optional<std::string> client_prefix(std::string_view text);

// The zones under which the reverse names of `prefix` lie ("2.0.192.in-addr.arpa"); none where its length cuts a label.
std::vector<std::string> reverse_zones(std::string_view prefix);

// Where forwarding to `servers` would leave none: so that the row says what happens instead.
inline constexpr std::string_view kResolvesItself =
    "weir resolves from the root itself where no server is given to forward to";

}  // namespace weir::migrate
