// unbound.conf: local-zone and local-data (SEMANTICS section 2).
#include "zones/lists/unbound.h"

#include <array>

#include "zones/base/text.h"
#include "zones/lists/line.h"
#include "zones/lists/name_text.h"
#include "zones/lists/rewrite.h"
#include "zones/lists/rule_set.h"

namespace weir {
namespace {

constexpr std::string_view kUnboundZone = "local-zone:";
constexpr std::string_view kUnboundData = "local-data:";

struct ZoneType {
  std::string_view name;
  Action action;
};

// `redirect` without data blocks; with data those answer, which stand in local-data lines of their own.
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

bool is_redirect(std::string_view type) {
  return type == "redirect" || type == "inform_redirect";
}

// The record in a local-data line, taken apart.
struct LocalData {
  ListName owner;
  std::size_t column = 1;
  std::string_view type;
  std::string_view data;
};

LocalData read_data(std::string_view text) {
  LocalData out;
  std::size_t at = kUnboundData.size();
  const std::string_view record = next_argument(text, at);
  out.column = static_cast<std::size_t>(record.data() - text.data()) + 1;
  std::size_t within = 0;
  out.owner = parse_list_name(next_word(record, within));
  out.type = next_word(record, within);
  while (!out.type.empty() && ((out.type[0] >= '0' && out.type[0] <= '9') || to_lower_ascii(out.type) == "in"))
    out.type = next_word(record, within);
  out.data = trim(record.substr(within));
  return out;
}

bool blocks_by_address(const LocalData& data, std::optional<IpAddress>& address) {
  const std::string type = to_lower_ascii(data.type);
  if (type != "a" && type != "aaaa") return false;
  if (const auto parsed = IpAddress::parse(data.data)) address = *parsed;
  return address && (address->is_unspecified() || address->is_loopback());
}

void parse_zone(std::string_view text, const LineOptions& options, Line& line) {
  std::size_t at = kUnboundZone.size();
  const std::string_view owner = next_argument(text, at);
  const std::size_t type_column = at + 2;
  const std::string_view type = next_argument(text, at);
  const ListName name = parse_list_name(owner);
  if (!accept_name(name, static_cast<std::size_t>(owner.data() - text.data()) + 1, line)) return;
  for (const ZoneType& known : kZoneTypes) {
    if (known.name != type) continue;
    if (is_redirect(type) && options.rewrites && options.unbound != nullptr &&
        options.unbound->answered.contains(hash_name(name.name))) {
      return line.end(Bucket::duplicate, type_column, "its local-data lines answer for it and everything below");
    }
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

void parse_data(std::string_view text, const LineOptions& options, Line& line) {
  const LocalData data = read_data(text);
  if (!accept_name(data.owner, data.column, line)) return;
  Rule rule;
  const bool redirected =
      options.unbound != nullptr && options.unbound->redirected.contains(hash_name(data.owner.name));
  rule.kind = redirected ? PatternKind::subtree : PatternKind::exact;
  rule.name = data.owner.name;
  rule.action = options.kind == ListKind::allow ? Action::allow : options.own_actions ? Action::null : Action::block;
  const auto type = parse_record_type(data.type);
  if (!type) return line.end(Bucket::unsupported_pattern, data.column, "local-data without a record type");
  std::optional<IpAddress> address;
  const bool blocks = blocks_by_address(data, address);
  if ((*type == RecordType::a || *type == RecordType::aaaa) && !address)
    return line.end(Bucket::invalid_address, data.column, "local-data without an address");
  if (!blocks && options.kind == ListKind::block) {
    if (!options.rewrites) {
      return line.end(Bucket::untrusted_rewrite, data.column,
                      "answers with data: only a list with rewrites = true may do that");
    }
    if (address) {
      rule.action = Action::address;
      rule.detail.addresses = {*address};
    } else {
      auto record = read_answer_data(*type, data.data, kRewriteTtl);
      if (!record) return line.end(Bucket::unsupported_pattern, data.column, record.error().message);
      rule.action = Action::answer;
      rule.detail.records = {std::move(*record)};
    }
  }
  line.rules.push_back(std::move(rule));
  line.bucket = Bucket::rule;
}

}  // namespace

void note_unbound_line(std::string_view text, UnboundZones& zones) {
  if (text.starts_with(kUnboundZone)) {
    std::size_t at = kUnboundZone.size();
    const ListName name = parse_list_name(next_argument(text, at));
    if (name.fault == NameFault::none && is_redirect(next_argument(text, at)))
      zones.redirected.insert(hash_name(name.name));
  } else if (text.starts_with(kUnboundData)) {
    const LocalData data = read_data(text);
    std::optional<IpAddress> address;
    if (data.owner.fault == NameFault::none && !blocks_by_address(data, address))
      zones.answered.insert(hash_name(data.owner.name));
  }
}

void parse_unbound_line(std::string_view text, const LineOptions& options, Line& line) {
  if (text.starts_with(kUnboundZone)) return parse_zone(text, options, line);
  if (text.starts_with(kUnboundData)) return parse_data(text, options, line);
  line.end(Bucket::not_a_filter_directive, 1, "an option that says nothing of names");
}

}  // namespace weir
