#include "tests/scenario/entry_message.h"

#include <algorithm>

#include "zones/dns/edns.h"
#include "zones/dns/reader.h"
#include "zones/dns/writer.h"

namespace weir::scenario {
namespace {

constexpr std::uint16_t kServerPayloadSize = 1232;

std::uint16_t flag_bits(const EntryHeader& header) {
  const MessageFlags& flags = header.flags;
  const auto rcode = static_cast<unsigned>(header.rcode.value_or(Rcode::noerror));
  const unsigned bits = (flags.response ? 0x8000U : 0U) | static_cast<unsigned>(header.opcode) << 11 |
                        (flags.authoritative ? 0x0400U : 0U) | (flags.truncated ? 0x0200U : 0U) |
                        (flags.recursion_desired ? 0x0100U : 0U) | (flags.recursion_available ? 0x0080U : 0U) |
                        (flags.authentic_data ? 0x0020U : 0U) | (flags.checking_disabled ? 0x0010U : 0U) |
                        (rcode & 0xFU);
  return static_cast<std::uint16_t>(bits);
}

bool has_edns(const Entry& entry, const EntryMessage& message) {
  return entry.header.dnssec_ok || message.edns_options.has_value() ||
         static_cast<unsigned>(entry.header.rcode.value_or(Rcode::noerror)) > 15;
}

void write_section(Writer& writer, const std::vector<Record>& records) {
  for (const Record& record : records) {
    writer.name(record.owner);
    writer.u16(static_cast<std::uint16_t>(record.type));
    writer.u16(static_cast<std::uint16_t>(record.record_class));
    writer.u32(record.ttl);
    writer.u16(static_cast<std::uint16_t>(record.rdata.size()));
    writer.octets(record.rdata);
  }
}

void write_opt(Writer& writer, const EntryHeader& header, const EntryMessage& message, std::uint16_t payload_size) {
  const auto rcode = static_cast<std::uint32_t>(header.rcode.value_or(Rcode::noerror));
  writer.u8(0);
  writer.u16(static_cast<std::uint16_t>(RecordType::opt));
  writer.u16(payload_size);
  writer.u32(rcode >> 4 << 24 | (header.dnssec_ok ? 0x8000U : 0U));
  const auto& options = message.edns_options;
  writer.u16(options ? static_cast<std::uint16_t>(options->size()) : std::uint16_t{0});
  if (options) writer.octets(*options);
}

// `question`: the octets of a whole question section that replaces the entry's own, and how many questions it holds.
struct CopiedQuestion {
  std::span<const std::uint8_t> octets;
  std::uint16_t count = 0;
};

std::vector<std::uint8_t> write_message(const Entry& entry, const EntryMessage& message, std::uint16_t id,
                                        std::uint16_t payload_size, const CopiedQuestion* question) {
  std::vector<std::uint8_t> out(kMaxMessageSize);
  Writer writer(out);
  const bool edns = has_edns(entry, message);
  writer.u16(id);
  writer.u16(flag_bits(entry.header));
  writer.u16(question != nullptr ? question->count : static_cast<std::uint16_t>(message.question.size()));
  writer.u16(static_cast<std::uint16_t>(message.answer.size()));
  writer.u16(static_cast<std::uint16_t>(message.authority.size()));
  writer.u16(static_cast<std::uint16_t>(message.additional.size() + (edns ? 1U : 0U)));
  if (question != nullptr) {
    writer.octets(question->octets);
  } else {
    for (const Record& asked : message.question) {
      writer.name(asked.owner);
      writer.u16(static_cast<std::uint16_t>(asked.type));
      writer.u16(static_cast<std::uint16_t>(asked.record_class));
    }
  }
  write_section(writer, message.answer);
  write_section(writer, message.authority);
  write_section(writer, message.additional);
  if (edns) write_opt(writer, entry.header, message, payload_size);
  out.resize(writer.ok() ? writer.size() : 0);  // what does not fit into a message is not sent
  return out;
}

CopiedQuestion question_of(std::span<const std::uint8_t> query) {
  Reader reader(query);
  reader.skip(4);
  const std::uint16_t count = reader.u16();
  reader.skip(6);
  const std::size_t begin = reader.position();
  for (unsigned i = 0; i < count && reader.ok(); ++i) {
    (void)reader.name();
    reader.skip(4);
  }
  if (!reader.ok()) return {};
  return {query.subspan(begin, reader.position() - begin), count};
}

// The client's part of the cookie in `options`, where there is one and the query has one, becomes the query's.
void copy_cookie(std::vector<std::uint8_t>& options, std::span<const std::uint8_t> query) {
  const auto opt = read_raw_message(query).opt;
  if (!opt) return;
  const auto sent = std::ranges::find(opt->options, kOptionCookie, &EdnsOption::code);
  if (sent == opt->options.end() || sent->data.size() < kClientCookieSize) return;
  const auto u16 = [&](std::size_t at) { return std::size_t{options[at]} << 8 | options[at + 1]; };
  for (std::size_t at = 0; at + 4 <= options.size(); at += 4 + u16(at + 2)) {
    if (u16(at) != kOptionCookie || at + 4 + kClientCookieSize > options.size()) continue;
    std::ranges::copy(std::span(sent->data).first(kClientCookieSize),
                      options.begin() + static_cast<std::ptrdiff_t>(at + 4));
  }
}

void set_id(std::vector<std::uint8_t>& message, std::uint16_t id) {
  if (message.size() < 2) return;
  message[0] = static_cast<std::uint8_t>(id >> 8);
  message[1] = static_cast<std::uint8_t>(id);
}

}  // namespace

RawMessage expected_message(const Entry& entry) {
  const EntryMessage& message = entry.first();
  if (message.octets) return read_raw_message(*message.octets);
  RawMessage out;
  out.whole = true;
  out.opcode = entry.header.opcode;
  out.flags = entry.header.flags;
  out.rcode = entry.header.rcode.value_or(Rcode::noerror);
  out.question = message.question;
  out.answer = message.answer;
  out.authority = message.authority;
  out.additional = message.additional;
  if (has_edns(entry, message)) {
    out.opt.emplace();
    out.opt->dnssec_ok = entry.header.dnssec_ok;
  }
  return out;
}

std::vector<std::vector<std::uint8_t>> build_answer_messages(const Entry& entry, std::span<const std::uint8_t> query) {
  std::vector<std::vector<std::uint8_t>> out;
  const auto id = query.size() < 2 ? std::uint16_t{0} : static_cast<std::uint16_t>(query[0] << 8 | query[1]);
  const CopiedQuestion question = question_of(query);
  for (const EntryMessage& message : entry.messages) {
    if (message.octets) {
      out.push_back(*message.octets);
      if (entry.adjust.copy_id) set_id(out.back(), id);
      continue;
    }
    const bool copied = entry.adjust.copy_query && &message == &entry.first();
    // The ID is the query's also without copy_id: where the files come from no ID is compared, and one of them relies
    // on it. A forger's ID needs octets.
    EntryMessage adjusted = message;
    if (entry.adjust.copy_cookie && adjusted.edns_options) copy_cookie(*adjusted.edns_options, query);
    out.push_back(write_message(entry, adjusted, id, kServerPayloadSize, copied ? &question : nullptr));
  }
  return out;
}

std::vector<std::uint8_t> build_query_message(const Entry& entry, std::uint16_t id, std::uint16_t udp_payload_size) {
  if (entry.first().octets) return *entry.first().octets;
  return write_message(entry, entry.first(), id, udp_payload_size, nullptr);
}

}  // namespace weir::scenario
