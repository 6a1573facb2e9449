#include "tests/scenario/scenario_file.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "tests/scenario/scenario_words.h"
#include "zones/base/text.h"

namespace weir::scenario {
namespace {

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
        return unknown(word, "copy_id, copy_query, copy_cookie, sleep=N, packet_sleep=N, do_not_answer or raw_id");
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
