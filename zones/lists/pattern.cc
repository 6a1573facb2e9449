#include "zones/lists/pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <string>

#include "zones/base/text.h"
#include "zones/lists/name_text.h"
#include "zones/name_pattern.h"

namespace weir {
namespace {

// One label of a glob in lower case; Unicode becomes an A-label where no `*` stands in it. Nothing: the line has ended.
std::optional<std::string> read_label(std::string_view label, std::size_t column, Line& line) {
  const auto end = [&](Bucket bucket, std::string_view why) -> std::optional<std::string> {
    line.end(bucket, column, why);
    return std::nullopt;
  };
  if (label.empty()) return end(Bucket::invalid_name, "an empty label");
  if (label.find('*') == std::string_view::npos) {
    // A dot behind it, so that a number is not taken for an address, nor `local` for the machine.
    const ListName name = parse_list_name(std::string(label) + ".glob");
    if (name.fault != NameFault::none) return end(Bucket::invalid_name, name.why);
    return std::string(name.name.first_label());
  }
  std::string out;
  for (const char c : label) {
    if (static_cast<unsigned char>(c) >= 0x80)
      return end(Bucket::unsupported_pattern, "a * and Unicode in one label: there is no A-label for it");
    const char lower = static_cast<char>(fold(static_cast<std::uint8_t>(c)));
    const bool good = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '*';
    if (!good) return end(Bucket::invalid_name, "a character that no host name has");
    if (lower == '*' && out.ends_with('*')) continue;
    out += lower;
  }
  return out;
}

// What RE2 cannot do in linear time, before it says so in its own words. Octets from the expression's beginning.
struct Refused {
  std::size_t at = 0;
  std::string what;
};
std::optional<Refused> find_refused(std::string_view text) {
  bool in_class = false;
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    if (text[at] == '\\') {
      const char next = text[at + 1];
      if (!in_class && ((next >= '1' && next <= '9') || rest.starts_with("\\k") || rest.starts_with("\\g")))
        return Refused{at, "a back-reference '" + std::string(rest.substr(0, 2)) + "'"};
      ++at;
    } else if (in_class) {
      in_class = text[at] != ']';
    } else if (text[at] == '[') {
      in_class = true;
      if (text[at + 1] == '^') ++at;
      if (at + 1 < text.size() && text[at + 1] == ']') ++at;
    } else if (rest.starts_with("(?=") || rest.starts_with("(?!")) {
      return Refused{at, "a look-ahead '" + std::string(rest.substr(0, 3)) + "'"};
    } else if (rest.starts_with("(?<=") || rest.starts_with("(?<!")) {
      return Refused{at, "a look-behind '" + std::string(rest.substr(0, 4)) + "'"};
    } else if (rest.starts_with("(?>")) {
      return Refused{at, "an atomic group '(?>'"};
    }
  }
  return std::nullopt;
}

// Unlike each other in every way that a pattern could ask for.
constexpr std::array<std::string_view, 4> kProbes = {"a.example", "xn--0-8.q.test", "1-2.3.4.invalid", "_z_"};

}  // namespace

bool read_glob(std::string_view glob, std::size_t column, Rule& rule, Line& line) {
  if (glob.ends_with('.')) glob.remove_suffix(1);
  if (glob.size() > kMaxNameSize) {
    line.end(Bucket::invalid_name, column, "a pattern longer than a name can be");
    return false;
  }
  std::string text;
  for (std::size_t at = 0; at <= glob.size();) {
    const std::size_t dot = std::min(glob.find('.', at), glob.size());
    const auto label = read_label(glob.substr(at, dot - at), column + at, line);
    if (!label) return false;
    text += (at == 0 ? "" : ".") + *label;
    at = dot + 1;
  }
  const bool below = text.starts_with("*.");
  if (text.find('*', below ? 1 : 0) == std::string::npos) {
    const ListName name = parse_list_name(std::string_view(text).substr(below ? 2 : 0));
    if (!accept_name(name, column, line)) return false;
    rule.kind = below ? PatternKind::below : PatternKind::exact;
    rule.name = name.name;
    return true;
  }
  rule.kind = PatternKind::glob;
  rule.name = glob_suffix(text);
  rule.pattern = std::move(text);
  return true;
}

bool read_regex(std::string_view expression, std::size_t column, Rule& rule, Line& line) {
  const auto refuse = [&](std::size_t at, std::string_view why) {
    line.end(Bucket::unsupported_pattern, column + at, why);
    return false;
  };
  if (expression.size() > kMaxRegexSize) {
    return refuse(kMaxRegexSize, "a regular expression of " + std::to_string(expression.size()) + " octets: at most " +
                                     std::to_string(kMaxRegexSize) + " are taken");
  }
  if (const auto refused = find_refused(expression)) {
    return refuse(refused->at, refused->what +
                                   " in a regular expression: time linear in the name was expected, which rules out "
                                   "back-references and look-around");
  }
  if (line.regexes_tried >= kMaxRegexTries) {
    return refuse(0, "a regular expression after " + std::to_string(kMaxRegexTries) + " others, good or not");
  }
  ++line.regexes_tried;
  const auto regex = compile_name_regex(expression);
  if (!regex->ok()) {
    const auto at = regex->error_arg().empty() ? 0 : expression.find(regex->error_arg());
    return refuse(at == std::string_view::npos ? 0 : at, "not a regular expression: " + regex->error());
  }
  const auto program = static_cast<std::size_t>(regex->ProgramSize());
  if (program > kMaxRegexProgram) {
    return refuse(0, "a regular expression of " + std::to_string(program) + " instructions: at most " +
                         std::to_string(kMaxRegexProgram) + " are taken");
  }
  line.program += program;
  rule.kind = PatternKind::regex;
  rule.name = regex_suffix(expression);
  rule.pattern = expression;
  return true;
}

bool matches_every_name(const Rule& rule) {
  if (rule.kind == PatternKind::glob) return rule.pattern.find_first_not_of("*.") == std::string::npos;
  if (rule.kind != PatternKind::regex || !rule.name.is_root()) return false;
  const auto regex = compile_name_regex(rule.pattern);
  return std::all_of(kProbes.begin(), kProbes.end(),
                     [&](std::string_view probe) { return regex_matches(*regex, probe); });
}

bool is_list_line(std::string_view text) {
  if (text.starts_with('|') || text.starts_with("@@")) return true;
  if (text.starts_with('/'))
    return text.size() > 2 && (text.ends_with('/') || text.find("/$") != std::string_view::npos);
  if (text.find_first_of("/ ") != std::string_view::npos && text.find('$') == std::string_view::npos) return false;
  const std::string_view rest = text.substr(text.starts_with("*.") ? 2 : 0);
  return rest.find_first_of("*^$") != std::string_view::npos;
}

std::optional<PlainMeaning> plain_meaning(std::string_view expression) {
  struct Beginning {
    std::string_view text;
    PatternKind kind;
  };
  constexpr std::array<Beginning, 12> kBeginnings = {{{"(^|\\.)", PatternKind::subtree},
                                                      {"(\\.|^)", PatternKind::subtree},
                                                      {"(?:^|\\.)", PatternKind::subtree},
                                                      {"(?:\\.|^)", PatternKind::subtree},
                                                      {"^(.*\\.)?", PatternKind::subtree},
                                                      {"^(.+\\.)?", PatternKind::subtree},
                                                      {"^(?:.*\\.)?", PatternKind::subtree},
                                                      {"^(?:.+\\.)?", PatternKind::subtree},
                                                      {"^.+\\.", PatternKind::below},
                                                      {"^.*\\.", PatternKind::below},
                                                      {"\\.", PatternKind::below},
                                                      {"^", PatternKind::exact}}};
  if (!expression.ends_with('$')) return std::nullopt;
  for (const Beginning& beginning : kBeginnings) {
    if (!expression.starts_with(beginning.text)) continue;
    // With a label in front of the rest, that rest is the literal suffix exactly where all of it is literal.
    const std::string_view rest = expression.substr(beginning.text.size());
    const Name name = regex_suffix("\\." + std::string(rest));
    std::string literal;
    for (const char c : rest.substr(0, rest.size() - 1)) {
      if (c != '\\') literal += c;
    }
    if (name.is_root() || name.to_text() != to_lower_ascii(literal)) return std::nullopt;
    return PlainMeaning{beginning.kind, name};
  }
  return std::nullopt;
}

}  // namespace weir
