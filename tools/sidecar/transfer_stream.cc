#include "tools/sidecar/transfer_stream.h"

#include <array>
#include <utility>

#include "zones/base/text.h"
#include "zones/dns/message.h"
#include "zones/dns/reader.h"
#include "zones/dns/rrset.h"
#include "zones/dns/writer.h"

namespace weir::sidecar {
namespace {

constexpr std::uint32_t kMaxTtl = 0x7FFFFFFF;  // RFC 2181 section 8

Error broken_transfer(const std::string& what) {
  return {ErrorCode::invalid, "the transfer is broken: " + what};
}

std::vector<std::uint8_t> write_question(const Name& zone, std::uint16_t id, RecordType type,
                                         std::optional<std::uint32_t> serial) {
  std::array<std::uint8_t, 2 * kMaxNameSize + 64> octets{};
  Writer writer(octets);
  writer.u16(id);
  writer.u16(0);
  writer.u16(1);
  writer.u16(0);
  writer.u16(serial ? 1 : 0);
  writer.u16(0);
  writer.name(zone);
  writer.u16(static_cast<std::uint16_t>(type));
  writer.u16(static_cast<std::uint16_t>(RecordClass::in));
  if (serial) {  // RFC 1995 section 3: the SOA that is here, of which only the serial counts
    writer.name(zone);
    writer.u16(static_cast<std::uint16_t>(RecordType::soa));
    writer.u16(static_cast<std::uint16_t>(RecordClass::in));
    writer.u32(0);
    writer.u16(22);
    writer.u8(0);
    writer.u8(0);
    writer.u32(*serial);
    for (int i = 0; i < 4; ++i) writer.u32(0);
  }
  const auto written = writer.written();
  return {written.begin(), written.end()};
}

// Whether a message answers the question at all, and how many answers it has.
Result<std::size_t> open_answer(std::span<const std::uint8_t> message, const Name& zone, RecordType type,
                                std::uint16_t id, Reader& reader) {
  const auto start = read_message_start(message);
  if (!start) return broken_transfer("a malformed message");
  if (!start->flags.response || start->opcode != Opcode::query || start->id != id) {
    return broken_transfer("a message that answers no question of ours");
  }
  if (start->rcode_low != 0) {
    return Error{ErrorCode::invalid, "the primary answers " + to_text(static_cast<Rcode>(start->rcode_low)) + " to " +
                                         to_text(type) + " of " + escape_for_display(zone.to_text())};
  }
  if (start->flags.truncated) return broken_transfer("a truncated message");
  if (start->has_question && (start->qname != zone || start->qtype != type))
    return broken_transfer("an answer to another question");
  reader.seek(6);
  const std::size_t answers = reader.u16();
  reader.seek(start->question_end);
  return answers;
}

// `rdata` holds what the record points to.
bool read_record(Reader& reader, ZoneRecord& record, std::vector<std::uint8_t>& rdata, bool& is_internet) {
  record.owner = reader.name();
  record.type = static_cast<RecordType>(reader.u16());
  is_internet = reader.u16() == static_cast<std::uint16_t>(RecordClass::in);
  record.ttl_seconds = reader.u32();
  if (record.ttl_seconds > kMaxTtl) record.ttl_seconds = 0;
  const std::size_t length = reader.u16();
  if (!reader.ok()) return false;
  rdata = read_rdata(reader, record.type, length);
  record.rdata = rdata;
  return reader.ok();
}

}  // namespace

std::vector<std::uint8_t> write_query(const TransferQuestion& question) {
  return write_question(question.zone, question.id, question.have ? RecordType::ixfr : RecordType::axfr, question.have);
}

std::vector<std::uint8_t> write_soa_query(const Name& zone, std::uint16_t id) {
  return write_question(zone, id, RecordType::soa, std::nullopt);
}

Result<SoaNumbers> read_soa_answer(std::span<const std::uint8_t> message, const Name& zone, std::uint16_t id) {
  Reader reader(message);
  const auto answers = open_answer(message, zone, RecordType::soa, id, reader);
  if (!answers) return answers.error();
  ZoneRecord record;
  std::vector<std::uint8_t> rdata;
  for (std::size_t i = 0; i < *answers; ++i) {
    bool is_internet = false;
    if (!read_record(reader, record, rdata, is_internet)) break;
    if (!is_internet || record.type != RecordType::soa || record.owner != zone) continue;
    if (const auto soa = read_soa(rdata)) return *soa;
  }
  return Error{ErrorCode::invalid,
               "the primary does not have the zone " + escape_for_display(zone.to_text()) + ": no SOA in its answer"};
}

TransferStream::TransferStream(TransferQuestion question, Sink sink)
    : question_(std::move(question)), sink_(std::move(sink)) {}

Result<void> TransferStream::read(std::span<const std::uint8_t> message) {
  const RecordType type = question_.have ? RecordType::ixfr : RecordType::axfr;
  Reader reader(message);
  const auto answers = open_answer(message, question_.zone, type, question_.id, reader);
  if (!answers) return answers.error();
  ZoneRecord record;
  std::vector<std::uint8_t> rdata;
  for (std::size_t i = 0; i < *answers; ++i) {
    bool is_internet = false;
    if (!read_record(reader, record, rdata, is_internet)) return broken_transfer("a malformed record");
    if (!is_internet) return broken_transfer("a record of another class than IN");
    if (done_) return broken_transfer("records behind its end");
    if (++records_ > kMaxTransferRecords) {
      return Error{ErrorCode::too_large, "more than " + std::to_string(kMaxTransferRecords) + " records"};
    }
    if (auto taken = take(record); !taken) return taken;
  }
  // An SOA alone says that there is nothing newer (RFC 1995 section 2).
  if (question_.have && step_ == Step::second && !serial_went_back(soa_.serial, *question_.have)) {
    form_ = Form::unchanged;
    done_ = true;
  }
  return {};
}

Result<void> TransferStream::take(const ZoneRecord& record) {
  const bool is_apex_soa = record.type == RecordType::soa && record.owner == question_.zone;
  if (step_ == Step::first && !is_apex_soa) return broken_transfer("it does not begin with the SOA of the zone");
  if (is_apex_soa) {
    const auto soa = read_soa(record.rdata);
    if (!soa) return broken_transfer("a malformed SOA");
    if (step_ == Step::first) {
      soa_ = *soa;
      soa_ttl_ = record.ttl_seconds;
      soa_rdata_.assign(record.rdata.begin(), record.rdata.end());
      step_ = Step::second;
      return {};
    }
    return take_soa(soa->serial, record);
  }
  switch (step_) {
    case Step::removing:
      return sink_.removed(record);
    case Step::adding:
      return sink_.added(record);
    case Step::first:
    case Step::second:
      form_ = Form::whole;
      step_ = Step::whole;
      if (auto taken = sink_.whole(soa_record()); !taken) return taken;
      return sink_.whole(record);
    case Step::whole:
      return sink_.whole(record);
  }
  return {};
}

// Any but the first one.
Result<void> TransferStream::take_soa(std::uint32_t serial, const ZoneRecord& record) {
  if (step_ == Step::second) return take_second(record);
  if (step_ == Step::removing) {
    reached_ = serial;
    step_ = Step::adding;
    return {};
  }
  const std::uint32_t expected = step_ == Step::whole ? soa_.serial : reached_;
  if (serial != expected) {
    return broken_transfer("serial " + std::to_string(serial) + " where " + std::to_string(expected) + " was expected");
  }
  if (expected == soa_.serial) {
    done_ = true;
  } else {
    step_ = Step::removing;
  }
  return {};
}

// An SOA right behind the first one: the one that is here begins a list of changes, the same again ends a zone that has
// nothing else.
Result<void> TransferStream::take_second(const ZoneRecord& record) {
  const std::uint32_t serial = read_soa(record.rdata)->serial;
  if (question_.have && serial == *question_.have && serial != soa_.serial) {
    form_ = Form::changes;
    step_ = Step::removing;
    return {};
  }
  if (serial != soa_.serial) {
    return broken_transfer("serial " + std::to_string(serial) + " behind " + std::to_string(soa_.serial));
  }
  form_ = Form::whole;
  done_ = true;
  return sink_.whole(soa_record());
}

}  // namespace weir::sidecar
