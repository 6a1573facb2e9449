#include "resolver/server/answer_builder.h"

#include <algorithm>

#include "resolver/base/limits.h"
#include "zones/dns/message.h"

namespace weir {
namespace {

constexpr std::size_t kMaxMessage = 65535;
constexpr std::size_t kRecordFixedSize = 10;  // type, class, TTL, length

// Writes RRsets whole; returns how many records, or nothing where they do not fit.
std::optional<std::uint16_t> write_section(Writer& writer, const std::vector<Rrset>& rrsets, const Name& qname) {
  std::size_t records = 0;
  for (const Rrset& rrset : rrsets) {
    if (rrset.owner == qname) {
      // In the question's spelling, so that it points there and shows each client's own case.
      Rrset same = rrset;
      same.owner = qname;
      same.write(writer, rrset.ttl_seconds);
    } else {
      rrset.write(writer, rrset.ttl_seconds);
    }
    records += rrset.size();
  }
  if (!writer.ok() || records > 0xFFFF) return std::nullopt;
  return static_cast<std::uint16_t>(records);
}

std::size_t skip_name(std::span<const std::uint8_t> wire, std::size_t at) {
  while (wire[at] != 0) {
    if ((wire[at] & 0xC0) == 0xC0) return at + 2;
    at += wire[at] + 1U;
  }
  return at + 1;
}

// Of a message that we wrote ourselves.
void find_ttls(std::span<const std::uint8_t> wire, std::size_t at, std::size_t records,
               std::vector<std::uint16_t>& out) {
  for (; records > 0; --records) {
    at = skip_name(wire, at);
    out.push_back(static_cast<std::uint16_t>(at + 4));
    at += kRecordFixedSize + (static_cast<std::size_t>(wire[at + 8]) << 8 | wire[at + 9]);
  }
}

Query question_only(const ResolutionResult& result, const Name& qname) {
  Query query;
  query.qname = qname.wire();
  query.qname_labels = static_cast<std::uint8_t>(qname.label_count());
  query.type = result.question.type;
  query.record_class = result.question.record_class;
  return query;
}

// The aliases that the engine followed. One that is asked for, or comes with ANY, is the answer itself (RFC 1034
// section 3.6.2); the CNAME that a DNAME stands for is a link whatever is asked, and the DNAME's own target none.
void read_chain(ResolutionResult& result) {
  const RecordType asked = result.question.type;
  const bool ends_at_alias = asked == RecordType::cname || asked == RecordType::any;
  Name at = result.question.name;
  for (std::uint64_t links = 0; links <= limit_of(Limit::aliases); ++links) {
    const auto alias = std::ranges::find_if(
        result.answer, [&](const Rrset& rrset) { return rrset.type == RecordType::cname && rrset.owner == at; });
    if (alias == result.answer.end()) return;
    const bool of_dname = std::ranges::any_of(result.answer, [&](const Rrset& rrset) {
      return rrset.type == RecordType::dname && rrset.owner != at && at.is_at_or_below(rrset.owner);
    });
    if (ends_at_alias && !of_dname) return;
    auto target = rdata_name(*alias->records().begin());
    if (!target) return;
    result.aliases.push_back({at, *target, of_dname ? RecordType::dname : RecordType::cname, {}});
    at = std::move(*target);
  }
}

}  // namespace

void build_answer(const ResolutionResult& result, BuiltAnswer& out) {
  const Name qname = result.question.name.folded();
  const Query query = question_only(result, qname);
  out.scratch.resize(kMaxMessage);
  out.ttl_offsets.clear();
  out.rcode = result.rcode;
  out.ttl_seconds = static_cast<std::uint32_t>(std::max<std::int64_t>(result.ttl.count(), 0));

  Writer writer(out.scratch);
  begin_reply(writer, query, {});
  const std::size_t question_end = writer.size();
  const auto answers = write_section(writer, result.answer, qname);
  const auto authority = answers ? write_section(writer, result.authority, qname) : std::nullopt;
  const auto additional = authority ? write_section(writer, result.additional, qname) : std::nullopt;
  if (!additional) {
    out.rcode = Rcode::servfail;
    out.wire.assign(out.scratch.begin(), out.scratch.begin() + static_cast<std::ptrdiff_t>(question_end));
    return;
  }
  set_counts(out.scratch, *answers, *authority, *additional);
  out.wire.assign(out.scratch.begin(), out.scratch.begin() + static_cast<std::ptrdiff_t>(writer.size()));
  find_ttls(out.wire, question_end, std::size_t{*answers} + *authority + *additional, out.ttl_offsets);
  for (const auto* section : {&result.answer, &result.authority, &result.additional}) {
    for (const Rrset& rrset : *section) out.ttl_seconds = std::min(out.ttl_seconds, rrset.ttl_seconds);
  }
}

std::optional<ResolutionResult> read_stored_answer(std::span<const std::uint8_t> wire) {
  auto message = read_message(wire);
  if (!message || !message->start.has_question) return std::nullopt;
  ResolutionResult result;
  result.question = {message->start.qname, message->start.qtype, message->start.qclass};
  result.answer = std::move(message->answer);
  read_chain(result);
  return result;
}

ReplyFlags stored_flags(const Query& query, Rcode rcode, Security security) {
  ReplyFlags flags;
  flags.rcode = rcode;
  // Only what was asked for: DO or AD in the query (RFC 6840 section 5.7). Who sets CD checks for himself, and whether
  // we have checked too would depend on who asked before him.
  flags.authentic_data =
      security == Security::secure && (query.dnssec_ok || query.authentic_data) && !query.checking_disabled;
  return flags;
}

}  // namespace weir
