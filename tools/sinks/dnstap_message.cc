#include "tools/sinks/dnstap_message.h"

#include <dnstap.pb-c.h>

#include <algorithm>
#include <optional>
#include <span>

#include "tools/support/json_members.h"
#include "zones/base/version.h"

namespace weir::sinks {
namespace {

constexpr std::size_t kDnsHeaderSize = 12;
constexpr std::uint8_t kNxdomain = 3;
constexpr std::uint8_t kRefused = 5;

ProtobufCBinaryData view(const std::string& octets) {
  return {octets.size(), reinterpret_cast<std::uint8_t*>(const_cast<char*>(octets.data()))};
}

std::string text(std::span<const std::uint8_t> octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

bool was_answered_by_policy(const Decision& decision) {
  return decision.decision_class == DecisionClass::blocked || decision.decision_class == DecisionClass::rebinding;
}

std::uint8_t rcode_of(const Decision& decision) {
  if (!was_answered_by_policy(decision)) return 0;
  const bool by_mode = decision.action == Action::block;
  if (decision.action == Action::nxdomain || (by_mode && decision.mode == BlockMode::nxdomain)) return kNxdomain;
  if (decision.action == Action::refused || (by_mode && decision.mode == BlockMode::refused)) return kRefused;
  return 0;
}

std::string message_of(const Decision& decision, std::uint16_t flags) {
  std::string out(kDnsHeaderSize, '\0');
  out[2] = static_cast<char>(flags >> 8);
  out[3] = static_cast<char>(flags);
  out[5] = 1;  // one question
  out += text(decision.qname.wire());
  const auto type = static_cast<std::uint16_t>(decision.qtype);
  out += static_cast<char>(type >> 8);
  out += static_cast<char>(type);
  return out += std::string("\0\1", 2);  // IN
}

// dnstap has none for REFUSED.
std::optional<Dnstap__Policy__Action> action_of(const Decision& decision) {
  if (!was_answered_by_policy(decision)) return DNSTAP__POLICY__ACTION__PASS;
  switch (decision.action) {
    case Action::allow:
      return DNSTAP__POLICY__ACTION__PASS;
    case Action::nxdomain:
      return DNSTAP__POLICY__ACTION__NXDOMAIN;
    case Action::nodata:
      return DNSTAP__POLICY__ACTION__NODATA;
    case Action::drop:
      return DNSTAP__POLICY__ACTION__DROP;
    case Action::truncate:
      return DNSTAP__POLICY__ACTION__TRUNCATE;
    case Action::refused:
      return std::nullopt;
    case Action::null:
    case Action::address:
    case Action::cname:
    case Action::answer:
      return DNSTAP__POLICY__ACTION__LOCAL_DATA;
    case Action::block:
      break;
  }
  switch (decision.mode) {
    case BlockMode::nxdomain:
      return DNSTAP__POLICY__ACTION__NXDOMAIN;
    case BlockMode::nodata:
      return DNSTAP__POLICY__ACTION__NODATA;
    case BlockMode::refused:
      return std::nullopt;
    case BlockMode::null:
    case BlockMode::address:
    case BlockMode::cname:
      break;
  }
  return DNSTAP__POLICY__ACTION__LOCAL_DATA;
}

struct Matched {
  Dnstap__Policy__Match match = DNSTAP__POLICY__MATCH__QNAME;
  std::string value;  // a name in wire format, or an address; of a client nothing: that is for the privacy level to say
};

Matched matched_by(const Decision& decision) {
  switch (decision.link) {
    case LinkKind::alias:
      return {DNSTAP__POLICY__MATCH__QNAME, text(decision.link_name.wire())};
    case LinkKind::address:
      return {DNSTAP__POLICY__MATCH__RESPONSE_IP, text(decision.link_address.bytes())};
    case LinkKind::client:
      return {DNSTAP__POLICY__MATCH__CLIENT_IP, {}};
    case LinkKind::name_server:
      if (decision.winner.kind == PatternKind::ns_address)
        return {DNSTAP__POLICY__MATCH__NS_IP, text(decision.link_address.bytes())};
      return {DNSTAP__POLICY__MATCH__NS_NAME, text(decision.link_name.wire())};
    case LinkKind::qname:
    case LinkKind::default_deny:
      break;
  }
  return {DNSTAP__POLICY__MATCH__QNAME, text(decision.qname.wire())};
}

std::string rule_of(const Row& row) {
  const std::string list = text_member(row.shown, "list");
  return list.empty() ? std::string() : list + ": " + text_member(row.shown, "pattern");
}

}  // namespace

std::string encode_dnstap(const Row& row, const std::string& identity) {
  const Decision& decision = row.decision;
  constexpr std::uint16_t kQuery = 0x0100;     // RD
  constexpr std::uint16_t kResponse = 0x8180;  // QR RD RA
  const std::string query = message_of(decision, kQuery);
  const std::string response = message_of(decision, static_cast<std::uint16_t>(kResponse | rcode_of(decision)));
  const std::string program = std::string("weir ") + version();
  std::string extra = json_line(row);
  extra.pop_back();

  Dnstap__Message message = DNSTAP__MESSAGE__INIT;
  message.type = DNSTAP__MESSAGE__TYPE__CLIENT_RESPONSE;
  message.has_socket_protocol = 1;
  message.socket_protocol =
      decision.transport == Transport::tcp ? DNSTAP__SOCKET_PROTOCOL__TCP : DNSTAP__SOCKET_PROTOCOL__UDP;
  const std::string address = text(decision.client.address.bytes());
  if (decision.client.level == Privacy::full || decision.client.level == Privacy::prefix) {
    message.has_socket_family = 1;
    message.socket_family = decision.client.address.family == AddressFamily::ipv6 ? DNSTAP__SOCKET_FAMILY__INET6
                                                                                  : DNSTAP__SOCKET_FAMILY__INET;
    message.has_query_address = 1;
    message.query_address = view(address);
  }
  const auto put_time = [](WallTime time, std::uint64_t& seconds, std::uint32_t& nanoseconds) {
    const auto since = time.time_since_epoch();
    seconds = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(since).count());
    nanoseconds = static_cast<std::uint32_t>(
        std::chrono::nanoseconds(since - std::chrono::floor<std::chrono::seconds>(since)).count());
  };
  message.has_query_time_sec = message.has_query_time_nsec = 1;
  put_time(decision.time - std::chrono::microseconds(decision.latency_us), message.query_time_sec,
           message.query_time_nsec);
  message.has_response_time_sec = message.has_response_time_nsec = 1;
  put_time(decision.time, message.response_time_sec, message.response_time_nsec);
  message.has_query_message = message.has_response_message = 1;
  message.query_message = view(query);
  message.response_message = view(response);

  Dnstap__Policy policy = DNSTAP__POLICY__INIT;
  std::string type = "weir";
  const std::string rule = rule_of(row);
  const Matched matched = matched_by(decision);
  if (decision.decision_class != DecisionClass::resolved) {
    policy.type = type.data();
    policy.has_rule = rule.empty() ? 0 : 1;
    policy.rule = view(rule);
    if (const auto action = action_of(decision)) {
      policy.has_action = 1;
      policy.action = *action;
    }
    policy.has_match = 1;
    policy.match = matched.match;
    policy.has_value = matched.value.empty() ? 0 : 1;
    policy.value = view(matched.value);
    message.policy = &policy;
  }

  Dnstap__Dnstap tap = DNSTAP__DNSTAP__INIT;
  tap.type = DNSTAP__DNSTAP__TYPE__MESSAGE;
  tap.has_identity = tap.has_version = tap.has_extra = 1;
  tap.identity = view(identity);
  tap.version = view(program);
  tap.extra = view(extra);
  tap.message = &message;
  std::string out(dnstap__dnstap__get_packed_size(&tap), '\0');
  dnstap__dnstap__pack(&tap, reinterpret_cast<std::uint8_t*>(out.data()));
  return out;
}

}  // namespace weir::sinks
