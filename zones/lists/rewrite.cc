#include "zones/lists/rewrite.h"

#include <algorithm>

#include "zones/base/text.h"
#include "zones/dns/record_text.h"
#include "zones/lists/name_text.h"

namespace weir {
namespace {

constexpr std::size_t kMaxStringSize = 255;  // of one character-string, RFC 1035 section 3.3

bool read_address_or_name(std::string_view text, Rule& rule) {
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
}

// What an RCODE alone asks for.
std::optional<Action> action_of_rcode(std::string_view lower) {
  if (lower == "nxdomain") return Action::nxdomain;
  if (lower == "refused") return Action::refused;
  if (lower == "noerror") return Action::nodata;
  return std::nullopt;
}

std::string read_record(std::string_view type_text, std::string_view value, Rule& rule) {
  const auto type = parse_record_type(type_text);
  if (!type) return "'" + std::string(type_text.substr(0, 40)) + "' is not a record type";
  if (*type == RecordType::a || *type == RecordType::aaaa || *type == RecordType::cname) {
    const bool read = read_address_or_name(value, rule);
    const bool fits = *type == RecordType::cname ? rule.action == Action::cname
                                                 : rule.action == Action::address &&
                                                       (rule.detail.addresses.front().family == AddressFamily::ipv4) ==
                                                           (*type == RecordType::a);
    return read && fits ? "" : "the value does not fit the type " + to_text(*type);
  }
  auto record = read_answer_data(*type, value, kRewriteTtl);
  if (!record) return record.error().message;
  rule.action = Action::answer;
  rule.detail.records = {std::move(*record)};
  return {};
}

std::string read_value(std::string_view value, Rule& rule) {
  const auto first = value.find(';');
  const auto action = action_of_rcode(to_lower_ascii(value.substr(0, first)));
  const bool alone = first == std::string_view::npos || value.substr(first) == ";;";
  if (alone && action) {
    rule.action = *action;
    return {};
  }
  if (first == std::string_view::npos)
    return read_address_or_name(value, rule) ? "" : "an address, a name or an RCODE was expected";
  const auto second = value.find(';', first + 1);
  if (action != Action::nodata || second == std::string_view::npos)
    return "not an answer that weir can give: NOERROR;TYPE;VALUE, NXDOMAIN or REFUSED was expected";
  return read_record(value.substr(first + 1, second - first - 1), value.substr(second + 1), rule);
}

}  // namespace

std::string read_rewrite(std::string_view value, Rule& rule) {
  const bool lifts = rule.action == Action::allow;
  if (lifts) rule.exception = true;
  if (!value.empty()) return read_value(value, rule);
  if (!lifts) return "an answer was expected";
  rule.action = Action::answer;  // without records: all of them
  return {};
}

Result<AnswerData> read_answer_data(RecordType type, std::string_view text, std::uint32_t ttl_seconds) {
  AnswerData out;
  out.type = type;
  out.ttl_seconds = ttl_seconds;
  if (type == RecordType::txt && !text.starts_with('"')) {
    for (std::size_t at = 0; at == 0 || at < text.size(); at += kMaxStringSize) {
      const std::string_view piece = text.substr(at, kMaxStringSize);
      out.rdata.push_back(static_cast<std::uint8_t>(piece.size()));
      out.rdata.insert(out.rdata.end(), piece.begin(), piece.end());
    }
    return out;
  }
  auto record = parse_resource_record(". 0 IN " + to_text(type) + " " + std::string(text), ttl_seconds);
  if (!record) return Error{ErrorCode::invalid, to_text(type) + " data: " + record.error().message};
  if (record->type != type) return Error{ErrorCode::invalid, "data of another type than " + to_text(type)};
  out.rdata = std::move(record->rdata);
  return out;
}

}  // namespace weir
