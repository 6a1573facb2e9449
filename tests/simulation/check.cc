#include "tests/simulation/check.h"

#include <algorithm>
#include <set>

#include "zones/dns/message.h"
#include "zones/dns/writer.h"

namespace weir::simulation {
namespace {

using world::Authentic;
using world::Outcome;

using Contents = std::set<std::pair<std::pair<world::Octets, RecordType>, std::set<world::Octets>>>;

// What an answer section holds, without order and without RRSIGs.
Contents contents_of(const std::vector<Rrset>& section) {
  Contents out;
  for (const Rrset& rrset : section) {
    if (rrset.type == RecordType::rrsig) continue;
    std::set<world::Octets> records;
    for (const auto rdata : rrset.records()) records.emplace(rdata.begin(), rdata.end());
    out.insert({{world::wire_of(rrset.owner), rrset.type}, std::move(records)});
  }
  return out;
}

bool same_records(const Message& message, const Outcome& outcome) {
  if (message.rcode != outcome.rcode) return false;
  const Contents got = contents_of(message.answer);
  const Contents wanted = contents_of(outcome.answer);
  if (!outcome.any_subset) return got == wanted;
  return !got.empty() && std::ranges::includes(wanted, got);
}

std::string section_text(const std::vector<Rrset>& section) {
  std::string out;
  for (const Rrset& rrset : section) {
    out += "    " + rrset.owner.to_text() + " " + std::to_string(rrset.ttl_seconds) + " " + weir::to_text(rrset.type);
    if (rrset.type == RecordType::rrsig) out += "(" + weir::to_text(rrset.type_covered) + ")";
    for (const auto rdata : rrset.records()) {
      const auto name =
          rrset.type == RecordType::cname || rrset.type == RecordType::ns || rrset.type == RecordType::dname
              ? rdata_name(rdata)
              : std::nullopt;
      out += name ? " " + name->to_text() : "";
      for (std::size_t i = 0; !name && i < std::min<std::size_t>(rdata.size(), 12); ++i) {
        static constexpr char kDigits[] = "0123456789abcdef";
        out += i == 0 ? " " : "";
        out += kDigits[rdata[i] >> 4];
        out += kDigits[rdata[i] & 15];
      }
    }
    out += "\n";
  }
  return out;
}

std::string describe(const Outcome& outcome) {
  static constexpr const char* kAuthentic[] = {"AD", "AD or not", "no AD"};
  return "  " + weir::to_text(outcome.rcode) + ", " + kAuthentic[static_cast<std::size_t>(outcome.authentic)] +
         (outcome.bogus ? ", with CD only" : "") + "\n" + section_text(outcome.answer);
}

}  // namespace

std::string to_text(const Message& message) {
  const MessageFlags& flags = message.start.flags;
  return "  " + weir::to_text(message.rcode) + (flags.authentic_data ? " AD" : "") + (flags.truncated ? " TC" : "") +
         (message.edns && message.edns->ede ? " EDE " + std::to_string(static_cast<unsigned>(*message.edns->ede))
                                            : "") +
         "\n" + section_text(message.answer) + (message.authority.empty() ? "" : "   authority\n") +
         section_text(message.authority);
}

std::vector<std::uint8_t> write_query(const ClientQuery& query, std::uint16_t id) {
  std::vector<std::uint8_t> out(512);
  Writer writer(out);
  writer.u16(id);
  writer.u16(static_cast<std::uint16_t>((query.recursion_desired ? 0x0100 : 0) | (query.authentic_data ? 0x0020 : 0) |
                                        (query.checking_disabled ? 0x0010 : 0)));
  writer.u16(1);
  writer.u16(0);
  writer.u16(0);
  writer.u16(query.edns ? 1 : 0);
  writer.name(query.question.name);
  writer.u16(static_cast<std::uint16_t>(query.question.type));
  writer.u16(static_cast<std::uint16_t>(query.question.record_class));
  if (query.edns) {
    writer.u8(0);
    writer.u16(static_cast<std::uint16_t>(RecordType::opt));
    writer.u16(1232);
    writer.u16(0);
    writer.u16(query.dnssec_ok ? 0x8000 : 0);
    writer.u16(0);
  }
  out.resize(writer.size());
  return out;
}

std::string Checker::compare(const ClientQuery& query, const Message& message, const world::Expected& expected,
                             Time time) const {
  const bool wants_proof = query.dnssec_ok || query.authentic_data;
  const bool authentic = message.start.flags.authentic_data;
  if (message.rcode == Rcode::refused && !query.recursion_desired) return {};
  if (message.rcode == Rcode::servfail) {
    return expected.failure_allowed || oracle_.failed_lately(query.question, time) ? "" : "it must not fail";
  }
  if (expected.is_open) return {};
  std::string near;
  for (const Outcome& outcome : expected.outcomes) {
    if (!same_records(message, outcome) || (outcome.bogus && !query.checking_disabled)) continue;
    if (authentic && (outcome.authentic == Authentic::forbidden || outcome.bogus)) {
      near = "AD, which the oracle cannot prove";
    } else if (authentic && !wants_proof) {
      near = "AD for one who set neither DO nor AD";
    } else if (!authentic && wants_proof && !query.checking_disabled && outcome.authentic == Authentic::required) {
      near = "no AD, though all of it is secure";
    } else {
      return {};
    }
  }
  return near.empty() ? "it is not what the zones hold" : near;
}

Checked Checker::check(const ClientQuery& query, std::span<const std::uint8_t> sent,
                       std::span<const std::uint8_t> answer, Time asked, Time time) const {
  Checked out;
  const auto message = read_message(answer);
  if (!message) {
    out.wrong = "it cannot be read: " + message.error().message;
    return out;
  }
  const MessageStart& start = message->start;
  out.rcode = message->rcode;
  const std::size_t question = query.question.name.size() + 4;
  const bool echoed =
      answer.size() >= 12 + question && std::equal(sent.begin(), sent.begin() + 2, answer.begin()) &&
      std::equal(sent.begin() + 12, sent.begin() + 12 + static_cast<std::ptrdiff_t>(question), answer.begin() + 12);
  if (!echoed || !start.flags.response || start.flags.recursion_desired != query.recursion_desired) {
    out.wrong = "ID, question or flags are not the query's";
    return out;
  }
  out.truncated = start.flags.truncated;
  if (out.truncated) return out;
  const world::Expected expected = oracle_.expected(query.question, time);
  out.wrong = compare(query, *message, expected, time);
  out.failed = message->rcode == Rcode::servfail;
  out.authentic = start.flags.authentic_data;
  out.ttl = ~0U;
  std::set<std::pair<Name, Name>> synthesised;
  for (const auto* section : {&message->answer, &message->authority}) {
    for (const Rrset& rrset : *section) {
      out.ttl = std::min(out.ttl, rrset.ttl_seconds);
      const bool dnssec =
          rrset.type == RecordType::rrsig || rrset.type == RecordType::nsec || rrset.type == RecordType::nsec3;
      if (dnssec && !query.dnssec_ok && rrset.type != query.question.type && query.question.type != RecordType::any &&
          out.wrong.empty()) {
        out.wrong = "DNSSEC records for one who did not set DO";
      }
      if (!is_made(rrset, message->answer) && out.wrong.empty()) out.wrong = ledger_.check(rrset, asked, time);
    }
  }
  if (out.ttl == ~0U) out.ttl = 0;
  if (out.wrong.empty()) return out;
  out.wrong += "\n" + to_text(*message) + " expected" +
               (expected.failure_allowed ? " (failing is allowed: " + expected.why + ")" : "") + "\n";
  for (std::size_t i = 0; i < std::min<std::size_t>(expected.outcomes.size(), 6); ++i) {
    out.wrong += describe(expected.outcomes[i]);
  }
  return out;
}

}  // namespace weir::simulation
