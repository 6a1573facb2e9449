// What a blocked client gets (SEMANTICS section 4).
#include <algorithm>

#include "resolver/filter/block_error.h"
#include "resolver/filter/filter.h"
#include "resolver/filter/part_context.h"
#include "resolver/wire/reply.h"

namespace weir {
namespace {

constexpr std::size_t kOptRoom = 48;           // an OPT with a cookie and a keepalive
constexpr std::uint32_t kMaxRecordTtl = 3600;  // of data that rules bring along, as of block answers

// What the answer is made of once rule and policy are put together.
struct Form {
  BlockMode mode = BlockMode::null;
  const RuleDetail* detail = nullptr;  // the rule's own addresses or target; nullptr: the policy's
  bool local_data = false;             // the rule's records
  const Name* target = nullptr;        // that all entries of the rule's list have
};

const RuleDetail* detail_of(const FilterVerdict& verdict, const Asker& asker) {
  if (verdict.winner == nullptr || verdict.winner->detail == 0) return nullptr;
  return asker.generation.detail({verdict.winner->detail});
}

const Name* override_target_of(const FilterVerdict& verdict, const Asker& asker) {
  if (verdict.winner == nullptr) return nullptr;
  const ListDefinition* list = asker.generation.policies().find_list(verdict.winner->list_id());
  return list != nullptr && list->override_target ? &*list->override_target : nullptr;
}

Form form_of(const FilterVerdict& verdict, const Asker& asker) {
  const BlockMode policy_mode = asker.policy().block.mode;
  const RuleDetail* detail = detail_of(verdict, asker);
  switch (verdict.verdict.action) {
    case Action::null:
      return {BlockMode::null};
    case Action::nxdomain:
      return {BlockMode::nxdomain};
    case Action::nodata:
      return {BlockMode::nodata};
    case Action::refused:
      return {BlockMode::refused};
    case Action::address:
      return detail != nullptr ? Form{BlockMode::address, detail} : Form{policy_mode};
    case Action::cname:
      if (const Name* target = override_target_of(verdict, asker)) return {BlockMode::cname, nullptr, false, target};
      return detail != nullptr && detail->target ? Form{BlockMode::cname, detail} : Form{BlockMode::nodata};
    case Action::answer:
      return {BlockMode::nodata, nullptr, true};
    default:
      return {policy_mode};
  }
}

// Where a `cname` leads; nothing: the name would be too long.
std::optional<Name> target_of(const Form& form, const Query& query, const Asker& asker) {
  if (form.target != nullptr) return *form.target;
  const std::optional<Name>& target = form.detail != nullptr ? form.detail->target : asker.policy().block.target;
  if (!target) return std::nullopt;
  if (form.detail == nullptr || !form.detail->target_below) return target;
  std::array<std::uint8_t, 2 * kMaxNameSize> wire;
  const auto end = std::copy_n(query.qname.begin(), query.qname.size() - 1, wire.begin());
  const auto size = std::copy_n(target->wire().begin(), target->size(), end) - wire.begin();
  auto name = Name::from_wire(std::span(wire).first(static_cast<std::size_t>(size)));
  if (!name) return std::nullopt;
  return std::move(*name);
}

// A CNAME is the whole answer to who asks for it, and ANY is NODATA.
bool is_followed(RecordType type) {
  return type != RecordType::cname && type != RecordType::any;
}

// The name that owns the SOA: the matched name, as far as it is the QNAME or an ancestor (RFC 2308 section 3: a
// forwarding cache throws anything else away).
Name matched_name(const Name& qname, const AnswerMatches& parts, const FilterVerdict& verdict) {
  if (verdict.winner == nullptr || verdict.part < 0) return qname;
  if (parts[static_cast<std::size_t>(verdict.part)].part != AnswerPart::qname) return qname;
  switch (verdict.winner->kind) {
    case PatternKind::exact:
    case PatternKind::subtree:
    case PatternKind::below:
      return qname.suffix(verdict.winner->labels);
    default:
      return qname;
  }
}

void write_soa(Writer& writer, const Name& owner, const Asker& asker, std::uint32_t ttl) {
  writer.name(owner);
  writer.u16(static_cast<std::uint16_t>(RecordType::soa));
  writer.u16(static_cast<std::uint16_t>(RecordClass::in));
  writer.u32(ttl);
  const std::size_t length_at = writer.size();
  writer.u16(0);
  writer.name(asker.generation.policies().mname);
  writer.name(asker.generation.policies().rname);
  writer.u32(static_cast<std::uint32_t>(asker.generation.number().value));
  writer.u32(3600);
  writer.u32(600);
  writer.u32(86400);
  writer.u32(ttl);
  writer.patch_u16(length_at, static_cast<std::uint16_t>(writer.size() - length_at - 2));
}

// Where the data come from (ListDefinition::adds_soa). False: there is nothing to say, or no room for it.
bool write_zone_soa(Writer& writer, const Query& query, const Asker& asker, const FilterVerdict& verdict) {
  if (verdict.winner == nullptr) return false;
  const ListDefinition* list = asker.generation.policies().find_list(verdict.winner->list_id());
  if (list == nullptr || !list->adds_soa || !list->soa) return false;
  const ResourceRecord& soa = *list->soa;
  constexpr std::size_t kFixed = 10;
  if (!writer.ok() || writer.room() < soa.owner.size() + kFixed + soa.rdata.size() + kOptRoom) return false;
  if (!leaves_room(writer, query)) return false;
  writer.name_uncompressed(soa.owner);
  writer.u16(static_cast<std::uint16_t>(RecordType::soa));
  writer.u16(static_cast<std::uint16_t>(RecordClass::in));
  writer.u32(std::min(soa.ttl_seconds, kMaxRecordTtl));
  writer.u16(static_cast<std::uint16_t>(soa.rdata.size()));
  writer.octets(soa.rdata);
  return true;
}

void write_record(Writer& writer, RecordType type, std::uint32_t ttl, std::span<const std::uint8_t> rdata) {
  writer.u16(0xC000 | kHeaderSize);  // the question's name
  writer.u16(static_cast<std::uint16_t>(type));
  writer.u16(static_cast<std::uint16_t>(RecordClass::in));
  writer.u32(ttl);
  writer.u16(static_cast<std::uint16_t>(rdata.size()));
  writer.octets(rdata);
}

unsigned write_addresses(Writer& writer, const Form& form, const Asker& asker, RecordType type, std::uint32_t ttl) {
  const BlockAnswer& block = asker.policy().block;
  const AddressFamily family = type == RecordType::a ? AddressFamily::ipv4 : AddressFamily::ipv6;
  if (type != RecordType::a && type != RecordType::aaaa) return 0;
  unsigned count = 0;
  const auto add = [&](const IpAddress& address) {
    if (address.family != family) return;
    write_record(writer, type, ttl, address.bytes());
    ++count;
  };
  if (form.mode == BlockMode::null) {
    IpAddress unspecified;
    unspecified.family = family;
    add(unspecified);
  } else if (form.detail != nullptr) {
    for (const IpAddress& address : form.detail->addresses) add(address);
  } else {
    if (block.ipv4) add(*block.ipv4);
    if (block.ipv6) add(*block.ipv6);
  }
  return count;
}

// Calls `each` for the records that the winner and its like, which stand in one list on one name, have for QTYPE.
template <class Each>
void for_local_data(const AnswerMatches& parts, const FilterVerdict& verdict, const Query& query, const Asker& asker,
                    const Each& each) {
  const Match& winner = *verdict.winner;
  const PartMatches& part = parts[static_cast<std::size_t>(verdict.part)];
  const DecideContext context = context_of(part, asker, query.type);
  const bool is_pattern = winner.kind == PatternKind::glob || winner.kind == PatternKind::regex;
  const MatchSet& matches = winner.kind == PatternKind::client ? *asker.client_matches : part.matches;
  for (const Match& match : matches.matches) {
    const bool same_owner = match.list == winner.list && match.kind == winner.kind && match.labels == winner.labels &&
                            match.action == Action::answer && !match.exception();
    if (!same_owner || (is_pattern && &match != &winner)) continue;
    const RuleDetail* detail = asker.generation.detail({match.detail});
    if (detail == nullptr || !applies(detail->conditions, context)) continue;
    for (const AnswerData& record : detail->records) {
      if (record.type == query.type || query.type == RecordType::any) each(record);
    }
  }
}

unsigned write_local_data(Writer& writer, const AnswerMatches& parts, const FilterVerdict& verdict, const Query& query,
                          const Asker& asker) {
  // Records of one RRset have one TTL (RFC 2181 section 5.2).
  std::uint32_t ttl = ttl_left(verdict.until, asker.now).value_or(kMaxRecordTtl);
  for_local_data(parts, verdict, query, asker,
                 [&](const AnswerData& record) { ttl = std::min({ttl, record.ttl_seconds, kMaxRecordTtl}); });
  unsigned count = 0;
  for_local_data(parts, verdict, query, asker, [&](const AnswerData& record) {
    write_record(writer, record.type, ttl, record.rdata);
    ++count;
  });
  return count;
}

}  // namespace

std::optional<std::uint32_t> ttl_left(const std::optional<WallTime>& until, WallTime now) {
  if (!until) return std::nullopt;
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(*until - now).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 0, UINT32_MAX));
}

std::uint32_t block_ttl(const FilterVerdict& verdict, const Asker& asker) {
  const std::uint32_t ttl = asker.policy().block.ttl_seconds;
  return std::min(ttl, ttl_left(verdict.until, asker.now).value_or(ttl));
}

std::optional<Name> substitution_of(const FilterVerdict& verdict, const Query& query, const Asker& asker) {
  if (!verdict.blocked() || verdict.verdict.action == Action::drop || verdict.verdict.action == Action::truncate)
    return std::nullopt;
  const Form form = form_of(verdict, asker);
  if (form.mode != BlockMode::cname || !is_followed(query.type)) return std::nullopt;
  return target_of(form, query, asker);
}

std::size_t write_block_answer(std::span<std::uint8_t> out, const Query& query, const Asker& asker,
                               const AnswerMatches& parts, const FilterVerdict& verdict) {
  if (verdict.verdict.action == Action::drop) return 0;
  Form form = form_of(verdict, asker);
  if (form.mode == BlockMode::nxdomain && verdict.verdict.degrade_nxdomain) form.mode = BlockMode::nodata;

  ReplyFlags flags;
  flags.recursion_available = !asker.policy().clears_ra;
  flags.truncated = verdict.verdict.action == Action::truncate;
  if (form.mode == BlockMode::nxdomain) flags.rcode = Rcode::nxdomain;
  if (form.mode == BlockMode::refused) flags.rcode = Rcode::refused;
  const BlockError error(query, asker, parts, verdict);

  Writer writer(out);
  begin_reply(writer, query, flags);
  const std::uint32_t ttl = block_ttl(verdict, asker);
  unsigned answers = 0;
  if (!flags.truncated) {
    if (form.local_data) answers = write_local_data(writer, parts, verdict, query, asker);
    if (form.mode == BlockMode::null || form.mode == BlockMode::address)
      answers = write_addresses(writer, form, asker, query.type, ttl);
    if (form.mode == BlockMode::cname && query.type != RecordType::any) {
      const auto target = target_of(form, query, asker);
      if (!target || query.type != RecordType::cname) {
        // Put below its target the name is too long (RFC 6672 section 2.2).
        flags.rcode = Rcode::yxdomain;
        return write_error_reply(out, query, flags, error.error());
      }
      write_record(writer, RecordType::cname, ttl, target->wire());
      answers = 1;
    }
  }
  const bool needs_soa = answers == 0 && form.mode != BlockMode::refused && !flags.truncated;
  if (needs_soa) {
    const Name matched = matched_name(query.name(), parts, verdict);
    // A name cannot own an SOA and not exist: NXDOMAIN takes the parent.
    write_soa(writer, form.mode == BlockMode::nxdomain ? matched.parent() : matched, asker, ttl);
  }
  if (!writer.ok() || !leaves_room(writer, query)) {
    flags.truncated = true;
    return write_error_reply(out, query, flags, error.error());
  }
  const bool has_zone_soa = form.local_data && write_zone_soa(writer, query, asker, verdict);
  set_counts(out, static_cast<std::uint16_t>(answers), needs_soa ? 1 : 0, has_zone_soa ? 1 : 0);
  finish_reply(writer, out, query, flags.rcode, error.error());
  return writer.size();
}

}  // namespace weir
