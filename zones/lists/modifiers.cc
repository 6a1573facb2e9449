#include "zones/lists/modifiers.h"

#include <algorithm>
#include <array>
#include <string>

#include "zones/lists/name_text.h"
#include "zones/lists/rewrite.h"

namespace weir {
namespace {

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

constexpr std::size_t kMaxConditions = 1000;  // values of one modifier

// One modifier: `~name=value`.
struct Modifier {
  bool inverted = false;
  std::string_view name;
  std::string value;
  bool has_value = false;
  std::size_t column = 1;
};

// Up to the next comma that no backslash stands before; `text` moves behind it.
Modifier take_modifier(std::string_view& text, std::size_t& column) {
  Modifier out;
  out.column = column;
  std::string_view whole = text;
  std::size_t at = 0;
  while (at < text.size() && (text[at] != ',' || (at > 0 && text[at - 1] == '\\'))) ++at;
  whole = text.substr(0, at);
  const std::size_t taken = std::min(at + 1, text.size());
  text.remove_prefix(taken);
  column += taken;
  out.inverted = whole.starts_with('~');
  if (out.inverted) whole.remove_prefix(1);
  const auto equals = whole.find('=');
  out.name = whole.substr(0, equals);
  out.has_value = equals != std::string_view::npos;
  if (!out.has_value) return out;
  for (std::size_t i = equals + 1; i < whole.size(); ++i) {
    if (whole[i] == '\\' && i + 1 < whole.size() && whole[i + 1] == ',') continue;
    out.value += whole[i];
  }
  return out;
}

// Calls `each` with the parts between bars until it says what is wrong.
template <class Each>
std::string_view for_each_part(std::string_view value, const Each& each) {
  std::size_t count = 0;
  for (std::size_t at = 0; at <= value.size();) {
    const std::size_t bar = std::min(value.find('|', at), value.size());
    if (++count > kMaxConditions) return "more values than a rule may have";
    if (const std::string_view why = each(value.substr(at, bar - at)); !why.empty()) return why;
    at = bar + 1;
  }
  return {};
}

template <class Value>
void sort_unique(std::vector<Value>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// What is wrong, or "".
std::string_view read_types(std::string_view value, Conditions& conditions) {
  const std::string_view why = for_each_part(value, [&](std::string_view type) -> std::string_view {
    const bool excluded = type.starts_with('~');
    if (excluded) type.remove_prefix(1);
    const auto parsed = parse_record_type(type);
    if (!parsed) return "not a record type";
    if (!conditions.types.empty() && conditions.types_excluded != excluded)
      return "types and excluded types in one rule";
    conditions.types_excluded = excluded;
    conditions.types.push_back(*parsed);
    return {};
  });
  sort_unique(conditions.types);
  return why;
}

// Addresses, prefixes, or names of groups; what a group is, weir.toml says.
std::string_view read_clients(std::string_view value, bool names_only, Conditions& conditions) {
  bool named = false;
  bool addressed = false;
  const std::string_view why = for_each_part(value, [&](std::string_view client) -> std::string_view {
    if (client.starts_with('~')) return "excluded clients cannot be said: let an allow rule name them";
    const bool quoted = client.size() > 1 && (client[0] == '\'' || client[0] == '"') && client.back() == client[0];
    if (quoted) client = client.substr(1, client.size() - 2);
    if (client.empty() || client.size() > 64) return "an address, a prefix or the name of a group was expected";
    const auto prefix = Prefix::parse(client);
    if (prefix && !names_only) {
      addressed = true;
      conditions.clients.push_back(*prefix);
    } else {
      if (!names_only && client.find_first_of("/:") != std::string_view::npos)
        return "neither an address nor a prefix whose host bits are zero";
      named = true;
      conditions.groups.emplace_back(client);
    }
    return {};
  });
  sort_unique(conditions.clients);
  sort_unique(conditions.groups);
  if (why.empty() && named && addressed) return "addresses and groups in one rule would both have to fit: write two";
  return why;
}

}  // namespace

bool read_modifiers(std::string_view text, std::size_t column, const LineOptions& options, Rule& rule, Line& line) {
  Conditions& conditions = rule.detail.conditions;
  while (!text.empty()) {
    const Modifier modifier = take_modifier(text, column);
    const auto end = [&](Bucket bucket, std::string_view why) {
      line.end(bucket, modifier.column, "$" + std::string(modifier.name.substr(0, 60)) + ": " + std::string(why));
      return false;
    };
    const auto is = [&](std::string_view name) { return modifier.name == name && !modifier.inverted; };
    if (is("important")) {
      rule.important = true;
    } else if (is("badfilter")) {
      line.cancels = true;
    } else if (is("dnstype")) {
      if (const auto why = read_types(modifier.value, conditions); !why.empty())
        return end(Bucket::unknown_modifier, why);
    } else if (is("denyallow")) {
      const auto why = for_each_part(modifier.value, [&](std::string_view word) -> std::string_view {
        const ListName subtree = parse_list_name(word);
        if (subtree.fault != NameFault::none) return "a name is faulty";
        conditions.deny_allow.push_back(subtree.name);
        return {};
      });
      if (!why.empty()) return end(Bucket::invalid_name, why);
    } else if (is_one_of(kHarmless, modifier.name) && !modifier.inverted) {
      continue;
    } else if (is_one_of(kClientOnly, modifier.name)) {
      if (!options.local) return end(Bucket::client_modifier, "a publisher cannot know our clients");
      if (modifier.inverted || !modifier.has_value) return end(Bucket::unknown_modifier, "a value was expected");
      if (const auto why = read_clients(modifier.value, modifier.name == "ctag", conditions); !why.empty())
        return end(Bucket::unknown_modifier, why);
    } else if (is("dnsrewrite")) {
      if (!options.rewrites)
        return end(Bucket::untrusted_rewrite,
                   "answers with something else: only a list with rewrites = true may do that");
      if (options.kind == ListKind::allow) return end(Bucket::unsupported_pattern, "an allow list answers nothing");
      const std::string why = read_rewrite(modifier.value, rule);
      if (!why.empty()) return end(Bucket::unsupported_pattern, why);
    } else if (is_one_of(kBrowserOnly, modifier.name)) {
      return end(Bucket::browser_modifier, "means something in a browser only");
    } else {
      return end(Bucket::unknown_modifier, "an unknown modifier: the rule cannot be kept without it");
    }
  }
  return true;
}

}  // namespace weir
