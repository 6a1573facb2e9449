#include "resolver/server/shown_aliases.h"

#include <algorithm>
#include <utility>

#include "resolver/base/limits.h"
#include "zones/dns/message.h"

namespace weir {
namespace {

Rrset alias_of(const Name& owner, const Name& target, std::uint32_t ttl) {
  Rrset link;
  link.owner = owner;
  link.type = RecordType::cname;
  link.ttl_seconds = ttl;
  link.add(target.wire());
  return link;
}

}  // namespace

LocalAlias alias_to(const Substitution& substitution, const Query& query) {
  if (!substitution.links.empty()) return {substitution.links, substitution.target};
  return {{alias_of(query.name(), substitution.target, substitution.ttl_seconds)}, substitution.target};
}

ResolutionResult behind_alias(const ResolutionResult& result, const Query& query, const LocalAlias& alias) {
  ResolutionResult out = result;
  out.question.name = query.name();
  if (out.security == Security::secure) out.security = Security::insecure;
  if (out.rcode != Rcode::servfail && out.rcode != Rcode::refused)
    out.answer.insert(out.answer.begin(), alias.links.begin(), alias.links.end());
  return out;
}

AliasQuestion::AliasQuestion(const Query& asked, const Name& name) : message_(kHeaderSize + name.size() + 4) {
  Writer writer(message_);
  for (const unsigned word : {unsigned{asked.id}, asked.recursion_desired ? 0x0100U : 0U, 1U, 0U, 0U, 0U})
    writer.u16(static_cast<std::uint16_t>(word));
  writer.name_uncompressed(name);
  writer.u16(static_cast<std::uint16_t>(asked.type));
  writer.u16(static_cast<std::uint16_t>(asked.record_class));
  query_ = parse_query(message_).query;
  query_.has_edns = asked.has_edns;
  query_.options = asked.options;
  query_.udp_payload_size = asked.udp_payload_size;
}

bool shows_aliases(const FilterVerdict& verdict, const AnswerMatches& parts, const Asker& asker) {
  return verdict.blocked() && verdict.part > 0 && asker.policy().aliases == AliasAnswers::shown &&
         parts[static_cast<std::size_t>(verdict.part)].part == AnswerPart::alias;
}

std::vector<Rrset> links_to(const ResolutionResult& answer, const Name& name, const Name& link, std::uint32_t ttl) {
  std::vector<Rrset> out;
  Name at = name;
  for (std::uint64_t links = 0; at != link; ++links) {
    if (links == limit_of(Limit::aliases)) return {};
    const auto known = std::ranges::find_if(answer.aliases, [&](const AliasLink& alias) { return alias.owner == at; });
    const auto alias = std::ranges::find_if(
        answer.answer, [&](const Rrset& rrset) { return rrset.type == RecordType::cname && rrset.owner == at; });
    const auto tree = std::ranges::find_if(answer.answer, [&](const Rrset& rrset) {
      return rrset.type == RecordType::dname && at != rrset.owner && at.is_at_or_below(rrset.owner);
    });
    if (tree != answer.answer.end()) out.push_back(*tree);
    if (alias != answer.answer.end()) {
      out.push_back(*alias);
    } else if (known != answer.aliases.end()) {
      out.push_back(alias_of(at, known->target, ttl));
    } else {
      return {};
    }
    auto target = rdata_name(*out.back().records().begin());
    if (!target) return {};
    at = std::move(*target);
  }
  return out;
}

std::shared_ptr<const Substitution> lead_on(const Substitution& before, std::vector<Rrset> links, Name target,
                                            std::optional<std::uint32_t> ttl_cap) {
  auto out = std::make_shared<Substitution>(before);
  out->target = std::move(target);
  out->links = std::move(links);
  out->decides_again = true;
  if (ttl_cap) out->ttl_cap = std::min(*ttl_cap, out->ttl_cap.value_or(*ttl_cap));
  return out;
}

std::optional<ResolutionResult> read_block_answer(std::span<const std::uint8_t> message) {
  auto read = read_message(message);
  if (!read || read->start.flags.truncated) return std::nullopt;
  ResolutionResult out;
  out.question = {read->start.qname, read->start.qtype, read->start.qclass};
  out.rcode = read->rcode;
  out.answer = std::move(read->answer);
  out.authority = std::move(read->authority);
  out.additional = std::move(read->additional);
  return out;
}

}  // namespace weir
