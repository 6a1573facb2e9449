// What a blocked client gets (SEMANTICS section 4).
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "resolver/filter/filter.h"
#include "resolver/wire/reply.h"

namespace weir {
namespace {

constexpr std::size_t kMaxEdeText = 160;

// What the answer is made of once rule and policy are put together.
struct Form {
  BlockMode mode = BlockMode::null;
  const RuleDetail* detail = nullptr;  // the rule's own addresses; nullptr: the policy's
};

Form form_of(const FilterVerdict& verdict, const Asker& asker) {
  const BlockMode policy_mode = asker.policy().block.mode;
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
      if (verdict.winner != nullptr) {
        const RuleDetail* detail = asker.generation.detail({verdict.winner->detail});
        if (detail != nullptr) return {BlockMode::address, detail};
      }
      return {policy_mode};
    default:
      return {policy_mode};
  }
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

void write_soa(Writer& writer, const Name& owner, const Asker& asker) {
  const std::uint32_t ttl = asker.policy().block.ttl_seconds;
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

void write_address(Writer& writer, const IpAddress& address, std::uint32_t ttl) {
  writer.u16(0xC000 | kHeaderSize);  // the question's name
  writer.u16(static_cast<std::uint16_t>(address.family == AddressFamily::ipv4 ? RecordType::a : RecordType::aaaa));
  writer.u16(static_cast<std::uint16_t>(RecordClass::in));
  writer.u32(ttl);
  writer.u16(static_cast<std::uint16_t>(address.bits() / 8));
  writer.octets(address.bytes());
}

unsigned write_addresses(Writer& writer, const Form& form, const Asker& asker, RecordType type) {
  const BlockAnswer& block = asker.policy().block;
  const AddressFamily family = type == RecordType::a ? AddressFamily::ipv4 : AddressFamily::ipv6;
  if (type != RecordType::a && type != RecordType::aaaa) return 0;
  unsigned count = 0;
  const auto add = [&](const IpAddress& address) {
    if (address.family != family) return;
    write_address(writer, address, block.ttl_seconds);
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

// A bounded string on the stack: names and lists are attackers' input, so everything is escaped, and nothing is
// allocated on the packet path.
class EdeTextBuffer {
 public:
  void add(std::string_view text) {
    for (const char c : text) {
      const auto octet = static_cast<std::uint8_t>(c);
      if (octet < 0x20 || octet >= 0x7F) {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\%03u", static_cast<unsigned>(octet));
        append(escaped);
      } else {
        append({&c, 1});
      }
    }
  }
  void add(std::uint64_t number) {
    char digits[24];
    std::snprintf(digits, sizeof digits, "%llu", static_cast<unsigned long long>(number));
    append(digits);
  }
  void add_name(const Name& name) {
    if (name.is_root()) return append(".");
    const auto wire = name.wire();
    for (std::size_t at = 0; wire[at] != 0; at += wire[at] + 1U) {
      if (at != 0) append(".");
      add({reinterpret_cast<const char*>(wire.data()) + at + 1, wire[at]});
    }
  }
  std::string_view text() const { return {buffer_, size_}; }

 private:
  void append(std::string_view text) {
    if (size_ + text.size() > kMaxEdeText) return;
    std::memcpy(buffer_ + size_, text.data(), text.size());
    size_ += text.size();
  }

  char buffer_[kMaxEdeText];
  std::size_t size_ = 0;
};

void describe(EdeTextBuffer& text, const Asker& asker, const AnswerMatches& parts, const FilterVerdict& verdict,
              const Query& query) {
  const EdeText level = asker.policy().ede_text;
  if (level == EdeText::off) return;
  if (verdict.rebinding) {
    text.add("a private address for a name that is not local");
  } else if (verdict.winner == nullptr) {
    text.add("not on an allow list");
  } else {
    const ListDefinition* list = asker.generation.policies().find_list(verdict.winner->list_id());
    text.add("list ");
    text.add(list == nullptr ? "unknown" : std::string_view(list->name));
    if (level == EdeText::rule) {
      const PartMatches& part = parts[static_cast<std::size_t>(verdict.part)];
      text.add(", rule ");
      if (verdict.winner->kind == PatternKind::client) {
        text.add("client ");
        text.add(Prefix::of(asker.client.unmapped(), verdict.winner->labels).to_text());
      } else if (is_address(part.part)) {
        text.add(Prefix::of(part.address.unmapped(), verdict.winner->labels).to_text());
      } else {
        if (verdict.winner->kind == PatternKind::below) text.add("*.");
        text.add_name((part.part == AnswerPart::qname ? query.name() : part.name).suffix(verdict.winner->labels));
      }
    }
  }
  text.add(", generation ");
  text.add(asker.generation.number().value);
}

EdeCode ede_code(const Asker& asker, const FilterVerdict& verdict) {
  if (verdict.winner == nullptr) return EdeCode::blocked;
  if (verdict.verdict.action == Action::address || verdict.verdict.action == Action::cname)
    return EdeCode::forged_answer;
  const ListDefinition* list = asker.generation.policies().find_list(verdict.winner->list_id());
  if (list == nullptr) return EdeCode::blocked;
  switch (list->basis) {
    case Basis::legal:
      return EdeCode::censored;
    case Basis::requested:
      return EdeCode::filtered;
    case Basis::operator_choice:
      break;
  }
  return EdeCode::blocked;
}

}  // namespace

std::size_t write_block_answer(std::span<std::uint8_t> out, const Query& query, const Asker& asker,
                               const AnswerMatches& parts, const FilterVerdict& verdict) {
  if (verdict.verdict.action == Action::drop) return 0;
  Form form = form_of(verdict, asker);
  if (form.mode == BlockMode::nxdomain && verdict.verdict.degrade_nxdomain) form.mode = BlockMode::nodata;

  ReplyFlags flags;
  flags.truncated = verdict.verdict.action == Action::truncate;
  if (form.mode == BlockMode::nxdomain) flags.rcode = Rcode::nxdomain;
  if (form.mode == BlockMode::refused) flags.rcode = Rcode::refused;

  Writer writer(out);
  begin_reply(writer, query, flags);
  unsigned answers = 0;
  if (form.mode == BlockMode::null || form.mode == BlockMode::address)
    answers = write_addresses(writer, form, asker, query.type);
  const bool needs_soa = answers == 0 && form.mode != BlockMode::refused && !flags.truncated;
  if (needs_soa) {
    const Name matched = matched_name(query.name(), parts, verdict);
    // A name cannot own an SOA and not exist: NXDOMAIN takes the parent.
    write_soa(writer, form.mode == BlockMode::nxdomain ? matched.parent() : matched, asker);
  }
  set_counts(out, static_cast<std::uint16_t>(answers), needs_soa ? 1 : 0, 0);

  if (query.has_edns) {
    EdeTextBuffer text;
    describe(text, asker, parts, verdict, query);
    const ExtendedError error{ede_code(asker, verdict), text.text()};
    finish_reply(writer, out, query, flags.rcode, &error);
  }
  return writer.ok() ? writer.size() : 0;
}

}  // namespace weir
