// Reads a list as a stream of rules and accounts for every line.
//
// The file is read in blocks, never whole; an overlong line is counted and skipped without being held. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "zones/base/result.h"
#include "zones/lists/line.h"
#include "zones/lists/rule_set.h"

namespace weir {

struct ListOptions {
  ListKind kind = ListKind::block;
  NameMatch match = NameMatch::automatic;
  std::string dialect = "auto";  // or the name of one: other dialects' lines are then wrong_dialect
  bool rewrites = false;
  bool own_actions = false;
  bool private_addresses = false;
  std::string file_name;  // as the publisher calls it: a hint for match = auto, and for messages
  std::size_t max_line_size = 64 * 1024;
  std::uint64_t max_lines = 200'000'000;
  std::size_t max_rules = kMaxListRules;
  std::size_t max_samples = 100;  // that are kept of each bucket
};

Error too_many_rules(const std::filesystem::path& file, const ListOptions& options);

struct LineSample {
  std::uint64_t line = 0;
  unsigned column = 0;
  std::string reason;
  std::string text;  // escaped, at most 120 octets
};

// What the patterns of a list cost: each is tried on the names at and below its literal suffix.
struct PatternCost {
  std::uint64_t globs = 0;
  std::uint64_t regexes = 0;
  std::uint64_t program = 0;         // instructions of all regular expressions
  std::uint64_t on_every_query = 0;  // filed under the root
};

struct ListSummary {
  std::uint64_t lines = 0;
  std::uint64_t rules = 0;
  std::string dialect;                                  // the most frequent one; "" where there is none
  std::array<std::uint64_t, kDialectCount> dialects{};  // lines of each that became rules
  std::array<std::uint64_t, kBucketCount> buckets{};    // they sum to `lines`
  std::size_t max_samples = 100;
  std::array<std::vector<LineSample>, kBucketCount> samples;  // the first of each bucket that skips
  std::vector<std::string> notes;                             // what an administrator should know
  bool bare_is_subtree = false;                               // what match = auto came to
  PatternCost patterns;

  std::optional<std::uint32_t> serial;  // of a response policy zone's SOA
  std::optional<ResourceRecord> soa;    // that one

  // `line` came of `lines_of_it` lines of the file, of which `number` is the first; `text` is shown as a sample.
  void account(const Line& line, std::uint64_t number, std::string_view text, std::uint64_t lines_of_it = 1);
  // Whether most of `content` lines were not understood.
  bool is_no_list(std::uint64_t content) const;
  // Then why, with the commonest reasons; else "".
  std::string why_no_list(std::uint64_t content) const;
  std::uint64_t not_understood() const;  // lines
  std::uint64_t count(Bucket bucket) const { return buckets[static_cast<std::size_t>(bucket)]; }
  // {"lines": N, "rules": N, "serial": N, "dialect": "hosts", "dialects": {...}, "buckets": {"rule": N, "comment": N,
  // ...},
  //  "patterns": {"globs", "regexes", "program", "on_every_query"}, "notes": [...], "samples": {"invalid_name":
  //  [{"line", "column", "reason", "text", "text_unicode": where U-labels say more}]}}
  std::string to_json(bool with_samples) const;
};

class ListReader {
 public:
  // Looks at the beginning of the file: dialect, markup, binary. Errors (invalid): a served error page, NUL octets,
  // an empty file, an unknown dialect; not_found, permission, io.
  static Result<std::unique_ptr<ListReader>> open(const std::filesystem::path& file, const ListOptions& options);
  virtual ~ListReader() = default;

  // The next rule with its line; nothing at the end, or after a fault (then finish() tells).
  virtual std::optional<SourcedRule> next() = 0;

  // After the end: whether the file as a whole is a list of this kind. Errors (invalid) when it holds addresses where
  // names are wanted or the other way round, when most of it is no list that weir knows, when it has no rule at all;
  // (too_large) over max_lines or max_rules; (io) a read that failed. Then nothing of it may be imported.
  virtual Result<void> finish() = 0;

  // Complete after the end; before it, so far.
  virtual const ListSummary& summary() const = 0;
  virtual std::uint64_t bytes_read() const = 0;
};

}  // namespace weir
