// Adblock-style lines: ||name^, |name^, name^, globs, @@, /regular expressions/ (SEMANTICS section 2).
#include <algorithm>
#include <array>

#include "zones/base/text.h"
#include "zones/lists/line.h"
#include "zones/lists/modifiers.h"
#include "zones/lists/name_text.h"
#include "zones/lists/pattern.h"

namespace weir {
namespace {

constexpr std::array<std::string_view, 8> kCosmetic = {"##", "#@#", "#?#", "#$#", "#%#", "#@?#", "#@$#", "$$"};

// How a pattern begins and ends.
struct Anchors {
  enum class Begin : std::uint8_t { anywhere, label, name } begin = Begin::anywhere;  // nothing, `||`, `|`
  bool end = false;                                                                   // `^`, `|`, `^|`
};

Anchors take_anchors(std::string_view& pattern, std::size_t& column) {
  Anchors out;
  if (pattern.starts_with('|')) {
    out.begin = pattern.starts_with("||") ? Anchors::Begin::label : Anchors::Begin::name;
    const std::size_t size = out.begin == Anchors::Begin::label ? 2 : 1;
    pattern.remove_prefix(size);
    column += size;
  }
  if (pattern.ends_with("^|")) {
    out.end = true;
    pattern.remove_suffix(2);
  } else if (pattern.ends_with('^') || pattern.ends_with('|')) {
    out.end = true;
    pattern.remove_suffix(1);
  }
  return out;
}

// What no name holds. False: the line has ended in a bucket.
bool check_octets(std::string_view pattern, std::size_t column, Line& line) {
  if (const auto slash = pattern.find_first_of("/?"); slash != std::string_view::npos) {
    line.end(Bucket::url_path, column + slash,
             "a URL with a path: blocking a whole host for one path is a false positive");
    return false;
  }
  if (const auto colon = pattern.rfind(':'); colon != std::string_view::npos && pattern.find(':') == colon) {
    line.end(Bucket::url_path, column + colon, "a port: the DNS does not see it");
    return false;
  }
  if (const auto mark = pattern.find_first_of("^|"); mark != std::string_view::npos) {
    line.end(Bucket::unsupported_pattern, column + mark,
             "a ^ or | inside a pattern: a name has nothing there to match");
    return false;
  }
  return true;
}

// Gives the rules of a pattern, each a copy of `rule`. False: the line has ended in a bucket.
//
// As `||name` is a subtree although in browsers the name could go on, the end of a pattern is the end of the name
// wherever what follows the last `*` is written as the end of one, with a dot.
bool parse_pattern(std::string_view pattern, std::size_t column, const LineOptions& options, const Rule& rule,
                   Line& line) {
  std::size_t name_column = column;
  const Anchors anchors = take_anchors(pattern, name_column);
  if (anchors.begin == Anchors::Begin::name && pattern.find("://") != std::string_view::npos) {
    line.end(Bucket::url_path, name_column, "a URL: blocking a whole host for one path is a false positive");
    return false;
  }
  if (!check_octets(pattern, name_column, line)) return false;
  const bool below = pattern.starts_with("*.");
  const bool inner_star = pattern.find('*', below ? 1 : 0) != std::string_view::npos;
  const bool bare = anchors.begin == Anchors::Begin::anywhere && !anchors.end;
  const auto add_glob = [&](std::string_view glob) {
    Rule made = rule;
    if (!read_glob(glob, name_column, made, line)) return false;
    line.rules.push_back(std::move(made));
    return true;
  };
  if (inner_star || (anchors.begin == Anchors::Begin::anywhere && anchors.end)) {
    const std::string text(pattern);
    if (anchors.begin == Anchors::Begin::name) return add_glob(text);
    if (anchors.begin == Anchors::Begin::label)
      return add_glob(text) && (text.starts_with('*') || add_glob("*." + text));
    const bool open_end = bare && text.find('.', text.rfind('*')) == std::string::npos;
    return add_glob("*" + text + (open_end ? "*" : ""));
  }
  Rule made = rule;
  made.kind = anchors.begin == Anchors::Begin::label || (bare && options.bare_is_subtree) ? PatternKind::subtree
                                                                                          : PatternKind::exact;
  if (below) {
    made.kind = bare && options.wildcard_is_subtree ? PatternKind::subtree : PatternKind::below;
    pattern.remove_prefix(2);
    name_column += 2;
  }
  const ListName name = parse_list_name(pattern);
  if (!accept_name(name, name_column, line)) return false;
  made.name = name.name;
  line.rules.push_back(std::move(made));
  return true;
}

}  // namespace

void parse_adblock_line(std::string_view text, const LineOptions& options, Line& line) {
  const bool maybe_cosmetic = text.find('#') != std::string_view::npos || text.find("$$") != std::string_view::npos;
  for (const std::string_view marker : kCosmetic) {
    if (!maybe_cosmetic) break;
    const auto at = text.find(marker);
    if (at != std::string_view::npos) return line.end(Bucket::cosmetic, at + 1, "hides elements of pages");
  }
  std::string_view content = text;
  std::size_t column = 1;
  const bool exception = content.starts_with("@@");
  if (exception) {
    content.remove_prefix(2);
    column = 3;
  }
  Rule rule;
  // A regular expression may hold `$`; its modifiers follow the closing slash.
  std::size_t dollar = std::string_view::npos;
  if (content.starts_with('/')) {
    const auto close = content.rfind("/$");
    if (close != std::string_view::npos && close > 0) dollar = close + 1;
  } else {
    dollar = content.find('$');
  }
  const bool allow = exception || options.kind == ListKind::allow;
  rule.action = allow ? Action::allow : Action::block;
  rule.exception = exception && options.kind == ListKind::block;
  const std::string_view pattern = content.substr(0, dollar);
  if (pattern.size() > 2 && pattern.starts_with('/') && pattern.ends_with('/')) {
    Rule made = rule;
    if (!read_regex(pattern.substr(1, pattern.size() - 2), column + 1, made, line)) return;
    line.rules.push_back(std::move(made));
  } else if (!parse_pattern(pattern, column, options, rule, line)) {
    return;
  }
  if (dollar != std::string_view::npos) {
    if (!read_modifiers(content.substr(dollar + 1), column + dollar + 1, options, rule, line)) return;
    for (Rule& made : line.rules) {
      made.action = rule.action;
      made.important = rule.important;
      made.exception = rule.exception;
      made.detail = rule.detail;
    }
  }
  if (rule.detail.conditions.empty() && matches_every_name(line.rules.front()))
    return line.end(Bucket::unsupported_pattern, column, "a pattern that matches every name, without conditions");
  line.bucket = Bucket::rule;
}

}  // namespace weir
