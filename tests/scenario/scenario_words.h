// The words of scenario files: what each keyword means, and how lines fall into words.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenario/scenario_file.h"

namespace weir::scenario {

using Words = std::vector<std::string_view>;

template <class Value>
struct Keyword {
  std::string_view word;
  Value value;
};

inline constexpr std::array kSteps{
    Keyword<StepKind>{"QUERY", StepKind::query},
    Keyword<StepKind>{"CHECK_ANSWER", StepKind::check_answer},
    Keyword<StepKind>{"CHECK_OUT_QUERY", StepKind::check_out_query},
    Keyword<StepKind>{"REPLY", StepKind::reply},
    Keyword<StepKind>{"TIMEOUT", StepKind::timeout},
    Keyword<StepKind>{"ERROR", StepKind::error},
    Keyword<StepKind>{"TIME_PASSES", StepKind::time_passes},
    Keyword<StepKind>{"TRAFFIC", StepKind::traffic},
    Keyword<StepKind>{"NOTHING", StepKind::nothing},
    Keyword<StepKind>{"ASSIGN", StepKind::assign},
    Keyword<StepKind>{"FLUSH_MESSAGE", StepKind::flush_message},
    Keyword<StepKind>{"EXPIRE_MESSAGE", StepKind::expire_message},
    Keyword<StepKind>{"INFRA_RTT", StepKind::infra_rtt},
    Keyword<StepKind>{"CHECK_AUTOTRUST", StepKind::check_autotrust},
    Keyword<StepKind>{"CHECK_TEMPFILE", StepKind::check_tempfile},
};

inline constexpr std::array kMatchFlags{
    Keyword<bool Matching::*>{"opcode", &Matching::opcode},
    Keyword<bool Matching::*>{"qtype", &Matching::qtype},
    Keyword<bool Matching::*>{"qname", &Matching::qname},
    Keyword<bool Matching::*>{"qcase", &Matching::qcase},
    Keyword<bool Matching::*>{"subdomain", &Matching::subdomain},
    Keyword<bool Matching::*>{"rcode", &Matching::rcode},
    Keyword<bool Matching::*>{"flags", &Matching::flags},
    Keyword<bool Matching::*>{"question", &Matching::question},
    Keyword<bool Matching::*>{"answer", &Matching::answer},
    Keyword<bool Matching::*>{"authority", &Matching::authority},
    Keyword<bool Matching::*>{"additional", &Matching::additional},
    Keyword<bool Matching::*>{"all", &Matching::all},
    Keyword<bool Matching::*>{"all_noedns", &Matching::all_without_edns},
    Keyword<bool Matching::*>{"ttl", &Matching::ttl},
    Keyword<bool Matching::*>{"DO", &Matching::dnssec_ok},
    Keyword<bool Matching::*>{"noedns", &Matching::no_edns},
    Keyword<bool Matching::*>{"nsid", &Matching::nsid},
    Keyword<bool Matching::*>{"ednsdata", &Matching::edns_data},
    Keyword<bool Matching::*>{"client_cookie", &Matching::client_cookie},
    Keyword<bool Matching::*>{"server_cookie", &Matching::server_cookie},
    Keyword<bool Matching::*>{"ede=any", &Matching::any_ede},
};

inline constexpr std::array kAdjusts{
    Keyword<bool Adjusting::*>{"copy_id", &Adjusting::copy_id},
    Keyword<bool Adjusting::*>{"copy_query", &Adjusting::copy_query},
    Keyword<bool Adjusting::*>{"copy_cookie", &Adjusting::copy_cookie},
    Keyword<bool Adjusting::*>{"do_not_answer", &Adjusting::do_not_answer},
    Keyword<bool Adjusting::*>{"raw_id", &Adjusting::raw_id},
};

inline constexpr std::array kHeaderFlags{
    Keyword<bool MessageFlags::*>{"QR", &MessageFlags::response},
    Keyword<bool MessageFlags::*>{"AA", &MessageFlags::authoritative},
    Keyword<bool MessageFlags::*>{"TC", &MessageFlags::truncated},
    Keyword<bool MessageFlags::*>{"RD", &MessageFlags::recursion_desired},
    Keyword<bool MessageFlags::*>{"RA", &MessageFlags::recursion_available},
    Keyword<bool MessageFlags::*>{"AD", &MessageFlags::authentic_data},
    Keyword<bool MessageFlags::*>{"CD", &MessageFlags::checking_disabled},
};

inline constexpr std::array kRcodes{
    Keyword<Rcode>{"NOERROR", Rcode::noerror},   Keyword<Rcode>{"FORMERR", Rcode::formerr},
    Keyword<Rcode>{"SERVFAIL", Rcode::servfail}, Keyword<Rcode>{"NXDOMAIN", Rcode::nxdomain},
    Keyword<Rcode>{"NOTIMP", Rcode::notimp},     Keyword<Rcode>{"NOTIMPL", Rcode::notimp},
    Keyword<Rcode>{"REFUSED", Rcode::refused},   Keyword<Rcode>{"YXDOMAIN", Rcode::yxdomain},
    Keyword<Rcode>{"YXRRSET", Rcode::yxrrset},   Keyword<Rcode>{"NXRRSET", Rcode::nxrrset},
    Keyword<Rcode>{"NOTAUTH", Rcode::notauth},   Keyword<Rcode>{"NOTZONE", Rcode::notzone},
    Keyword<Rcode>{"BADVERS", Rcode::badvers},   Keyword<Rcode>{"BADCOOKIE", Rcode::badcookie},
};

inline constexpr std::array kOpcodes{
    Keyword<Opcode>{"QUERY", Opcode::query},   Keyword<Opcode>{"IQUERY", Opcode::iquery},
    Keyword<Opcode>{"STATUS", Opcode::status}, Keyword<Opcode>{"NOTIFY", Opcode::notify},
    Keyword<Opcode>{"UPDATE", Opcode::update},
};

template <class Table>
auto find_word(const Table& table, std::string_view word) {
  const auto found = std::ranges::find(table, word, [](const auto& row) { return row.word; });
  return found == table.end() ? nullptr : &*found;
}

template <class Number>
std::optional<Number> number_of(std::string_view word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

bool is_blank(char c);
// Everything before a ';' that stands neither in quotes nor behind a backslash.
std::string_view without_comment(std::string_view line);
Words words_of(std::string_view text);

struct ConfigWord {
  std::string text;
  bool is_key = false;
};
// Configuration is words: some are quoted, '#' and ';' begin a comment.
std::vector<ConfigWord> config_words(std::string_view line);

}  // namespace weir::scenario
