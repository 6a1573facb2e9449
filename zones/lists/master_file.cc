#include "zones/lists/master_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "zones/base/text.h"
#include "zones/dns/record_text.h"
#include "zones/lists/name_text.h"

namespace weir {
namespace {

constexpr std::uint32_t kMaxTtl = 0x7FFFFFFF;  // RFC 2181 section 8

// Whether the last octet stands for itself: an odd number of backslashes before it.
bool ends_in_escape(std::string_view text) {
  std::size_t slashes = 0;
  while (slashes + 1 < text.size() && text[text.size() - 2 - slashes] == '\\') ++slashes;
  return slashes % 2 == 1;
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) { return (a | 0x20) == b; });
}

// "3600", "1h30m". Nothing where it is no number; above the most, the most.
std::optional<std::uint32_t> parse_ttl(std::string_view text) {
  std::uint64_t sum = 0;
  std::uint64_t number = 0;
  bool digits = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      number = std::min<std::uint64_t>(number * 10 + static_cast<unsigned>(c - '0'), std::uint64_t{1} << 40);
      digits = true;
      continue;
    }
    constexpr std::string_view kUnits = "smhdw";
    constexpr std::array<std::uint64_t, 5> kSeconds = {1, 60, 3600, 86400, 604800};
    const auto unit = kUnits.find(static_cast<char>(c | 0x20));
    if (!digits || unit == std::string_view::npos) return std::nullopt;
    sum += number * kSeconds[unit];
    number = 0;
    digits = false;
  }
  if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(sum + number, kMaxTtl));
}

// Letters of a layout: `n` a name, `2` and `4` a number of that many octets, `t` a TTL-like number of four octets.
std::string_view layout_of(RecordType type) {
  switch (type) {
    case RecordType::cname:
    case RecordType::ns:
    case RecordType::ptr:
    case RecordType::dname:
      return "n";
    case RecordType::mx:
      return "2n";
    case RecordType::srv:
      return "222n";
    case RecordType::soa:
      return "nn4tttt";
    default:
      return {};
  }
}

void put(std::vector<std::uint8_t>& out, std::uint32_t value, unsigned octets) {
  for (unsigned i = octets; i-- > 0;) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

}  // namespace

std::string_view MasterFile::without_comment(std::string_view line, std::string& joined, unsigned& depth) {
  if (depth == 0 && joined.empty()) {
    const auto mark = line.find_first_of("();\"\\");
    if (mark == std::string_view::npos) return line;
    if (line[mark] == ';') return line.substr(0, mark);
  }
  bool quoted = false;
  if (!joined.empty()) joined += ' ';
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (c == '\\' && at + 1 < line.size()) {
      joined += c;
      joined += line[++at];
    } else if (c == '"') {
      quoted = !quoted;
      joined += c;
    } else if (quoted) {
      joined += c;
    } else if (c == ';') {
      break;
    } else if (c == '(') {
      ++depth;
      joined += ' ';
    } else if (c == ')') {
      depth -= depth > 0 ? 1 : 0;
      joined += ' ';
    } else {
      joined += c;
    }
  }
  return joined;
}

// Lower case; below the origin where no dot ends it. `why` is a literal.
bool MasterFile::read_name(std::string_view text, Name& name, std::string_view& why) const {
  if (text == "@") {
    name = origin_;
    return true;
  }
  if (text == ".") {
    name = Name();
    return true;
  }
  std::array<std::uint8_t, kMaxNameSize> wire;
  std::size_t size = 1;
  std::size_t length_at = 0;
  unsigned labels = 0;
  const bool absolute = text.ends_with('.') && !ends_in_escape(text);
  const std::string_view body = absolute ? text.substr(0, text.size() - 1) : text;
  for (std::size_t at = 0; at <= body.size(); ++at) {
    const char c = at < body.size() ? body[at] : '.';
    if (c == '\\' || (c & 0x80) != 0) {
      // Escapes and Unicode are rare.
      Name slow;
      if (c == '\\') {
        const auto parsed = Name::parse(body);
        if (!parsed) return why = "not a domain name", false;
        slow = parsed->folded();
      } else {
        const ListName parsed = parse_list_name(body);
        if (parsed.fault != NameFault::none) return why = "not an internationalised name (UTS 46)", false;
        slow = parsed.name;
      }
      const auto joined = absolute ? std::optional(slow) : slow.replace_suffix(Name(), origin_);
      if (!joined) return why = "a name longer than 255 octets", false;
      name = *joined;
      return true;
    }
    if (c != '.') {
      if (size >= kMaxNameSize - 1) return why = "a name longer than 255 octets", false;
      wire[size++] = fold(static_cast<std::uint8_t>(c));
      continue;
    }
    const std::size_t length = size - length_at - 1;
    if (length == 0) return why = "an empty label", false;
    if (length > 63) return why = "a label longer than 63 octets", false;
    wire[length_at] = static_cast<std::uint8_t>(length);
    length_at = size++;
    ++labels;
  }
  const Name root;
  const auto rest = absolute ? root.wire() : origin_.wire();
  if (length_at + rest.size() > kMaxNameSize) return why = "a name longer than 255 octets", false;
  std::copy(rest.begin(), rest.end(), wire.begin() + static_cast<std::ptrdiff_t>(length_at));
  name =
      Name::from_checked_wire({wire.data(), length_at + rest.size()}, labels + (absolute ? 0 : origin_.label_count()));
  return true;
}

bool MasterFile::read_directive(std::string_view entry, Line& line) {
  std::size_t at = 0;
  const std::string word = to_lower_ascii(next_word(entry, at));
  const std::string_view value = next_word(entry, at);
  const std::size_t column = value.empty() ? 1 : static_cast<std::size_t>(value.data() - entry.data()) + 1;
  if (word == "$origin") {
    std::string_view why = "a name was expected";
    Name origin;
    if (value.empty() || !read_name(value, origin, why)) {
      line.end(Bucket::invalid_name, column, why);
      return false;
    }
    origin_ = origin;
    return true;
  }
  if (word == "$ttl") {
    const auto ttl = parse_ttl(value);
    if (ttl) {
      default_ttl_ = *ttl;
      return true;
    }
    line.end(Bucket::invalid_text, column, "$TTL without a number of seconds");
    return false;
  }
  line.end(Bucket::unsupported_rpz, 1, word.substr(0, 40) + ": only $ORIGIN and $TTL are read");
  return false;
}

MasterFile::Got MasterFile::read(std::string_view entry, Line& line) {
  std::size_t at = 0;
  if (!is_space(entry[0])) {
    if (entry[0] == '$') return read_directive(entry, line) ? Got::directive : Got::fault;
    std::string_view why;
    has_owner_ = read_name(next_word(entry, at), owner_, why);
    if (!has_owner_) {
      line.end(Bucket::invalid_name, 1, why);
      return Got::fault;
    }
  } else if (!has_owner_) {
    line.end(Bucket::invalid_name, 1, "no owner: a name was expected before the record");
    return Got::fault;
  }
  record_.ttl_seconds = default_ttl_;
  std::string_view word = next_word(entry, at);
  for (unsigned i = 0; i < 2 && !word.empty(); ++i) {
    if (word[0] >= '0' && word[0] <= '9') {
      const auto ttl = parse_ttl(word);
      if (!ttl) break;
      record_.ttl_seconds = *ttl;
    } else if (equals_ignoring_case(word, "ch") || equals_ignoring_case(word, "hs")) {
      line.end(Bucket::unsupported_rpz, static_cast<std::size_t>(word.data() - entry.data()) + 1,
               "a class other than IN");
      return Got::fault;
    } else if (!equals_ignoring_case(word, "in")) {
      break;
    }
    word = next_word(entry, at);
  }
  const auto type = equals_ignoring_case(word, "cname") ? std::optional(RecordType::cname) : parse_record_type(word);
  if (!type) {
    const std::size_t column = word.empty() ? entry.size() : static_cast<std::size_t>(word.data() - entry.data()) + 1;
    line.end(Bucket::wrong_dialect, column, "not a record of a zone: a type was expected");
    return Got::fault;
  }
  record_.owner = owner_;
  record_.type = *type;
  while (at < entry.size() && is_space(entry[at])) ++at;
  if (!read_data(trim(entry.substr(at)), at + 1, line)) return Got::fault;
  record_.rdata = rdata_;
  return Got::record;
}

bool MasterFile::read_fields(std::string_view layout, std::string_view text, std::size_t column, Line& line) {
  std::size_t at = 0;
  for (const char field : layout) {
    const std::string_view word = next_word(text, at);
    const std::size_t word_column =
        column + (word.empty() ? text.size() : static_cast<std::size_t>(word.data() - text.data()));
    if (field == 'n') {
      Name name;
      std::string_view why = "a name was expected";
      if (word.empty() || !read_name(word, name, why)) {
        line.end(Bucket::invalid_name, word_column, why);
        return false;
      }
      const auto wire = name.wire();
      rdata_.insert(rdata_.end(), wire.begin(), wire.end());
      continue;
    }
    std::uint32_t value = 0;
    if (field == 't') {
      const auto ttl = parse_ttl(word);
      value = ttl.value_or(0);
      if (ttl) {
        put(rdata_, value, 4);
        continue;
      }
    }
    const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool good =
        !word.empty() && fault == std::errc() && end == word.data() + word.size() && (field == '4' || value <= 0xFFFF);
    if (!good) {
      line.end(Bucket::invalid_text, word_column, "a number was expected");
      return false;
    }
    put(rdata_, value, field == '2' ? 2 : 4);
  }
  const std::string_view more = next_word(text, at);
  if (more.empty()) return true;
  line.end(Bucket::invalid_text, column + static_cast<std::size_t>(more.data() - text.data()),
           "more than the record's type has");
  return false;
}

bool MasterFile::read_data(std::string_view text, std::size_t column, Line& line) {
  rdata_.clear();
  if (!text.starts_with("\\#")) {
    if (record_.type == RecordType::a || record_.type == RecordType::aaaa) {
      const auto address = IpAddress::parse(text);
      const auto family = record_.type == RecordType::a ? AddressFamily::ipv4 : AddressFamily::ipv6;
      if (!address || address->family != family) {
        line.end(Bucket::invalid_address, column, "not an address of the record's type");
        return false;
      }
      rdata_.assign(address->bytes().begin(), address->bytes().end());
      return true;
    }
    if (const std::string_view layout = layout_of(record_.type); !layout.empty())
      return read_fields(layout, text, column, line);
  }
  auto parsed = parse_resource_record(". 0 IN " + to_text(record_.type) + " " + std::string(text), 0);
  if (!parsed) {
    line.end(Bucket::invalid_text, column, to_text(record_.type) + " record: " + parsed.error().message);
    return false;
  }
  rdata_ = std::move(parsed->rdata);
  return true;
}

}  // namespace weir
