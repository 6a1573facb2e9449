#include "tests/scenario/raw_message.h"

#include "zones/dns/reader.h"
#include "zones/dns/rrset.h"

namespace weir::scenario {
namespace {

MessageFlags flags_of(std::uint16_t bits) {
  return {.response = (bits & 0x8000U) != 0,
          .authoritative = (bits & 0x0400U) != 0,
          .truncated = (bits & 0x0200U) != 0,
          .recursion_desired = (bits & 0x0100U) != 0,
          .recursion_available = (bits & 0x0080U) != 0,
          .authentic_data = (bits & 0x0020U) != 0,
          .checking_disabled = (bits & 0x0010U) != 0};
}

RawOpt read_opt(Reader& reader, std::uint16_t udp_payload_size, std::uint32_t ttl, std::size_t length) {
  RawOpt opt;
  opt.udp_payload_size = udp_payload_size;
  opt.extended_rcode = static_cast<std::uint8_t>(ttl >> 24);
  opt.version = static_cast<std::uint8_t>(ttl >> 16);
  opt.dnssec_ok = (ttl & 0x8000U) != 0;
  const std::size_t end = reader.position() + length;
  while (reader.ok() && reader.position() + 4 <= end) {
    EdnsOption option;
    option.code = reader.u16();
    const auto data = reader.octets(reader.u16());
    option.data.assign(data.begin(), data.end());
    opt.options.push_back(std::move(option));
  }
  if (reader.position() != end) reader.fail();
  return opt;
}

// Names are expanded where the type is known and the data are well formed; else they stay as they came.
std::vector<std::uint8_t> rdata_of(Reader& reader, RecordType type, std::size_t length) {
  Reader attempt = reader;
  auto rdata = read_rdata(attempt, type, length);
  const auto octets = reader.octets(length);
  if (!attempt.ok()) rdata.assign(octets.begin(), octets.end());
  return rdata;
}

void read_section(Reader& reader, unsigned count, std::vector<Record>& out, std::optional<RawOpt>& opt) {
  for (; count > 0 && reader.ok(); --count) {
    Record record;
    record.owner = reader.name();
    record.type = static_cast<RecordType>(reader.u16());
    record.record_class = static_cast<RecordClass>(reader.u16());
    record.ttl = reader.u32();
    const std::size_t length = reader.u16();
    if (!reader.ok() || length > reader.remaining()) return reader.fail();
    if (record.type == RecordType::opt) {
      opt = read_opt(reader, static_cast<std::uint16_t>(record.record_class), record.ttl, length);
      continue;
    }
    record.rdata = rdata_of(reader, record.type, length);
    out.push_back(std::move(record));
  }
}

void append_section(std::string& out, const char* title, const std::vector<Record>& records) {
  for (const Record& record : records) out += std::string("  ") + title + " " + to_text(record) + "\n";
}

}  // namespace

RawMessage read_raw_message(std::span<const std::uint8_t> message) {
  RawMessage out;
  Reader reader(message);
  out.id = reader.u16();
  const std::uint16_t bits = reader.u16();
  out.opcode = static_cast<Opcode>(bits >> 11 & 0xFU);
  out.flags = flags_of(bits);
  const unsigned questions = reader.u16();
  const unsigned answers = reader.u16();
  const unsigned authority = reader.u16();
  const unsigned additional = reader.u16();
  for (unsigned i = 0; i < questions && reader.ok(); ++i) {
    Record question;
    question.owner = reader.name();
    question.type = static_cast<RecordType>(reader.u16());
    question.record_class = static_cast<RecordClass>(reader.u16());
    if (reader.ok()) out.question.push_back(std::move(question));
  }
  read_section(reader, answers, out.answer, out.opt);
  read_section(reader, authority, out.authority, out.opt);
  read_section(reader, additional, out.additional, out.opt);
  out.rcode = static_cast<Rcode>((bits & 0xFU) | (out.opt ? static_cast<unsigned>(out.opt->extended_rcode) << 4 : 0U));
  out.whole = reader.ok() && reader.remaining() == 0;
  return out;
}

std::string to_text(const MessageFlags& flags) {
  std::string out;
  const auto add = [&](bool set, const char* name) {
    if (set) out += (out.empty() ? "" : " ") + std::string(name);
  };
  add(flags.response, "QR");
  add(flags.authoritative, "AA");
  add(flags.truncated, "TC");
  add(flags.recursion_desired, "RD");
  add(flags.recursion_available, "RA");
  add(flags.authentic_data, "AD");
  add(flags.checking_disabled, "CD");
  return out;
}

std::string to_text(const RawMessage& message) {
  std::string out = "  " + weir::to_text(message.rcode) + ", flags: " + to_text(message.flags);
  if (message.opt) {
    out += message.opt->dnssec_ok ? ", EDNS DO" : ", EDNS";
    for (const EdnsOption& option : message.opt->options) {
      out += ", option " + std::to_string(option.code);
      if (option.code == 15 && option.data.size() >= 2) {
        out += " (EDE " + std::to_string(option.data[0] << 8 | option.data[1]) + " \"" +
               std::string(option.data.begin() + 2, option.data.end()) + "\")";
      }
    }
  }
  out += message.whole ? "\n" : ", malformed\n";
  for (const Record& question : message.question) {
    out += "  question   " + question.owner.to_text() + ". " + weir::to_text(question.type);
    if (question.record_class != RecordClass::in) {
      out += " CLASS" + std::to_string(static_cast<unsigned>(question.record_class));
    }
    out += "\n";
  }
  append_section(out, "answer    ", message.answer);
  append_section(out, "authority ", message.authority);
  append_section(out, "additional", message.additional);
  return out;
}

}  // namespace weir::scenario
