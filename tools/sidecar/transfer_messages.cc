#include "tools/sidecar/transfer_messages.h"

#include <utility>

#include "zones/dns/record_types.h"

namespace weir::sidecar {
namespace {

constexpr std::size_t kMessageHeader = 12;
constexpr std::size_t kAnswerCountAt = 6;

void put_u16(std::vector<std::uint8_t>& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void set_u16(std::vector<std::uint8_t>& out, std::size_t at, std::size_t value) {
  out[at] = static_cast<std::uint8_t>(value >> 8);
  out[at + 1] = static_cast<std::uint8_t>(value);
}

// The owner is the question's name or below it.
void put_record(std::vector<std::uint8_t>& out, const ZoneRecord& record, const Name& zone) {
  const auto wire = record.owner.wire();
  out.insert(out.end(), wire.begin(), wire.end() - static_cast<std::ptrdiff_t>(zone.size()));
  put_u16(out, 0xC000 | kMessageHeader);
  put_u16(out, static_cast<std::uint16_t>(record.type));
  put_u16(out, static_cast<std::uint16_t>(RecordClass::in));
  put_u16(out, record.ttl_seconds >> 16);
  put_u16(out, record.ttl_seconds & 0xFFFF);
  put_u16(out, record.rdata.size());
  out.insert(out.end(), record.rdata.begin(), record.rdata.end());
}

}  // namespace

std::vector<std::uint8_t> write_response(const MessageStart& start, Rcode rcode, bool authoritative) {
  std::vector<std::uint8_t> out;
  put_u16(out, start.id);
  const unsigned recursion = start.flags.recursion_desired ? 1 : 0;
  out.push_back(
      static_cast<std::uint8_t>(0x80 | static_cast<unsigned>(start.opcode) << 3 | (authoritative ? 4 : 0) | recursion));
  out.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(rcode) & 15U));
  put_u16(out, start.has_question ? 1 : 0);
  for (int i = 0; i < 3; ++i) put_u16(out, 0);
  if (!start.has_question) return out;
  out.insert(out.end(), start.qname.wire().begin(), start.qname.wire().end());
  put_u16(out, static_cast<std::uint16_t>(start.qtype));
  put_u16(out, static_cast<std::uint16_t>(start.qclass));
  return out;
}

void append_answer(std::vector<std::uint8_t>& message, const ZoneRecord& record) {
  put_record(message, record, record.owner);
  set_u16(message, kAnswerCountAt,
          static_cast<std::size_t>(message[kAnswerCountAt] << 8 | message[kAnswerCountAt + 1]) + 1);
}

TransferMessages::TransferMessages(const MessageStart& start,
                                   std::function<Result<void>(std::vector<std::uint8_t>)> send)
    : start_(start), send_(std::move(send)) {
  begin();
}

void TransferMessages::begin() {
  message_ = write_response(start_, Rcode::noerror, true);
  count_ = 0;
}

Result<void> TransferMessages::add(const ZoneRecord& record) {
  const std::size_t before = message_.size();
  put_record(message_, record, start_.qname);
  if (message_.size() > kTransferMessageSize && count_ > 0) {
    message_.resize(before);
    if (auto flushed = flush(); !flushed) return flushed;
    put_record(message_, record, start_.qname);
  }
  if (message_.size() > UINT16_MAX - kTransferMessageSize) return Error{ErrorCode::too_large, "a record is too large"};
  ++count_;
  ++records_;
  return {};
}

Result<void> TransferMessages::flush() {
  set_u16(message_, kAnswerCountAt, count_);
  auto sent = send_(std::move(message_));
  begin();
  return sent;
}

Result<void> TransferMessages::finish() {
  return count_ == 0 ? Result<void>() : flush();
}

}  // namespace weir::sidecar
