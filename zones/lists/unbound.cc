// unbound.conf: local-zone and local-data (SEMANTICS section 2).
#include <array>

#include "zones/base/text.h"
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"

namespace weir {
namespace {

struct ZoneType {
  std::string_view name;
  Action action;
};

// `redirect` without data blocks; its data come in local-data lines of their own.
constexpr std::array<ZoneType, 16> kZoneTypes = {{{"always_nxdomain", Action::nxdomain},
                                                  {"static", Action::nxdomain},
                                                  {"inform_redirect", Action::block},
                                                  {"redirect", Action::block},
                                                  {"always_null", Action::null},
                                                  {"always_nodata", Action::nodata},
                                                  {"always_refuse", Action::refused},
                                                  {"refuse", Action::refused},
                                                  {"always_deny", Action::drop},
                                                  {"deny", Action::drop},
                                                  {"inform_deny", Action::drop},
                                                  {"transparent", Action::allow},
                                                  {"typetransparent", Action::allow},
                                                  {"always_transparent", Action::allow},
                                                  {"inform", Action::allow},
                                                  {"nodefault", Action::allow}}};

// The next argument, quoted or bare; `at` moves behind it.
std::string_view next_argument(std::string_view text, std::size_t& at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
    const char quote = text[at++];
    const std::size_t start = at;
    while (at < text.size() && text[at] != quote) ++at;
    const std::string_view word = text.substr(start, at - start);
    if (at < text.size()) ++at;
    return word;
  }
  return next_word(text, at);
}

void parse_zone(std::string_view text, std::size_t at, const LineOptions& options, Line& line) {
  const std::string_view owner = next_argument(text, at);
  const std::size_t type_column = at + 2;
  const std::string_view type = next_argument(text, at);
  const ListName name = parse_list_name(owner);
  if (!accept_name(name, static_cast<std::size_t>(owner.data() - text.data()) + 1, line)) return;
  for (const ZoneType& known : kZoneTypes) {
    if (known.name != type) continue;
    Rule& rule = line.rules.emplace_back();
    rule.kind = PatternKind::subtree;
    rule.name = name.name;
    const bool allow = known.action == Action::allow || options.kind == ListKind::allow;
    rule.action = allow ? Action::allow : options.own_actions ? known.action : Action::block;
    rule.exception = allow && options.kind == ListKind::block;
    line.bucket = Bucket::rule;
    return;
  }
  line.end(Bucket::unsupported_pattern, type_column, "an unknown zone type '" + std::string(type.substr(0, 40)) + "'");
}

void parse_data(std::string_view text, std::size_t at, const LineOptions& options, Line& line) {
  const std::string_view record = next_argument(text, at);
  const std::size_t column = static_cast<std::size_t>(record.data() - text.data()) + 1;
  std::size_t within = 0;
  const ListName name = parse_list_name(next_word(record, within));
  if (!accept_name(name, column, line)) return;
  std::string_view word = next_word(record, within);
  while (!word.empty() && ((word[0] >= '0' && word[0] <= '9') || to_lower_ascii(word) == "in"))
    word = next_word(record, within);
  const std::string type = to_lower_ascii(word);
  if (type != "a" && type != "aaaa")
    return line.end(Bucket::unsupported_pattern, column, "local data other than an address");
  const auto address = IpAddress::parse(next_word(record, within));
  if (!address) return line.end(Bucket::invalid_address, column, "local-data without an address");
  Rule rule;
  rule.kind = PatternKind::exact;
  rule.name = name.name;
  rule.action = options.kind == ListKind::allow ? Action::allow : options.own_actions ? Action::null : Action::block;
  if (!address->is_unspecified() && !address->is_loopback() && options.kind == ListKind::block) {
    if (!options.rewrites) {
      return line.end(Bucket::untrusted_rewrite, column,
                      "answers with an address: only a list with rewrites = true may do that");
    }
    rule.action = Action::address;
    rule.detail.addresses = {*address};
  }
  line.rules.push_back(std::move(rule));
  line.bucket = Bucket::rule;
}

}  // namespace

void parse_unbound_line(std::string_view text, const LineOptions& options, Line& line) {
  constexpr std::string_view kZone = "local-zone:";
  constexpr std::string_view kData = "local-data:";
  if (text.starts_with(kZone)) return parse_zone(text, kZone.size(), options, line);
  if (text.starts_with(kData)) return parse_data(text, kData.size(), options, line);
  line.end(Bucket::not_a_filter_directive, 1, "an option that says nothing of names");
}

}  // namespace weir
