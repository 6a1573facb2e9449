#include "zones/lists/list_reader.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "zones/base/text.h"
#include "zones/base/thread_rank.h"
#include "zones/lists/detect.h"
#include "zones/lists/line_source.h"
#include "zones/lists/pattern.h"
#include "zones/lists/rpz_reader.h"
#include "zones/lists/rule_set.h"
#include "zones/lists/unbound.h"

namespace weir {
namespace {

constexpr std::size_t kBlockSize = 1 << 18;
constexpr std::size_t kBeginning = 64 * 1024;  // looked at before the first line is read
constexpr std::size_t kBinaryWindow = 4096;    // a NUL here: no text
constexpr unsigned kSurveyedLines = 400;

LineOptions line_options_of(const ListOptions& options, const Survey& survey) {
  LineOptions out;
  out.kind = options.kind;
  out.rewrites = options.rewrites;
  out.own_actions = options.own_actions;
  out.private_addresses = options.private_addresses;
  const bool automatic = options.match == NameMatch::automatic;
  const bool hinted = automatic && (survey.says_subtree || says_subtree(options.file_name));
  out.bare_is_subtree = options.match == NameMatch::subtree || hinted;
  out.wildcard_is_subtree = out.bare_is_subtree || (automatic && survey.mostly_wildcards());
  return out;
}

// What lines say of lines that may stand before them, so it is read first.
struct Foreknowledge {
  RuleHashes cancelled;  // the rules that `$badfilter` lines name
  UnboundZones unbound;

  std::size_t size() const { return cancelled.size() + unbound.redirected.size() + unbound.answered.size(); }
};

// Whether its `$denyallow` covers all that it could match.
bool never_matches(const Rule& rule) {
  const auto& subtrees = rule.detail.conditions.deny_allow;
  return std::any_of(subtrees.begin(), subtrees.end(),
                     [&](const Name& subtree) { return rule.name.is_at_or_below(subtree); });
}

class Reader final : public ListReader {
 public:
  Reader(std::filesystem::path file, ListOptions options, LineSource source, const Survey& survey,
         std::optional<Dialect> declared, Foreknowledge known)
      : file_(std::move(file)),
        options_(std::move(options)),
        source_(std::move(source)),
        declared_(declared),
        known_(std::move(known)),
        adblock_(declared ? *declared == Dialect::adblock : survey.mostly_adblock()),
        line_options_(line_options_of(options_, survey)) {
    line_options_.unbound = &known_.unbound;
    summary_.bare_is_subtree = line_options_.bare_is_subtree;
    summary_.max_samples = options_.max_samples;
  }

  std::optional<SourcedRule> next() override {
    while (next_pending_ == pending_.size()) {
      pending_.clear();
      next_pending_ = 0;
      if (!read_line()) return std::nullopt;
    }
    return SourcedRule{std::move(pending_[next_pending_++]), pending_line_};
  }

  Result<void> finish() override;
  const ListSummary& summary() const override { return summary_; }
  std::uint64_t bytes_read() const override { return source_.bytes(); }

 private:
  // A line that is parsed, and not yet compared with those before it.
  struct Held {
    std::uint64_t number = 0;  // from 1; 0: none
    std::string text;
    Line line;
    Dialect dialect = Dialect::domains;
    std::vector<std::uint64_t> hashes;  // of its rules
  };
  bool read_line();
  bool parse_next(Held& held);
  void stop(Error why) {
    ended_ = true;
    fault_ = std::move(why);
  }
  void parse(Held& held);
  void keep_rules(Held& held);
  std::size_t most_globs(const Line& line) const;
  void add_cost(const Rule& rule, const Held& held);
  void add_notes();
  void note_patterns();
  Error refused(const std::string& why) const { return {ErrorCode::invalid, file_.string() + ": " + why}; }

  std::filesystem::path file_;
  ListOptions options_;
  LineSource source_;
  std::optional<Dialect> declared_;
  Foreknowledge known_;
  bool adblock_;
  LineOptions line_options_;
  ListSummary summary_;
  std::array<Held, 2> held_;
  std::size_t newest_ = 0;  // of them
  // Of one line: those from next_pending_ on are still to be given.
  std::vector<Rule> pending_;
  std::size_t next_pending_ = 0;
  std::uint64_t pending_line_ = 0;
  RuleHashes seen_;
  EnumerationProof proof_;
  std::array<std::uint64_t, kDialectCount> wrong_kind_{};  // lines of a kind that this list cannot hold
  std::uint64_t dead_rules_ = 0;                           // that can never match
  std::uint64_t first_dead_rule_ = 0;
  std::uint64_t plain_regexes_ = 0;  // regular expressions that say what a name says
  std::uint64_t first_plain_regex_ = 0;
  bool ended_ = false;
  std::optional<Error> fault_;
};

// Parses a line, then compares the one before it with all others: what that looks at has come from the memory
// meanwhile.
bool Reader::read_line() {
  if (ended_) return false;
  Held& before = held_[newest_];
  newest_ = 1 - newest_;
  Held& next = held_[newest_];
  next.line.regexes_tried = before.line.regexes_tried;
  const bool is_read = parse_next(next);
  if (before.number != 0) {
    if (before.line.bucket == Bucket::rule) keep_rules(before);
    summary_.account(before.line, before.number, before.text);
    before.number = 0;
  }
  if (is_read) return true;
  if (!ended_) {
    ended_ = true;
    add_notes();
  }
  return !pending_.empty();
}

// False: there is none, or the reading stops.
bool Reader::parse_next(Held& held) {
  std::string_view text;
  const LineSource::Got got = source_.next(text);
  if (got == LineSource::Got::end || got == LineSource::Got::failed) {
    if (got == LineSource::Got::failed) fault_ = list_file_error(file_, source_.fault());
    return false;
  }
  if (summary_.lines == options_.max_lines) {
    stop({ErrorCode::too_large, file_.string() + ": more than " + std::to_string(options_.max_lines) + " lines"});
    return false;
  }
  give_way();
  held.number = ++summary_.lines;
  held.text.clear();
  held.line.reset();
  held.hashes.clear();
  if (got == LineSource::Got::overlong) {
    held.line.end(Bucket::overlong, options_.max_line_size,
                  "longer than " + std::to_string(options_.max_line_size) + " octets");
    return true;
  }
  if (summary_.lines == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text = trim(text);
  held.text.assign(text);
  parse(held);
  if (held.line.bucket != Bucket::rule) return true;
  for (const Rule& rule : held.line.rules) {
    held.hashes.push_back(hash_rule(rule));
    seen_.expect(held.hashes.back());
  }
  return true;
}

void Reader::parse(Held& held) {
  const std::string_view text = held.text;
  Line& line = held.line;
  Dialect& dialect = held.dialect;
  if (text.empty()) return;
  const bool is_name = is_plain_name(text);
  if (!is_name) {
    if (!is_line_text(text)) return line.end(Bucket::invalid_text, 1, "not UTF-8 text, or with control characters");
    switch (classify(text, adblock_)) {
      case LineClass::comment:
        line.bucket = Bucket::comment;
        return;
      case LineClass::header:
        line.bucket = Bucket::header;
        return;
      case LineClass::rule:
        break;
    }
  }
  dialect = is_name ? Dialect::domains : dialect_of(text);
  // Between adblock's lines a pattern is read as theirs: it may begin anywhere in a name.
  const bool starred = !is_name && text.find('*') != std::string_view::npos;
  if (adblock_ && dialect == Dialect::domains && starred) dialect = Dialect::adblock;
  const bool plain = dialect == Dialect::domains || dialect == Dialect::wildcard;
  const bool fits_declared = !declared_ || *declared_ == dialect ||
                             (plain && (*declared_ == Dialect::domains || *declared_ == Dialect::wildcard));
  if (!fits_declared) {
    return line.end(Bucket::wrong_dialect, 1,
                    "looks like " + std::string(to_text(dialect)) + ", the list is declared " + options_.dialect);
  }
  const bool wants_addresses = options_.kind == ListKind::address;
  if (wants_addresses != (dialect == Dialect::addresses) && dialect != Dialect::rpz) {
    ++wrong_kind_[static_cast<std::size_t>(dialect)];
    return wants_addresses ? line.end(Bucket::invalid_address, 1, "a name where an address was expected")
                           : line.end(Bucket::invalid_name, 1, "an address where a name was expected");
  }
  switch (dialect) {
    case Dialect::hosts:
      parse_hosts_line(text, line_options_, line);
      break;
    case Dialect::domains:
    case Dialect::wildcard:
      if (is_name) {
        parse_name_line(text, line_options_, line);
      } else {
        parse_domain_line(text, line_options_, line);
      }
      break;
    case Dialect::adblock:
      parse_adblock_line(text, line_options_, line);
      break;
    case Dialect::dnsmasq:
      parse_dnsmasq_line(text, line_options_, line);
      break;
    case Dialect::unbound:
      parse_unbound_line(text, line_options_, line);
      break;
    case Dialect::addresses:
      parse_address_line(text, line_options_, line);
      break;
    case Dialect::rpz:
      ++wrong_kind_[static_cast<std::size_t>(dialect)];
      line.end(Bucket::unsupported_rpz, 1, "a record of a response policy zone: a list of kind rpz reads it");
      break;
  }
}

// Drops what was said before or is cancelled; the line stays a rule when something is left.
void Reader::keep_rules(Held& held) {
  Line& line = held.line;
  if (summary_.patterns.regexes >= kMaxRegexRules && line.program > 0) {
    return line.end(Bucket::unsupported_pattern, 1,
                    "a regular expression after " + std::to_string(kMaxRegexRules) + " others: no list may have more");
  }
  if (const std::size_t most = most_globs(line); most > 0) {
    return line.end(Bucket::unsupported_pattern, 1,
                    "a glob after " + std::to_string(most) + " others of its kind: no list may have more");
  }
  if (line.cancels) return line.end(Bucket::duplicate, 1, "$badfilter: cancels the identical rule of this list");
  bool cancelled = false;
  for (std::size_t i = 0; i < line.rules.size(); ++i) {
    Rule& rule = line.rules[i];
    const std::uint64_t hash = held.hashes[i];
    if (known_.cancelled.contains(hash)) {
      cancelled = true;
      continue;
    }
    if (!seen_.insert(hash)) continue;
    if (seen_.size() + known_.size() > options_.max_rules) return stop(too_many_rules(file_, options_));
    if (never_matches(rule) && dead_rules_++ == 0) first_dead_rule_ = held.number;
    if (!rule.pattern.empty()) {
      add_cost(rule, held);
    } else if (held.dialect == Dialect::domains && !line_options_.bare_is_subtree) {
      proof_.add(rule);
    }
    pending_.push_back(std::move(rule));
  }
  pending_line_ = held.number;
  const std::size_t kept = pending_.size();
  summary_.rules += kept;
  if (kept == 0)
    return line.end(Bucket::duplicate, 1, cancelled ? "cancelled by $badfilter" : "said before in this list");
  ++summary_.dialects[static_cast<std::size_t>(held.dialect)];
}

// The limit that a glob of this line would pass; 0: none.
std::size_t Reader::most_globs(const Line& line) const {
  for (const Rule& rule : line.rules) {
    if (rule.kind != PatternKind::glob) continue;
    if (summary_.patterns.globs >= kMaxGlobRules) return kMaxGlobRules;
    if (rule.name.is_root() && summary_.patterns.on_every_query >= kMaxUnfiledPatterns) return kMaxUnfiledPatterns;
  }
  return 0;
}

void Reader::add_cost(const Rule& rule, const Held& held) {
  PatternCost& cost = summary_.patterns;
  if (rule.kind == PatternKind::regex) {
    ++cost.regexes;
    cost.program += held.line.program;
    if (plain_meaning(rule.pattern) && plain_regexes_++ == 0) first_plain_regex_ = held.number;
  } else {
    ++cost.globs;
  }
  if (rule.name.is_root()) ++cost.on_every_query;
}

void Reader::add_notes() {
  const auto most = std::max_element(summary_.dialects.begin(), summary_.dialects.end());
  if (*most > 0) summary_.dialect = to_text(static_cast<Dialect>(most - summary_.dialects.begin()));
  note_patterns();
  if (dead_rules_ > 0) {
    summary_.notes.push_back(std::to_string(dead_rules_) +
                             " rules match nothing, since their $denyallow covers all of them; the first is in line " +
                             std::to_string(first_dead_rule_));
  }
  if (options_.match != NameMatch::automatic || summary_.bare_is_subtree || proof_.names() == 0) return;
  const double share = proof_.share_with_ancestor(seen_);
  if (share >= 0.05) {
    summary_.notes.push_back("the list names hosts one by one (" + std::to_string(static_cast<int>(share * 100)) +
                             " % of its names have an ancestor in it), so each name means itself alone");
  } else if (share == 0 && proof_.names() > 1000) {
    summary_.notes.push_back(
        "no name of those asked lies below another of the list: it may mean each name with everything below it. "
        "If its publisher says so, set match = \"subtree\"; now each name means itself alone");
  }
}

void Reader::note_patterns() {
  const PatternCost& cost = summary_.patterns;
  if (cost.globs + cost.regexes > 0) {
    summary_.notes.push_back(std::to_string(cost.globs) + " globs and " + std::to_string(cost.regexes) +
                             " regular expressions (" + std::to_string(cost.program) + " instructions); " +
                             std::to_string(cost.on_every_query) +
                             " of them end in no literal label, so they are tried on every query");
  }
  if (plain_regexes_ > 0) {
    summary_.notes.push_back(std::to_string(plain_regexes_) +
                             " regular expressions say no more than ||name^, |name^ or ||*.name^ would, which costs "
                             "less; the first is in line " +
                             std::to_string(first_plain_regex_));
  }
}

Result<void> Reader::finish() {
  while (next()) {
  }
  if (fault_) return *fault_;
  const auto count = [&](Bucket bucket) { return summary_.count(bucket); };
  const std::uint64_t content = summary_.lines - count(Bucket::blank) - count(Bucket::comment) - count(Bucket::header);
  const auto lines = [](std::uint64_t number) { return std::to_string(number) + (number == 1 ? " line" : " lines"); };
  const std::uint64_t addresses = wrong_kind_[static_cast<std::size_t>(Dialect::addresses)];
  if (options_.kind != ListKind::address && addresses * 2 > content) {
    return refused("this is a list of IP addresses, not of names (" + std::to_string(addresses) + " of " +
                   lines(content) + "): set kind = \"address\" to block answers that hold them");
  }
  std::uint64_t names = 0;
  for (const std::uint64_t number : wrong_kind_) names += number;
  names -= addresses + wrong_kind_[static_cast<std::size_t>(Dialect::rpz)];
  if (options_.kind == ListKind::address && names * 2 > content) {
    return refused("this is a list of names, not of IP addresses (" + std::to_string(names) + " of " + lines(content) +
                   "): set kind = \"block\" or \"allow\"");
  }
  if (const std::uint64_t rpz = wrong_kind_[static_cast<std::size_t>(Dialect::rpz)]; rpz * 2 > content) {
    return refused("this is a response policy zone (" + std::to_string(rpz) + " of " + lines(content) +
                   " are its records): set kind = \"rpz\"");
  }
  if (const std::string why = summary_.why_no_list(content); !why.empty()) return refused(why);
  if (summary_.rules == 0 && content > 0) {
    return refused("no rule came of its " + lines(content) +
                   " beside comments; `weir list check` shows what became of each");
  }
  return {};
}

// Whether `word` stands anywhere in the file.
Result<bool> holds(const std::filesystem::path& file, std::string_view word) {
  auto opened = open_list_file(file);
  if (!opened) return opened.error();
  std::string block(kBlockSize, '\0');
  std::size_t kept = 0;  // the end of the block before, where the word may begin
  while (true) {
    const ssize_t got = read_some(*opened, block.data() + kept, block.size() - kept);
    if (got < 0) return list_file_error(file, errno);
    if (got == 0) return false;
    const std::size_t filled = kept + static_cast<std::size_t>(got);
    if (memmem(block.data(), filled, word.data(), word.size()) != nullptr) return true;
    kept = std::min(filled, word.size() - 1);
    std::memmove(block.data(), block.data() + filled - kept, kept);
  }
}

Result<Foreknowledge> read_ahead(const std::filesystem::path& file, const ListOptions& options,
                                 const LineOptions& line_options, std::optional<Dialect> declared) {
  Foreknowledge out;
  bool cancels = false;
  bool redirects = false;
  if (!declared || *declared == Dialect::adblock) {
    const auto found = holds(file, "badfilter");
    if (!found) return found.error();
    cancels = *found;
  }
  if (!declared || *declared == Dialect::unbound) {
    const auto found = holds(file, "redirect");
    if (!found) return found.error();
    redirects = *found;
  }
  if (!cancels && !redirects) return out;
  auto opened = open_list_file(file);
  if (!opened) return opened.error();
  LineSource source(std::move(*opened), options.max_line_size);
  std::string_view text;
  Line line;
  while (true) {
    const LineSource::Got got = source.next(text);
    if (got == LineSource::Got::end) return out;
    if (got == LineSource::Got::failed) return list_file_error(file, source.fault());
    if (got == LineSource::Got::overlong) continue;
    text = trim(text);
    if (redirects && text.starts_with("local-") && is_line_text(text)) note_unbound_line(text, out.unbound);
    if (out.size() > options.max_rules) return too_many_rules(file, options);
    if (!cancels || text.find("badfilter") == std::string_view::npos) continue;
    if (!is_line_text(text) || classify(text, true) != LineClass::rule || dialect_of(text) != Dialect::adblock)
      continue;
    line.reset();
    parse_adblock_line(text, line_options, line);
    if (!line.cancels) continue;
    for (const Rule& rule : line.rules) out.cancelled.insert(hash_rule(rule));
    if (out.size() > options.max_rules) return too_many_rules(file, options);
  }
}

std::optional<Dialect> parse_dialect(std::string_view text) {
  for (std::size_t i = 0; i < kDialectCount; ++i) {
    if (to_text(static_cast<Dialect>(i)) == text) return static_cast<Dialect>(i);
  }
  return std::nullopt;
}

// What stands in front of octet `at` in its line.
std::string_view text_before(std::string_view text, std::size_t at) {
  const auto line_end = text.substr(0, at).find_last_of("\r\n");
  const std::size_t start = line_end == std::string_view::npos ? 0 : line_end + 1;
  return text.substr(start, at - start);
}

Survey survey_of(std::string_view beginning, std::size_t max_line_size) {
  Survey survey;
  unsigned surveyed = 0;
  for (std::size_t at = 0; at < beginning.size() && surveyed < kSurveyedLines; ++at) {
    const std::size_t end = std::min(beginning.find_first_of("\r\n", at), beginning.size());
    const std::string_view text = trim(beginning.substr(at, end - at));
    at = end;
    if (text.empty() || text.size() > max_line_size) continue;
    survey.add(text);
    surveyed += classify(text, false) == LineClass::rule ? 1 : 0;
  }
  return survey;
}

}  // namespace

Result<std::unique_ptr<ListReader>> ListReader::open(const std::filesystem::path& file, const ListOptions& options) {
  std::optional<Dialect> declared;
  if (options.dialect != "auto" && !options.dialect.empty()) {
    declared = parse_dialect(options.dialect);
    if (!declared) {
      return Error{ErrorCode::invalid,
                   "unknown dialect '" + escape_for_display(options.dialect) +
                       "'; known: auto, hosts, domains, wildcard, adblock, dnsmasq, unbound, addresses, rpz"};
    }
  }
  auto opened = open_list_file(file);
  if (!opened) return opened.error();
  std::string beginning(kBeginning, '\0');
  std::size_t size = 0;
  while (size < beginning.size()) {
    const ssize_t got = read_some(*opened, beginning.data() + size, beginning.size() - size);
    if (got < 0) return list_file_error(file, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  beginning.resize(size);
  const auto refused = [&](const std::string& why) { return Error{ErrorCode::invalid, file.string() + ":" + why}; };
  std::string_view text = beginning;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (trim(text).empty()) return refused("1:1: the list is empty: rules or at least a comment were expected");
  const std::string_view markup = markup_in(beginning);
  if (!markup.empty()) return refused("1:1: this is " + std::string(markup) + ", not a list (a served error page?)");
  if (const auto nul = beginning.substr(0, kBinaryWindow).find('\0'); nul != std::string::npos) {
    const std::string_view before = text_before(beginning, nul);
    const auto line = 1 + std::count(beginning.begin(), beginning.begin() + static_cast<long>(nul), '\n');
    return refused(std::to_string(line) + ":" + std::to_string(before.size() + 1) +
                   ": binary data, not a list: a NUL where text was expected");
  }
  if ((options.kind == ListKind::rpz) != (declared == Dialect::rpz) && declared) {
    return Error{ErrorCode::invalid, "the dialect '" + options.dialect + "' and the kind '" +
                                         std::string(to_text(options.kind)) + "' do not go together"};
  }
  lseek(opened->get(), 0, SEEK_SET);
  if (options.kind == ListKind::rpz)
    return make_rpz_reader(file, options, LineSource(std::move(*opened), options.max_line_size));
  const Survey survey = survey_of(text, options.max_line_size);
  auto known = read_ahead(file, options, line_options_of(options, survey), declared);
  if (!known) return known.error();
  return std::unique_ptr<ListReader>(std::make_unique<Reader>(
      file, options, LineSource(std::move(*opened), options.max_line_size), survey, declared, std::move(*known)));
}

}  // namespace weir
