// Adblock-style lines: ||name^, |name^, @@, and the modifiers that mean something in the DNS (SEMANTICS section 2).
#include <algorithm>
#include <array>

#include "zones/base/text.h"
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"
#include "zones/lists/pattern.h"

namespace weir {
namespace {

constexpr std::array<std::string_view, 8> kCosmetic = {"##", "#@#", "#?#", "#$#", "#%#", "#@?#", "#@$#", "$$"};

// No effect in the DNS, the rule stays: they include the main document.
constexpr std::array<std::string_view, 3> kHarmless = {"all", "document", "doc"};

// Known to browsers' blockers; in the DNS they would over-block.
constexpr std::array<std::string_view, 44> kBrowserOnly = {"third-party",
                                                           "3p",
                                                           "first-party",
                                                           "1p",
                                                           "popup",
                                                           "script",
                                                           "image",
                                                           "img",
                                                           "stylesheet",
                                                           "css",
                                                           "object",
                                                           "media",
                                                           "font",
                                                           "subdocument",
                                                           "frame",
                                                           "websocket",
                                                           "xmlhttprequest",
                                                           "xhr",
                                                           "ping",
                                                           "other",
                                                           "domain",
                                                           "removeparam",
                                                           "redirect",
                                                           "redirect-rule",
                                                           "csp",
                                                           "permissions",
                                                           "generichide",
                                                           "ghide",
                                                           "elemhide",
                                                           "ehide",
                                                           "specifichide",
                                                           "shide",
                                                           "genericblock",
                                                           "jsinject",
                                                           "urlblock",
                                                           "content",
                                                           "extension",
                                                           "stealth",
                                                           "cookie",
                                                           "replace",
                                                           "app",
                                                           "network",
                                                           "empty",
                                                           "mp4"};

constexpr std::array<std::string_view, 2> kClientOnly = {"client", "ctag"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// `$dnsrewrite=VALUE`: an address, a name, an RCODE, or RCODE;TYPE;VALUE. False: not one that weir can answer with.
bool parse_rewrite(std::string_view value, Rule& rule) {
  const auto address_or_name = [&](std::string_view text) {
    if (const auto address = IpAddress::parse(text)) {
      rule.action = Action::address;
      rule.detail.addresses = {*address};
      return true;
    }
    const ListName name = parse_list_name(text);
    if (name.fault != NameFault::none) return false;
    rule.action = Action::cname;
    rule.detail.target = name.name;
    return true;
  };
  const auto first = value.find(';');
  const std::string code = to_lower_ascii(value.substr(0, first));
  const bool alone = first == std::string_view::npos || value.substr(first) == ";;";
  if (alone && code == "nxdomain") rule.action = Action::nxdomain;
  if (alone && code == "refused") rule.action = Action::refused;
  if (alone && code == "noerror") rule.action = Action::nodata;
  if (rule.action != Action::block) return true;
  if (first == std::string_view::npos) return address_or_name(value);
  const auto second = value.find(';', first + 1);
  if (code != "noerror" || second == std::string_view::npos) return false;
  const std::string type = to_lower_ascii(value.substr(first + 1, second - first - 1));
  if (!address_or_name(value.substr(second + 1))) return false;
  if (type == "cname") return rule.action == Action::cname;
  if (rule.action != Action::address) return false;
  const bool ipv4 = rule.detail.addresses.front().family == AddressFamily::ipv4;
  return (type == "a" && ipv4) || (type == "aaaa" && !ipv4);
}

// Reads the modifiers into `rule`, whose action says already whether it allows. False: the line has ended in a bucket.
bool parse_modifiers(std::string_view text, std::size_t column, const LineOptions& options, Rule& rule, Line& line) {
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view modifier = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const bool inverted = modifier.starts_with('~');
    if (inverted) modifier.remove_prefix(1);
    const auto equals = modifier.find('=');
    const std::string_view name = modifier.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : modifier.substr(equals + 1);
    const auto end = [&](Bucket bucket, std::string_view why) {
      line.end(bucket, column, "$" + std::string(name.substr(0, 60)) + ": " + std::string(why));
      return false;
    };
    if (name == "important" && !inverted) {
      rule.important = true;
    } else if (name == "badfilter" && !inverted) {
      line.cancels = true;
    } else if (name == "dnstype" && !inverted) {
      for (std::size_t at = 0; at <= value.size();) {
        const std::size_t bar = std::min(value.find('|', at), value.size());
        std::string_view type = value.substr(at, bar - at);
        at = bar + 1;
        const bool excluded = type.starts_with('~');
        if (excluded) type.remove_prefix(1);
        const auto parsed = parse_record_type(type);
        if (!parsed) return end(Bucket::unknown_modifier, "not a record type");
        Conditions& conditions = rule.detail.conditions;
        if (!conditions.types.empty() && conditions.types_excluded != excluded) {
          return end(Bucket::unknown_modifier, "types and excluded types in one rule");
        }
        conditions.types_excluded = excluded;
        conditions.types.push_back(*parsed);
      }
      std::vector<RecordType>& types = rule.detail.conditions.types;
      std::sort(types.begin(), types.end());
      types.erase(std::unique(types.begin(), types.end()), types.end());
    } else if (name == "denyallow" && !inverted) {
      for (std::size_t at = 0; at <= value.size();) {
        const std::size_t bar = std::min(value.find('|', at), value.size());
        const ListName subtree = parse_list_name(value.substr(at, bar - at));
        at = bar + 1;
        if (subtree.fault != NameFault::none) return end(Bucket::invalid_name, "a name is faulty");
        rule.detail.conditions.deny_allow.push_back(subtree.name);
      }
    } else if (is_one_of(kHarmless, name) && !inverted) {
      continue;
    } else if (is_one_of(kClientOnly, name)) {
      return end(Bucket::client_modifier, "a publisher cannot know our clients");
    } else if (name == "dnsrewrite") {
      if (!options.rewrites)
        return end(Bucket::untrusted_rewrite,
                   "answers with something else: only a list with rewrites = true may do that");
      // Without the rewrites that it lifts, an exception would lift the plain blocks as well.
      if (rule.action == Action::allow)
        return end(Bucket::unsupported_pattern, "an exception from rewrites alone (not supported yet)");
      if (!parse_rewrite(value, rule)) return end(Bucket::unsupported_pattern, "not an answer that weir can give");
    } else if (is_one_of(kBrowserOnly, name)) {
      return end(Bucket::browser_modifier, "means something in a browser only");
    } else {
      return end(Bucket::unknown_modifier, "an unknown modifier: the rule cannot be kept without it");
    }
  }
  return true;
}

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
    if (!parse_modifiers(content.substr(dollar + 1), column + dollar + 1, options, rule, line)) return;
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
