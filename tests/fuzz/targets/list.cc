// Lists of every dialect, response policy zones among them: every line ends in one bucket, and what a rule holds is
// what the rest of weir may rely on.
#include <re2/re2.h>

#include <fstream>

#include "tests/fuzz/fuzz.h"
#include "tests/support/scratch_folder.h"
#include "zones/lists/list_reader.h"
#include "zones/lists/rule_set.h"
#include "zones/name_pattern.h"

namespace weir::fuzz {
namespace {

// LF, CRLF and CR end a line; a last line needs no end.
std::uint64_t lines_in(std::string_view text) {
  std::uint64_t lines = 0;
  bool open = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n' && at > 0 && text[at - 1] == '\r') continue;
    const bool ends = text[at] == '\n' || text[at] == '\r';
    lines += ends ? 1 : 0;
    open = !ends;
  }
  return lines + (open ? 1 : 0);
}

void check_pattern(const Rule& rule) {
  require(!rule.pattern.empty(), "a pattern without text");
  if (rule.kind == PatternKind::glob) {
    require(rule.name == glob_suffix(rule.pattern), "a glob filed elsewhere than under its suffix");
    return;
  }
  require(rule.pattern.size() <= kMaxRegexSize, "an expression over its limit");
  require(compile_name_regex(rule.pattern)->ok(), "an expression that does not compile");
  require(rule.name == regex_suffix(rule.pattern), "an expression filed elsewhere than under its suffix");
}

void check_rule(const Rule& rule, const ListOptions& options) {
  require(rule.name.wire().size() <= kMaxNameSize, "size of a name");
  for (const std::uint8_t octet : rule.name.wire()) require(octet == fold(octet), "a name in upper case");
  switch (rule.kind) {
    case PatternKind::glob:
    case PatternKind::regex:
      check_pattern(rule);
      break;
    case PatternKind::address:
    case PatternKind::ns_address:
    case PatternKind::client:
      require(Prefix::of(rule.prefix.address, rule.prefix.length) == rule.prefix, "host bits in a prefix");
      break;
    case PatternKind::ns_name:
      require(rule.pattern.empty() || rule.pattern == "*", "the pattern of a name server's name");
      break;
    default:
      require(rule.pattern.empty(), "a name with a pattern");
  }
  const bool trusted = options.rewrites || options.kind == ListKind::rpz;
  require(trusted || (rule.action != Action::address && rule.action != Action::cname && rule.action != Action::answer),
          "an answer out of a list that is not trusted with any");
  require(options.kind != ListKind::allow || rule.action == Action::allow, "an allow list that blocks");
  require(rule.detail.conditions.clients.empty() && rule.detail.conditions.groups.empty(), "a list that knows clients");
  if (rule.exception && rule.action != Action::allow) return;
  require((rule.action == Action::answer) == !rule.detail.records.empty(), "an answer without records");
  require((rule.action == Action::cname) == rule.detail.target.has_value(), "an alias without a target");
  require((rule.action == Action::address) == !rule.detail.addresses.empty(), "an address without one");
}

}  // namespace

// First octet: kind, match, rewrites and actions; second: the dialect that is declared, if any.
WEIR_FUZZ_TARGET(list) {
  Input in(input);
  const std::uint8_t choices = in.u8();
  constexpr const char* kDialects[] = {"auto",    "hosts",   "domains",   "adblock",
                                       "dnsmasq", "unbound", "addresses", "auto"};
  ListOptions options;
  options.kind = static_cast<ListKind>(choices & 3);
  options.match = static_cast<NameMatch>((choices >> 2 & 3) % 3);
  options.rewrites = (choices & 16) != 0;
  options.own_actions = (choices & 32) != 0;
  options.max_line_size = (choices & 64) != 0 ? 40 : 64 * 1024;
  const std::uint8_t dialect = in.u8();
  if (options.kind != ListKind::rpz) options.dialect = kDialects[dialect % 8];
  const std::string_view text = text_of(in.rest());

  static const test::ScratchFolder folder;
  const std::string file = folder / "list";
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
  const auto reader = ListReader::open(file, options);
  if (!reader) {
    require(reader.error().message.starts_with(file + ":"), "an error without its place");
    return;
  }
  RuleHashes seen;
  std::uint64_t rules = 0;
  std::uint64_t last_line = 0;
  while (const auto rule = (*reader)->next()) {
    ++rules;
    require(rule->line >= last_line && rule->line > 0, "lines in their order");
    last_line = rule->line;
    check_rule(rule->rule, options);
    require(seen.insert(hash_rule(rule->rule)), "a rule twice");
  }
  const auto finished = (*reader)->finish();
  require(finished || finished.error().message.starts_with(file + ":"), "an error without its file");
  const ListSummary& summary = (*reader)->summary();
  require(summary.lines == lines_in(text), "the number of lines");
  require(summary.rules == rules, "the number of rules");
  std::uint64_t sum = 0;
  for (const std::uint64_t count : summary.buckets) sum += count;
  require(sum == summary.lines, "buckets that do not sum to the lines");
  require((rules > 0) == (summary.count(Bucket::rule) > 0), "a rule without a line");
  for (const auto& samples : summary.samples) {
    require(samples.size() <= 100, "more samples than are kept");
    for (const LineSample& sample : samples) {
      require(sample.line > 0 && sample.line <= summary.lines && sample.column > 0 && !sample.reason.empty(),
              "a sample without its place");
    }
  }
  require(!summary.to_json(true).empty(), "a summary as JSON");
}

}  // namespace weir::fuzz
