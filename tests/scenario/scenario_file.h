// A scenario as a file holds it: Unbound's dialect (testbound) and Deckard's, which is nearly a subset of it.
//
//   configuration lines, CONFIG_END, SCENARIO_BEGIN title, RANGE_BEGIN from to ... RANGE_END, STEP n TYPE ...,
//   SCENARIO_END
//
// Plain data: nothing here says what a line means for a resolver (settings.h) or when it happens (runner.h). The parser
// takes any octets: it does not recurse, and sizes are capped (kMax...).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenario/record_text.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/dns/message.h"

namespace weir::scenario {

inline constexpr std::size_t kMaxScenarioSize = 8U << 20;
inline constexpr std::size_t kMaxLineSize = 64U << 10;
inline constexpr std::size_t kMaxSteps = 50'000;
inline constexpr std::size_t kMaxRecords = 200'000;
inline constexpr std::uint32_t kMaxStepNumber = 1'000'000'000;
inline constexpr std::size_t kMaxMessageSize = 65'535;

// "key: value". Words are without their quotes.
struct ConfigLine {
  unsigned line = 0;
  std::string key;
  std::vector<std::string> words;

  std::string value() const;  // the words with a space between them
};

// `server:`, `stub-zone:`, ... and its lines. Lines before the first header belong to a block "server", as Deckard
// writes them.
struct ConfigBlock {
  unsigned line = 0;
  std::string kind;
  std::vector<ConfigLine> lines;
};

enum class MessageTransport : std::uint8_t { udp, tcp };

// What must be equal between an entry and a message.
struct Matching {
  bool opcode = false, qtype = false, qname = false, qcase = false, subdomain = false;
  bool rcode = false, flags = false;
  bool question = false, answer = false, authority = false, additional = false;
  bool all = false, all_without_edns = false;
  bool ttl = false;
  bool dnssec_ok = false, no_edns = false, nsid = false, edns_data = false;
  bool client_cookie = false, server_cookie = false;
  bool any_ede = false;
  std::optional<std::uint16_t> ede;
  std::optional<std::uint32_t> serial;  // of the SOA in an IXFR's authority section
  std::optional<MessageTransport> transport;
};

struct Adjusting {
  bool copy_id = false, copy_query = false, do_not_answer = false, raw_id = false;
  bool copy_cookie = false;            // our own: the client's part of a cookie is the query's (RFC 7873 section 5.2)
  std::chrono::milliseconds delay{0};  // sleep=, packet_sleep=
};

// The REPLY line.
struct EntryHeader {
  Opcode opcode = Opcode::query;
  std::optional<Rcode> rcode;
  MessageFlags flags;
  bool dnssec_ok = false;
};

// One message of an entry; EXTRA_PACKET begins a further one.
struct EntryMessage {
  std::vector<Record> question;  // without TTL and RDATA
  std::vector<Record> answer, authority, additional;
  std::optional<std::vector<std::uint8_t>> edns_options;  // HEX_EDNSDATA: options as they stand in OPT's RDATA
  std::optional<std::vector<std::uint8_t>> octets;        // HEX_ANSWER or RAW: the message as it is
};

struct Entry {
  unsigned line = 0;
  Matching match;
  Adjusting adjust;
  EntryHeader header;
  std::vector<EntryMessage> messages;  // one at least
  bool raw = false;                    // RAW: octets that need not be DNS (Deckard)
  bool mandatory = false;              // must have answered something by the end (Deckard)

  const EntryMessage& first() const { return messages.front(); }
};

struct Range {
  unsigned line = 0;
  std::uint32_t from = 0, to = 0;
  std::vector<IpAddress> addresses;  // none: any
  std::vector<Entry> entries;
};

enum class StepKind : std::uint8_t {
  query,
  check_answer,
  check_out_query,
  reply,
  timeout,
  error,
  time_passes,
  traffic,
  nothing,
  assign,
  flush_message,
  expire_message,
  infra_rtt,        // Unbound's own cache of servers
  check_autotrust,  // contents of a file that the resolver has written
  check_tempfile
};

struct Step {
  unsigned line = 0;
  std::uint32_t number = 0;
  StepKind kind = StepKind::nothing;
  std::optional<IpAddress> address;
  std::optional<Entry> entry;
  std::vector<std::string> words;  // further arguments: ELAPSE 10; v = expr; name type class
};

struct Scenario {
  std::string file;
  std::string title;
  std::vector<ConfigBlock> config;
  std::map<std::string, std::string> files;  // TEMPFILE_CONTENTS and AUTOTRUST_FILE by name
  std::vector<Range> ranges;
  std::vector<Step> steps;
};

std::string_view to_text(StepKind kind);

// `file` names it in errors. Errors: invalid with file:line and what was expected; too_large.
Result<Scenario> parse_scenario(std::string_view text, const std::string& file);
Result<Scenario> read_scenario(const std::string& path);  // errors also: not_found

}  // namespace weir::scenario
