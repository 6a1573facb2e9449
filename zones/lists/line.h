// What became of one line of a list: exactly one bucket, and the rules that came of it (SEMANTICS section 1).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zones/policy.h"
#include "zones/rule.h"

namespace weir {

struct UnboundZones;

enum class Bucket : std::uint8_t {
  rule,  // at least one rule came of it
  blank,
  comment,
  header,
  local_name,        // localhost and its kind
  duplicate,         // said before in this list, or cancelled by $badfilter
  cosmetic,          // hides elements of pages
  browser_modifier,  // means something in a browser only
  unknown_modifier,
  client_modifier,  // $client, $ctag in a subscribed list
  url_path,
  invalid_name,
  invalid_address,
  invalid_text,  // not UTF-8, control characters
  overlong,
  not_a_filter_directive,
  unsupported_pattern,
  wrong_dialect,  // another dialect than the declared one
  out_of_zone,
  unsupported_rpz,
  untrusted_rewrite,  // answers with an address, in a list without rewrites = true
  quarantined
};
inline constexpr std::size_t kBucketCount = 22;
std::string_view to_text(Bucket bucket);

enum class Dialect : std::uint8_t { hosts, domains, wildcard, adblock, dnsmasq, unbound, addresses, rpz };
inline constexpr std::size_t kDialectCount = 8;
std::string_view to_text(Dialect dialect);

// How the lines of one list are read.
struct LineOptions {
  ListKind kind = ListKind::block;
  bool rewrites = false;             // addresses in rules are trusted as answers
  bool own_actions = false;          // unbound's zone types keep their meaning; else Action::block
  bool private_addresses = false;    // address lists may hold private and loopback space
  bool bare_is_subtree = false;      // what `name` alone means
  bool wildcard_is_subtree = false;  // what `*.name` alone means (adblock's ||*.name^ is always "below")
  const UnboundZones* unbound = nullptr;
  bool local = false;  // a rule of the administrator's own: it may name clients
};

// One line as read. Reused from line to line.
struct Line {
  Bucket bucket = Bucket::blank;
  unsigned column = 1;  // of what the reason is about, from 1
  std::string reason;   // for every bucket but rule, blank, comment
  std::vector<Rule> rules;
  bool cancels = false;     // $badfilter: the rules are those to remove
  std::size_t program = 0;  // instructions of its regular expressions
  // Regular expressions that were compiled for lines so far, good or not: reset() leaves it.
  std::size_t regexes_tried = 0;

  void reset() {
    bucket = Bucket::blank;
    column = 1;
    reason.clear();
    rules.clear();
    cancels = false;
    program = 0;
  }
  // The line ends here, without rules.
  void end(Bucket where, std::size_t at_column, std::string_view why) {
    bucket = where;
    column = static_cast<unsigned>(at_column);
    reason = why;
    rules.clear();
  }
};

// One function a dialect, one file each. `text` has no line end, is valid UTF-8 without control characters but tab,
// is trimmed and is neither empty nor a comment. They fill bucket, reason and rules.
void parse_hosts_line(std::string_view text, const LineOptions& options, Line& line);
void parse_domain_line(std::string_view text, const LineOptions& options, Line& line);  // plain names and wildcards
void parse_name_line(std::string_view text, const LineOptions& options, Line& line);    // a name, or `.name`, alone
void parse_adblock_line(std::string_view text, const LineOptions& options, Line& line);
void parse_dnsmasq_line(std::string_view text, const LineOptions& options, Line& line);
void parse_unbound_line(std::string_view text, const LineOptions& options, Line& line);
void parse_address_line(std::string_view text, const LineOptions& options, Line& line);

}  // namespace weir
