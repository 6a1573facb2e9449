#include "tests/scenario/record_text.h"

#include <ldns/ldns.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <sstream>

#include "zones/base/text.h"
#include "zones/dns/reader.h"

namespace weir::scenario {
namespace {

struct FreeRecord {
  void operator()(ldns_rr* rr) const { ldns_rr_free(rr); }
};
struct FreeRdata {
  void operator()(ldns_rdf* rdf) const { ldns_rdf_deep_free(rdf); }
};
struct FreeMemory {
  void operator()(void* memory) const { LDNS_FREE(memory); }
};
using LdnsRecord = std::unique_ptr<ldns_rr, FreeRecord>;
using LdnsName = std::unique_ptr<ldns_rdf, FreeRdata>;

constexpr std::size_t kMaxRecordText = 65'000;  // longer than any record's RDATA in base64 that we need

LdnsName to_ldns(const Name& name) {
  const auto wire = name.wire();
  return LdnsName(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, wire.size(), wire.data()));
}

Error bad_record(std::string_view text, const std::string& why) {
  return Error{ErrorCode::invalid, "'" + escape_for_display(text.substr(0, 80)) + "': " + why};
}

std::optional<Record> read_wire(std::span<const std::uint8_t> wire, bool question) {
  Reader reader(wire);
  Record record;
  record.owner = reader.name();
  record.type = static_cast<RecordType>(reader.u16());
  record.record_class = static_cast<RecordClass>(reader.u16());
  if (!question) {
    record.ttl = reader.u32();
    const auto rdata = reader.octets(reader.u16());
    record.rdata.assign(rdata.begin(), rdata.end());
  }
  if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
  return record;
}

constexpr std::size_t kRrsigWordsBeforeSignature = 8;

// Signatures that ldns does not read: none at all (`empty`), and base64 without its padding. Nothing where the line is
// no RRSIG.
std::optional<std::string> repair_rrsig(const std::string& line, bool& empty) {
  std::istringstream words(line);
  std::string out;
  std::string signature;
  std::size_t behind_type = 0;
  bool is_rrsig = false;
  for (std::string word; words >> word;) {
    if (is_rrsig && ++behind_type > kRrsigWordsBeforeSignature) {
      signature += word;
      continue;
    }
    is_rrsig = is_rrsig || word == "RRSIG";
    out += word + " ";
  }
  if (!is_rrsig || behind_type < kRrsigWordsBeforeSignature) return std::nullopt;
  empty = signature.empty();
  while (signature.size() % 4 != 0) signature += '=';
  return out + (empty ? "AA==" : signature);
}

// RDATA written as octets (RFC 3597 section 5): ldns fits them to a type that it knows, and they are to stay as they
// are. The line becomes one of a type that nobody knows; its own type comes back.
std::optional<RecordType> read_as_unknown(std::string& line) {
  const std::size_t rdata = line.find("\\#");
  if (rdata == std::string::npos) return std::nullopt;
  const std::size_t end = line.find_last_not_of(" \t", rdata - 1);
  if (rdata == 0 || end == std::string::npos) return std::nullopt;
  const std::size_t before = line.find_last_of(" \t", end);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  const auto type = parse_record_type(line.substr(begin, end + 1 - begin));
  if (type) line.replace(begin, end + 1 - begin, "TYPE65279");
  return type;
}

ldns_status read_line(const std::string& line, const ZoneContext& context, bool question, LdnsRecord& out) {
  ldns_rr* parsed = nullptr;
  const LdnsName origin = to_ldns(context.origin);
  ldns_rdf* previous = to_ldns(context.last_owner).release();  // replaced by ldns
  const ldns_status status =
      question ? ldns_rr_new_question_frm_str(&parsed, line.c_str(), origin.get(), &previous)
               : ldns_rr_new_frm_str(&parsed, line.c_str(), context.default_ttl, origin.get(), &previous);
  const LdnsName free_previous(previous);
  out.reset(status == LDNS_STATUS_OK ? parsed : nullptr);
  return status;
}

Result<Record> parse(std::string_view text, ZoneContext& context, bool question) {
  if (text.size() > kMaxRecordText) return bad_record(text, "too long for a record");
  if (text.find('\0') != std::string_view::npos) return bad_record(text, "holds a zero octet");
  // Records may be set in parentheses over what is one line here: to ldns they are white space.
  std::string line(text);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (line[i] == '(' || line[i] == ')')) {
      line[i] = ' ';
    }
  }
  const std::optional<RecordType> type = question ? std::nullopt : read_as_unknown(line);
  LdnsRecord record;
  const ldns_status status = read_line(line, context, question, record);
  bool empty_signature = false;
  if (!record && !question) {
    const auto repaired = repair_rrsig(line, empty_signature);
    if (repaired) (void)read_line(*repaired, context, question, record);
  }
  if (!record) return bad_record(text, std::string("expected a record: ") + ldns_get_errorstr_by_id(status));
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  const ldns_status written =
      ldns_rr2wire(&wire, record.get(), question ? LDNS_SECTION_QUESTION : LDNS_SECTION_ANSWER, &size);
  const std::unique_ptr<std::uint8_t, FreeMemory> free_wire(wire);
  if (written != LDNS_STATUS_OK) return bad_record(text, "does not fit into a message");
  auto out = read_wire({wire, size}, question);
  if (!out) return bad_record(text, "is no record in wire format");
  if (type) out->type = *type;
  if (empty_signature) out->rdata.pop_back();
  context.last_owner = out->owner;
  return std::move(*out);
}

}  // namespace

Result<Record> parse_record(std::string_view text, ZoneContext& context) {
  return parse(text, context, false);
}

Result<Record> parse_question(std::string_view text, ZoneContext& context) {
  return parse(text, context, true);
}

std::string to_text(const Record& record) {
  std::vector<std::uint8_t> wire(record.owner.wire().begin(), record.owner.wire().end());
  const auto put = [&](std::uint32_t value, unsigned octets) {
    while (octets-- > 0) wire.push_back(static_cast<std::uint8_t>(value >> (8 * octets)));
  };
  put(static_cast<std::uint16_t>(record.type), 2);
  put(static_cast<std::uint16_t>(record.record_class), 2);
  put(record.ttl, 4);
  put(static_cast<std::uint32_t>(record.rdata.size()), 2);
  wire.insert(wire.end(), record.rdata.begin(), record.rdata.end());
  ldns_rr* read = nullptr;
  std::size_t position = 0;
  if (ldns_wire2rr(&read, wire.data(), wire.size(), &position, LDNS_SECTION_ANSWER) == LDNS_STATUS_OK) {
    const LdnsRecord free_read(read);
    const std::unique_ptr<char, FreeMemory> text(ldns_rr2str(read));
    if (text) {
      std::string line(text.get());
      std::replace(line.begin(), line.end(), '\t', ' ');
      while (!line.empty() && line.back() == '\n') line.pop_back();
      return line;
    }
  }
  std::string out = record.owner.to_text() + " " + std::to_string(record.ttl) + " " + weir::to_text(record.type) +
                    " \\# " + std::to_string(record.rdata.size()) + " ";
  static constexpr char kHex[] = "0123456789abcdef";
  for (const std::uint8_t octet : record.rdata) {
    out += kHex[octet >> 4];
    out += kHex[octet & 15];
  }
  return out;
}

}  // namespace weir::scenario
