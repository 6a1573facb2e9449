#include "tests/scenario/scenario_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

#include "zones/base/text.h"

namespace weir::scenario {
namespace {

using Words = std::vector<std::string_view>;

template <class Value>
struct Keyword {
  std::string_view word;
  Value value;
};

constexpr std::array kSteps{
    Keyword<StepKind>{"QUERY", StepKind::query},
    Keyword<StepKind>{"CHECK_ANSWER", StepKind::check_answer},
    Keyword<StepKind>{"CHECK_OUT_QUERY", StepKind::check_out_query},
    Keyword<StepKind>{"REPLY", StepKind::reply},
    Keyword<StepKind>{"TIMEOUT", StepKind::timeout},
    Keyword<StepKind>{"ERROR", StepKind::error},
    Keyword<StepKind>{"TIME_PASSES", StepKind::time_passes},
    Keyword<StepKind>{"TRAFFIC", StepKind::traffic},
    Keyword<StepKind>{"NOTHING", StepKind::nothing},
    Keyword<StepKind>{"ASSIGN", StepKind::assign},
    Keyword<StepKind>{"FLUSH_MESSAGE", StepKind::flush_message},
    Keyword<StepKind>{"EXPIRE_MESSAGE", StepKind::expire_message},
    Keyword<StepKind>{"INFRA_RTT", StepKind::infra_rtt},
    Keyword<StepKind>{"CHECK_AUTOTRUST", StepKind::check_autotrust},
    Keyword<StepKind>{"CHECK_TEMPFILE", StepKind::check_tempfile},
};

constexpr std::array kMatchFlags{
    Keyword<bool Matching::*>{"opcode", &Matching::opcode},
    Keyword<bool Matching::*>{"qtype", &Matching::qtype},
    Keyword<bool Matching::*>{"qname", &Matching::qname},
    Keyword<bool Matching::*>{"qcase", &Matching::qcase},
    Keyword<bool Matching::*>{"subdomain", &Matching::subdomain},
    Keyword<bool Matching::*>{"rcode", &Matching::rcode},
    Keyword<bool Matching::*>{"flags", &Matching::flags},
    Keyword<bool Matching::*>{"question", &Matching::question},
    Keyword<bool Matching::*>{"answer", &Matching::answer},
    Keyword<bool Matching::*>{"authority", &Matching::authority},
    Keyword<bool Matching::*>{"additional", &Matching::additional},
    Keyword<bool Matching::*>{"all", &Matching::all},
    Keyword<bool Matching::*>{"all_noedns", &Matching::all_without_edns},
    Keyword<bool Matching::*>{"ttl", &Matching::ttl},
    Keyword<bool Matching::*>{"DO", &Matching::dnssec_ok},
    Keyword<bool Matching::*>{"noedns", &Matching::no_edns},
    Keyword<bool Matching::*>{"nsid", &Matching::nsid},
    Keyword<bool Matching::*>{"ednsdata", &Matching::edns_data},
    Keyword<bool Matching::*>{"client_cookie", &Matching::client_cookie},
    Keyword<bool Matching::*>{"server_cookie", &Matching::server_cookie},
    Keyword<bool Matching::*>{"ede=any", &Matching::any_ede},
};

constexpr std::array kAdjusts{
    Keyword<bool Adjusting::*>{"copy_id", &Adjusting::copy_id},
    Keyword<bool Adjusting::*>{"copy_query", &Adjusting::copy_query},
    Keyword<bool Adjusting::*>{"do_not_answer", &Adjusting::do_not_answer},
    Keyword<bool Adjusting::*>{"raw_id", &Adjusting::raw_id},
};

constexpr std::array kHeaderFlags{
    Keyword<bool MessageFlags::*>{"QR", &MessageFlags::response},
    Keyword<bool MessageFlags::*>{"AA", &MessageFlags::authoritative},
    Keyword<bool MessageFlags::*>{"TC", &MessageFlags::truncated},
    Keyword<bool MessageFlags::*>{"RD", &MessageFlags::recursion_desired},
    Keyword<bool MessageFlags::*>{"RA", &MessageFlags::recursion_available},
    Keyword<bool MessageFlags::*>{"AD", &MessageFlags::authentic_data},
    Keyword<bool MessageFlags::*>{"CD", &MessageFlags::checking_disabled},
};

constexpr std::array kRcodes{
    Keyword<Rcode>{"NOERROR", Rcode::noerror},   Keyword<Rcode>{"FORMERR", Rcode::formerr},
    Keyword<Rcode>{"SERVFAIL", Rcode::servfail}, Keyword<Rcode>{"NXDOMAIN", Rcode::nxdomain},
    Keyword<Rcode>{"NOTIMP", Rcode::notimp},     Keyword<Rcode>{"NOTIMPL", Rcode::notimp},
    Keyword<Rcode>{"REFUSED", Rcode::refused},   Keyword<Rcode>{"YXDOMAIN", Rcode::yxdomain},
    Keyword<Rcode>{"YXRRSET", Rcode::yxrrset},   Keyword<Rcode>{"NXRRSET", Rcode::nxrrset},
    Keyword<Rcode>{"NOTAUTH", Rcode::notauth},   Keyword<Rcode>{"NOTZONE", Rcode::notzone},
    Keyword<Rcode>{"BADVERS", Rcode::badvers},   Keyword<Rcode>{"BADCOOKIE", Rcode::badcookie},
};

constexpr std::array kOpcodes{
    Keyword<Opcode>{"QUERY", Opcode::query},   Keyword<Opcode>{"IQUERY", Opcode::iquery},
    Keyword<Opcode>{"STATUS", Opcode::status}, Keyword<Opcode>{"NOTIFY", Opcode::notify},
    Keyword<Opcode>{"UPDATE", Opcode::update},
};

template <class Table>
auto find_word(const Table& table, std::string_view word) {
  const auto found = std::ranges::find(table, word, [](const auto& row) { return row.word; });
  return found == table.end() ? nullptr : &*found;
}

template <class Number>
std::optional<Number> number_of(std::string_view word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// Everything before a ';' that stands neither in quotes nor behind a backslash.
std::string_view without_comment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (line[i] == ';' && !quoted) {
      return trim(line.substr(0, i));
    }
  }
  return trim(line);
}

Words words_of(std::string_view text) {
  Words words;
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && !is_blank(text[at])) ++at;
    words.push_back(text.substr(begin, at - begin));
  }
  return words;
}

struct ConfigWord {
  std::string text;
  bool is_key = false;
};

bool is_key(std::string_view word) {
  if (word.size() < 3 || word.back() != ':') return false;
  word.remove_suffix(1);
  return word.front() >= 'a' && word.front() <= 'z' && std::ranges::all_of(word, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

// Configuration is words: some are quoted, '#' and ';' begin a comment.
std::vector<ConfigWord> config_words(std::string_view line) {
  std::vector<ConfigWord> words;
  for (std::size_t at = 0; at < line.size();) {
    const char c = line[at];
    if (is_blank(c)) {
      ++at;
    } else if (c == '#' || c == ';') {
      break;
    } else if (c == '"' || c == '\'') {
      const std::size_t end = std::min(line.find(c, at + 1), line.size());
      words.push_back({std::string(line.substr(at + 1, end - at - 1)), false});
      at = end + 1;
    } else {
      const std::size_t begin = at;
      while (at < line.size() && !is_blank(line[at]) && line[at] != '#') ++at;
      std::string word(line.substr(begin, at - begin));
      const bool key = is_key(word);
      words.push_back({std::move(word), key});
    }
  }
  return words;
}

constexpr std::array<std::string_view, 13> kBlocks{"server", "stub-zone",      "forward-zone", "rpz",    "auth-zone",
                                                   "view",   "remote-control", "cachedb",      "python", "dnscrypt",
                                                   "dynlib", "dnstap",         "ipset"};

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text) { scenario_.file = file; }

  Result<Scenario> parse() {
    if (text_.size() > kMaxScenarioSize) return Error{ErrorCode::too_large, scenario_.file + ": more than 8 MiB"};
    if (auto read = parse_config(); !read) return read.error();
    if (auto read = parse_body(); !read) return read.error();
    return std::move(scenario_);
  }

 private:
  enum class Section : std::uint8_t { none, question, answer, authority, additional, raw };

  // --- lines ---------------------------------------------------------------------------------------------------

  bool next_line() {
    if (at_ >= text_.size()) return false;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    line_ = text_.substr(at_, end - at_);
    at_ = end + 1;
    ++number_;
    return true;
  }

  Error wrong(const std::string& what, ErrorCode code = ErrorCode::invalid) const {
    return Error{code, scenario_.file + ":" + std::to_string(number_) + ": " + what};
  }
  Error unknown(std::string_view word, const std::string& expected) const {
    return wrong("'" + escape_for_display(word.substr(0, 60)) + "' is unknown; expected " + expected);
  }

  // The lines up to one that is `end`, as they are.
  Result<std::string> read_until(std::string_view end) {
    const unsigned begin = number_;
    std::string content;
    while (next_line()) {
      if (trim(line_) == end) return content;
      content += line_;
      content += '\n';
    }
    number_ = begin;
    return wrong("not closed by " + std::string(end));
  }

  // --- configuration -------------------------------------------------------------------------------------------

  Result<void> parse_config() {
    scenario_.config.push_back({1, "server", {}});
    while (next_line()) {
      if (line_.size() > kMaxLineSize) return wrong("line of more than 64 KiB", ErrorCode::too_large);
      const std::string_view line = trim(line_);
      if (line == "CONFIG_END") return {};
      const Words words = words_of(line);
      if (words.empty()) continue;
      if (words[0] == "SCENARIO_BEGIN") return wrong("expected CONFIG_END before SCENARIO_BEGIN");
      if (words[0] == "TEMPFILE_NAME") {
        if (auto named = name_file(words); !named) return named.error();
      } else if (words[0] == "TEMPFILE_CONTENTS" || words[0] == "AUTOTRUST_FILE") {
        if (auto read = read_file(words); !read) return read.error();
      } else if (auto read = read_config_line(line); !read) {
        return read.error();
      }
    }
    return wrong("expected CONFIG_END");
  }

  // TEMPFILE_NAME stands where the name of the file is to be put: behind the key of the line before.
  Result<void> name_file(const Words& words) {
    auto& lines = scenario_.config.back().lines;
    if (words.size() != 2 || lines.empty() || !lines.back().words.empty()) {
      return wrong("expected 'TEMPFILE_NAME f' below a key without value");
    }
    lines.back().words.emplace_back(words[1]);
    return {};
  }

  Result<void> read_file(const Words& words) {
    if (words.size() != 2) return wrong("expected one file name behind " + std::string(words[0]));
    const std::string name(words[1]);
    auto content = read_until(words[0] == "AUTOTRUST_FILE" ? "AUTOTRUST_END" : "TEMPFILE_END");
    if (!content) return content.error();
    scenario_.files[name] = std::move(*content);
    return {};
  }

  Result<void> read_config_line(std::string_view line) {
    for (ConfigWord& word : config_words(line)) {
      if (!word.is_key) {
        auto& lines = scenario_.config.back().lines;
        if (lines.empty()) return wrong("expected 'key: value'");
        lines.back().words.push_back(std::move(word.text));
        continue;
      }
      word.text.pop_back();
      if (++config_words_ > 20'000) return wrong("too many configuration lines", ErrorCode::too_large);
      if (std::ranges::find(kBlocks, word.text) != kBlocks.end()) {
        scenario_.config.push_back({number_, std::move(word.text), {}});
      } else {
        scenario_.config.back().lines.push_back({number_, std::move(word.text), {}});
      }
    }
    return {};
  }

  // --- ranges and steps ----------------------------------------------------------------------------------------

  Result<void> parse_body() {
    bool begun = false;
    while (next_line()) {
      if (line_.size() > kMaxLineSize) return wrong("line of more than 64 KiB", ErrorCode::too_large);
      const std::string_view line = without_comment(line_);
      const Words words = words_of(line);
      if (words.empty()) continue;
      if (words[0] == "SCENARIO_BEGIN") {
        if (begun) return wrong("a second SCENARIO_BEGIN");
        begun = true;
        scenario_.title = std::string(trim(trim(line_).substr(words[0].size())));
        continue;
      }
      if (!begun) return unknown(words[0], "SCENARIO_BEGIN");
      if (words[0] == "SCENARIO_END") return in_range_ ? Result<void>(wrong("expected RANGE_END")) : Result<void>();
      if (auto read = read_block(words); !read) return read.error();
    }
    return wrong(begun ? "expected SCENARIO_END" : "expected SCENARIO_BEGIN");
  }

  Result<void> read_block(const Words& words) {
    if (words[0] == "RANGE_BEGIN") return begin_range(words);
    if (words[0] == "RANGE_END") {  // one too many is in the field's files, and harmless
      in_range_ = false;
      return {};
    }
    if (words[0] == "$ORIGIN" || words[0] == "$TTL") return read_directive(words);
    if (words[0] == "ADDRESS") return add_address(words);
    if (words[0] == "STEP") return begin_step(words);
    if (words[0] == "ENTRY_BEGIN") return add_entry();
    if (words[0] == "FILE_BEGIN") {
      auto content = read_until("FILE_END");
      return content ? Result<void>() : content.error();
    }
    return unknown(words[0], "RANGE_BEGIN, ADDRESS, STEP, ENTRY_BEGIN or SCENARIO_END");
  }

  Result<void> begin_range(const Words& words) {
    if (in_range_) return wrong("RANGE_BEGIN before the last range's RANGE_END");
    const auto from = words.size() < 3 ? std::nullopt : number_of<std::uint32_t>(words[1]);
    const auto to = words.size() < 3 ? std::nullopt : number_of<std::uint32_t>(words[2]);
    if (!from || !to || *from > kMaxStepNumber || *to > kMaxStepNumber) {
      return wrong("expected 'RANGE_BEGIN from to' with two step numbers");
    }
    scenario_.ranges.push_back({number_, *from, *to, {}, {}});
    in_range_ = true;
    return {};
  }

  Result<IpAddress> address_of(std::string_view word) const {
    auto address = IpAddress::parse(word.substr(0, word.find('@')));
    if (!address) return wrong("expected an address: " + address.error().message);
    return address;
  }

  Result<void> add_address(const Words& words) {
    if (!in_range_ || words.size() != 2) return wrong("expected 'ADDRESS ip' inside a range");
    auto address = address_of(words[1]);
    if (!address) return address.error();
    scenario_.ranges.back().addresses.push_back(*address);
    return {};
  }

  Result<void> begin_step(const Words& words) {
    if (in_range_) return wrong("expected RANGE_END before a step");
    const auto number = words.size() < 3 ? std::nullopt : number_of<std::uint32_t>(words[1]);
    if (!number || *number > kMaxStepNumber) return wrong("expected 'STEP n TYPE'");
    if (scenario_.steps.size() >= kMaxSteps) return wrong("too many steps", ErrorCode::too_large);
    const auto* kind = find_word(kSteps, words[2]);
    if (kind == nullptr) return unknown(words[2], "a type of step");
    if (!scenario_.steps.empty() && *number < scenario_.steps.back().number) {
      return wrong("step " + std::to_string(*number) + " stands behind step " +
                   std::to_string(scenario_.steps.back().number));
    }
    Step step{number_, *number, kind->value, {}, {}, {}};
    for (std::size_t i = 3; i < words.size(); ++i) {
      if (words[i] == "ADDRESS" && i + 1 < words.size()) {
        auto address = address_of(words[++i]);
        if (!address) return address.error();
        step.address = *address;
      } else {
        step.words.emplace_back(words[i]);
      }
    }
    scenario_.steps.push_back(std::move(step));
    return {};
  }

  Result<void> add_entry() {
    auto entry = read_entry();
    if (!entry) return entry.error();
    if (in_range_) {
      scenario_.ranges.back().entries.push_back(std::move(*entry));
      return {};
    }
    if (scenario_.steps.empty() || scenario_.steps.back().entry) {
      return wrong("this entry belongs to no range and to no step");
    }
    scenario_.steps.back().entry = std::move(*entry);
    return {};
  }

  // --- entries -------------------------------------------------------------------------------------------------

  Result<Entry> read_entry() {
    Entry entry;
    entry.line = number_;
    entry.messages.emplace_back();
    section_ = Section::none;
    while (next_line()) {
      if (line_.size() > kMaxLineSize) return wrong("line of more than 64 KiB", ErrorCode::too_large);
      const std::string_view line = without_comment(line_);
      const Words words = words_of(line);
      if (words.empty()) continue;
      if (words[0] == "ENTRY_END") return entry;
      if (auto read = read_entry_line(entry, line, words); !read) return read.error();
    }
    number_ = entry.line;
    return wrong("ENTRY_BEGIN without ENTRY_END");
  }

  Result<void> read_entry_line(Entry& entry, std::string_view line, const Words& words) {
    const std::string_view keyword = words[0];
    if (keyword == "MATCH") return read_match(entry.match, words);
    if (keyword == "ADJUST") return read_adjust(entry.adjust, words);
    if (keyword == "REPLY" || keyword == "FLAGS") return read_header(entry.header, words);
    if (keyword == "SECTION") return begin_section(entry, words);
    if (keyword == "RAW") return begin_section(entry, {"SECTION", "RAW"});
    if (keyword == "HEX_ANSWER_BEGIN") return read_hex(entry.messages.back().octets, "HEX_ANSWER_END");
    if (keyword == "HEX_EDNSDATA_BEGIN") return read_hex(entry.messages.back().edns_options, "HEX_EDNSDATA_END");
    if (keyword == "MANDATORY") {
      entry.mandatory = true;
      return {};
    }
    if (keyword == "EXTRA_PACKET") {
      if (entry.messages.size() >= 1000) return wrong("too many packets", ErrorCode::too_large);
      entry.messages.emplace_back();
      section_ = Section::none;
      return {};
    }
    if (keyword == "$ORIGIN" || keyword == "$TTL") return read_directive(words);
    return add_record(entry, line);
  }

  Result<void> read_match(Matching& match, const Words& words) const {
    for (const std::string_view word : std::span(words).subspan(1)) {
      if (const auto* flag = find_word(kMatchFlags, word)) {
        match.*flag->value = true;
      } else if (word == "UDP" || word == "TCP") {
        match.transport = word == "UDP" ? MessageTransport::udp : MessageTransport::tcp;
      } else if (word.starts_with("ede=")) {
        match.ede = number_of<std::uint16_t>(word.substr(4));
        if (!match.ede) return unknown(word, "ede=CODE or ede=any");
      } else if (word.starts_with("serial=")) {
        match.serial = number_of<std::uint32_t>(word.substr(7));
        if (!match.serial) return unknown(word, "serial=NUMBER");
      } else {
        return unknown(word, "an element of MATCH");
      }
    }
    return {};
  }

  Result<void> read_adjust(Adjusting& adjust, const Words& words) const {
    for (const std::string_view word : std::span(words).subspan(1)) {
      if (const auto* flag = find_word(kAdjusts, word)) {
        adjust.*flag->value = true;
        continue;
      }
      const auto equals = word.find('=');
      const std::string_view key = word.substr(0, equals);
      if (equals == std::string_view::npos || (key != "sleep" && key != "packet_sleep")) {
        return unknown(word, "copy_id, copy_query, sleep=N, packet_sleep=N, do_not_answer or raw_id");
      }
      const auto seconds = number_of<double>(word.substr(equals + 1));
      if (!seconds || !(*seconds >= 0 && *seconds <= 1e6))
        return wrong("expected seconds in '" + std::string(key) + "='");
      adjust.delay = std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000));
    }
    return {};
  }

  Result<void> read_header(EntryHeader& header, const Words& words) const {
    for (const std::string_view word : std::span(words).subspan(1)) {
      if (const auto* flag = find_word(kHeaderFlags, word)) {
        header.flags.*flag->value = true;
      } else if (const auto* rcode = find_word(kRcodes, word)) {
        header.rcode = rcode->value;
      } else if (const auto* opcode = find_word(kOpcodes, word)) {
        header.opcode = opcode->value;
      } else if (word == "DO") {
        header.dnssec_ok = true;
      } else {
        return unknown(word, "an opcode, an RCODE or a flag");
      }
    }
    return {};
  }

  Result<void> begin_section(Entry& entry, const Words& words) {
    static constexpr std::array kSections{
        Keyword<Section>{"QUESTION", Section::question},
        Keyword<Section>{"ANSWER", Section::answer},
        Keyword<Section>{"AUTHORITY", Section::authority},
        Keyword<Section>{"ADDITIONAL", Section::additional},
        Keyword<Section>{"RAW", Section::raw},
    };
    const auto* section = words.size() < 2 ? nullptr : find_word(kSections, words[1]);
    if (section == nullptr) {
      return unknown(words.size() < 2 ? "SECTION" : words[1], "QUESTION, ANSWER, AUTHORITY, ADDITIONAL or RAW");
    }
    section_ = section->value;
    if (section_ == Section::raw) {
      entry.raw = true;
      if (!entry.messages.back().octets) entry.messages.back().octets.emplace();
    }
    return {};
  }

  Result<void> read_directive(const Words& words) {
    if (words.size() < 2) return wrong("expected a value behind " + std::string(words[0]));
    if (words[0] == "$TTL") {
      const auto ttl = number_of<std::uint32_t>(words[1]);
      if (!ttl) return unknown(words[1], "a TTL in seconds");
      zone_.default_ttl = *ttl;
      return {};
    }
    auto origin = Name::parse(words[1]);
    if (!origin) return wrong(origin.error().message);
    zone_.origin = std::move(*origin);
    return {};
  }

  Result<void> append_hex(std::vector<std::uint8_t>& out, std::string_view text, int& half) const {
    for (const char c : text) {
      if (is_blank(c)) continue;
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return unknown(std::string_view(&c, 1), "hexadecimal digits");
      if (half < 0) {
        half = digit;
        continue;
      }
      if (out.size() >= kMaxMessageSize) return wrong("more than 65535 octets", ErrorCode::too_large);
      out.push_back(static_cast<std::uint8_t>(half << 4 | digit));
      half = -1;
    }
    return {};
  }

  Result<void> read_hex(std::optional<std::vector<std::uint8_t>>& out, std::string_view end) {
    const unsigned begin = number_;
    out.emplace();
    int half = -1;
    while (next_line()) {
      const std::string_view line = without_comment(line_);
      if (line == end) return half < 0 ? Result<void>() : wrong("an odd number of hexadecimal digits");
      if (auto read = append_hex(*out, line, half); !read) return read.error();
    }
    number_ = begin;
    return wrong("not closed by " + std::string(end));
  }

  Result<void> add_record(Entry& entry, std::string_view line) {
    EntryMessage& message = entry.messages.back();
    if (section_ == Section::none) return unknown(words_of(line)[0], "a keyword, or SECTION before a record");
    if (section_ == Section::raw) {
      int half = -1;
      auto read = append_hex(*message.octets, line, half);
      if (read && half >= 0) return wrong("an odd number of hexadecimal digits");
      return read;
    }
    if (++records_ > kMaxRecords) return wrong("too many records", ErrorCode::too_large);
    auto record = section_ == Section::question ? parse_question(line, zone_) : parse_record(line, zone_);
    if (!record) return wrong(record.error().message);
    auto& section = section_ == Section::question    ? message.question
                    : section_ == Section::answer    ? message.answer
                    : section_ == Section::authority ? message.authority
                                                     : message.additional;
    section.push_back(std::move(*record));
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string_view line_;
  unsigned number_ = 0;
  std::size_t records_ = 0;
  std::size_t config_words_ = 0;
  bool in_range_ = false;
  Section section_ = Section::none;
  ZoneContext zone_;
  Scenario scenario_;
};

}  // namespace

std::string ConfigLine::value() const {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::string_view to_text(StepKind kind) {
  return std::ranges::find(kSteps, kind, &Keyword<StepKind>::value)->word;
}

Result<Scenario> parse_scenario(std::string_view text, const std::string& file) {
  return Parser(text, file).parse();
}

Result<Scenario> read_scenario(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{ErrorCode::not_found, path + ": cannot be read"};
  std::string text;
  char buffer[65536];
  while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxScenarioSize) break;
  }
  return parse_scenario(text, path);
}

}  // namespace weir::scenario
