#include "tools/sidecar/policy_record.h"

#include <string>
#include <string_view>
#include <utility>

namespace weir::sidecar {
namespace {

AnswerData alias_of(const Name& target, std::uint32_t ttl) {
  return {RecordType::cname, ttl, {target.wire().begin(), target.wire().end()}};
}

AnswerData alias_of(std::string_view target, std::uint32_t ttl) {
  return alias_of(Name::parse(target).value_or(Name()), ttl);
}

AnswerData address_of(const IpAddress& address, std::uint32_t ttl) {
  const auto bytes = address.bytes();
  return {address.family == AddressFamily::ipv4 ? RecordType::a : RecordType::aaaa, ttl, {bytes.begin(), bytes.end()}};
}

std::vector<AnswerData> nulls(std::uint32_t ttl) {
  IpAddress ipv4;
  ipv4.family = AddressFamily::ipv4;
  IpAddress ipv6;
  ipv6.family = AddressFamily::ipv6;
  return {address_of(ipv4, ttl), address_of(ipv6, ttl)};
}

std::vector<AnswerData> target_of(const Name& target, bool below, std::uint32_t ttl) {
  const auto wild = below ? target.child("*") : std::optional(target);
  return {wild ? alias_of(*wild, ttl) : alias_of("*.", ttl)};
}

std::vector<AnswerData> block_records(const BlockAnswer& block) {
  const std::uint32_t ttl = block.ttl_seconds;
  std::vector<AnswerData> out;
  switch (block.mode) {
    case BlockMode::null:
      return nulls(ttl);
    case BlockMode::address:
      if (block.ipv4) out.push_back(address_of(*block.ipv4, ttl));
      if (block.ipv6) out.push_back(address_of(*block.ipv6, ttl));
      return out.empty() ? std::vector{alias_of("*.", ttl)} : out;
    case BlockMode::nodata:
      return {alias_of("*.", ttl)};
    case BlockMode::cname:
      if (block.target) return target_of(*block.target, false, ttl);
      break;
    case BlockMode::nxdomain:
    case BlockMode::refused:
      break;
  }
  return {alias_of(Name(), ttl)};
}

// Every action but `answer`, whose records may come of several rules.
std::vector<AnswerData> action_records(Action action, const RuleDetail* detail, const ListDefinition& list,
                                       const BlockAnswer& block) {
  const std::uint32_t ttl = block.ttl_seconds;
  switch (action) {
    case Action::allow:
      return {alias_of("rpz-passthru.", ttl)};
    case Action::null:
      return nulls(ttl);
    case Action::nxdomain:
    case Action::refused:
      return {alias_of(Name(), ttl)};
    case Action::nodata:
      return {alias_of("*.", ttl)};
    case Action::drop:
      return {alias_of("rpz-drop.", ttl)};
    case Action::truncate:
      return {alias_of("rpz-tcp-only.", ttl)};
    case Action::address: {
      std::vector<AnswerData> out;
      if (detail != nullptr)
        for (const IpAddress& address : detail->addresses) out.push_back(address_of(address, ttl));
      return out.empty() ? block_records(block) : out;
    }
    case Action::cname:
      if (list.override_target) return target_of(*list.override_target, false, ttl);
      if (detail != nullptr && detail->target) return target_of(*detail->target, detail->target_below, ttl);
      return {alias_of("*.", ttl)};
    case Action::answer:
      return detail != nullptr && !detail->records.empty() ? detail->records : std::vector{alias_of("*.", ttl)};
    case Action::block:
      break;
  }
  return block_records(block);
}

// An answer of data: what the winner and its like have, which stand in one list on one name.
std::vector<AnswerData> data_records(const Match& winner, const MatchSet& matches, const DetailSource& details,
                                     std::uint32_t ttl) {
  std::vector<AnswerData> out;
  for (const Match& match : matches.matches) {
    if (match.list != winner.list || match.kind != winner.kind || match.labels != winner.labels) continue;
    if (match.action != Action::answer || match.exception()) continue;
    const RuleDetail* detail = details.detail({match.detail});
    if (detail != nullptr) out.insert(out.end(), detail->records.begin(), detail->records.end());
  }
  return out.empty() ? std::vector{alias_of("*.", ttl)} : out;
}

}  // namespace

std::vector<AnswerData> policy_records(const Verdict& verdict, const MatchSet& matches, const DecideContext& context) {
  if (verdict.outcome == Outcome::none) return {};
  const BlockAnswer& block = context.policies.policies[context.policies.groups[context.group].policy].block;
  if (verdict.winner == kNoRule) return block_records(block);  // default deny
  const Match& winner = match_at(matches, context, verdict.winner);
  const ListDefinition* list = context.policies.find_list(winner.list_id());
  if (list == nullptr) return {};
  if (verdict.action == Action::answer) return data_records(winner, matches, context.details, block.ttl_seconds);
  const RuleDetail* detail = winner.detail == 0 ? nullptr : context.details.detail({winner.detail});
  return action_records(verdict.action, detail, *list, block);
}

std::vector<AnswerData> policy_records(const Rule& rule, const ListDefinition& list, const Policy& policy) {
  const Action action = list.override_action ? *list.override_action : rule.action;
  return action_records(action, &rule.detail, list, policy.block);
}

std::optional<Name> trigger_owner(const Rule& rule) {
  std::string text;
  std::string_view last;
  switch (rule.kind) {
    case PatternKind::address:
      last = "rpz-ip";
      break;
    case PatternKind::client:
      last = "rpz-client-ip";
      break;
    case PatternKind::ns_address:
      last = "rpz-nsip";
      break;
    case PatternKind::ns_name: {
      const auto wild = rule.pattern == kNameServersBelow ? rule.name.child("*") : std::optional(rule.name);
      const auto suffix = Name::parse("rpz-nsdname");
      return wild && suffix ? wild->replace_suffix(Name(), *suffix) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
  const IpAddress& address = rule.prefix.address;
  const auto octets = address.bytes();
  text = std::to_string(rule.prefix.length);
  if (address.family == AddressFamily::ipv4) {
    for (std::size_t i = octets.size(); i-- > 0;) text += '.' + std::to_string(octets[i]);
  } else {
    // The longest run of zero words is `zz`, in the form that all read: RFC 5952's run, the first of equal ones.
    unsigned words[8];
    for (std::size_t i = 0; i < 8; ++i) words[i] = static_cast<unsigned>(octets[2 * i] << 8 | octets[2 * i + 1]);
    std::size_t run_at = 8;
    std::size_t run = 1;
    for (std::size_t i = 0; i < 8; ++i) {
      std::size_t size = 0;
      while (i + size < 8 && words[i + size] == 0) ++size;
      if (size > run) {
        run = size;
        run_at = i;
      }
    }
    constexpr char kDigits[] = "0123456789abcdef";
    for (std::size_t i = 8; i-- > 0;) {
      if (run_at < 8 && i >= run_at && i < run_at + run) {
        if (i == run_at) text += ".zz";
        continue;
      }
      std::string word;
      for (int shift = 12; shift >= 0; shift -= 4) {
        const unsigned digit = words[i] >> shift & 15U;
        if (digit != 0 || !word.empty() || shift == 0) word += kDigits[digit];
      }
      text += '.' + word;
    }
  }
  const auto owner = Name::parse(text + '.' + std::string(last));
  return owner ? std::optional(*owner) : std::nullopt;
}

}  // namespace weir::sidecar
