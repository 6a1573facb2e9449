#include "resolver/wire/reply.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kCookieOptionSize = 28;
constexpr std::size_t kKeepaliveOptionSize = 6;
constexpr std::size_t kEmptyOptSize = 11;
constexpr std::size_t kErrorOptionSize = 6;  // code, length, INFO-CODE

void put_u16(std::span<std::uint8_t> message, std::size_t at, std::uint16_t value) {
  message[at] = static_cast<std::uint8_t>(value >> 8);
  message[at + 1] = static_cast<std::uint8_t>(value);
}

// Of an OPT without an error.
std::size_t opt_size(const Query& query) {
  return kEmptyOptSize + (query.has_reply_cookie ? kCookieOptionSize : 0) +
         (query.reply_keepalive ? kKeepaliveOptionSize : 0);
}

// At most `size` octets of `text`, cut between characters.
std::string_view cut_utf8(std::string_view text, std::size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<std::uint8_t>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

std::uint16_t reply_flags(const Query& query, const ReplyFlags& flags) {
  // The opcode is the query's own: a client matches it, also on NOTIMP.
  const unsigned opcode = query.message.size() > 2 ? query.message[2] & 0x78U : 0U;
  unsigned bits = 0x8000U | opcode << 8;  // QR
  if (flags.recursion_available) bits |= 0x0080U;
  if (flags.authoritative) bits |= 0x0400U;
  if (flags.truncated) bits |= 0x0200U;
  if (query.recursion_desired) bits |= 0x0100U;
  if (flags.authentic_data) bits |= 0x0020U;
  if (query.checking_disabled) bits |= 0x0010U;
  return static_cast<std::uint16_t>(bits | (static_cast<unsigned>(flags.rcode) & 0xFU));
}

void begin_reply(Writer& writer, const Query& query, const ReplyFlags& flags) {
  writer.u16(query.id);
  writer.u16(reply_flags(query, flags));
  writer.u16(query.qname.empty() ? 0 : 1);
  writer.u16(0);
  writer.u16(0);
  writer.u16(0);
  if (query.qname.empty()) return;
  writer.first_name(query.qname);  // later owners are compressed against it
  writer.u16(static_cast<std::uint16_t>(query.type));
  writer.u16(static_cast<std::uint16_t>(query.asked_class()));
}

void set_counts(std::span<std::uint8_t> message, std::uint16_t answers, std::uint16_t authority,
                std::uint16_t additional) {
  put_u16(message, 6, answers);
  put_u16(message, 8, authority);
  put_u16(message, 10, additional);
}

void finish_reply(Writer& writer, std::span<std::uint8_t> message, const Query& query, Rcode rcode,
                  const ExtendedError* error) {
  const std::size_t bare = opt_size(query);
  if (!query.has_edns || !writer.ok() || writer.room() < bare) return;
  std::string_view text = error == nullptr ? std::string_view() : cut_utf8(error->text, error->max_text);
  std::size_t options = error == nullptr ? 0 : kErrorOptionSize + text.size();
  if (bare + options > writer.room() && error != nullptr && !error->shorter.empty()) {
    text = error->shorter;
    options = kErrorOptionSize + text.size();
  }
  if (bare + options > writer.room()) {
    text = {};
    options = error == nullptr ? 0 : kErrorOptionSize;
    if (bare + options > writer.room()) options = 0;
  }
  writer.u8(0);
  writer.u16(static_cast<std::uint16_t>(RecordType::opt));
  writer.u16(kServerUdpPayload);
  writer.u8(static_cast<std::uint8_t>(static_cast<unsigned>(rcode) >> 4));
  writer.u8(0);                                // our version
  writer.u16(query.dnssec_ok ? 0x8000U : 0U);  // RFC 3225: DO is copied
  writer.u16(static_cast<std::uint16_t>(bare - kEmptyOptSize + options));
  if (query.has_reply_cookie) {
    writer.u16(kOptionCookie);
    writer.u16(static_cast<std::uint16_t>(query.reply_cookie.size()));
    writer.octets(query.reply_cookie);
  }
  if (query.reply_keepalive) {
    writer.u16(kOptionKeepalive);
    writer.u16(2);
    writer.u16(*query.reply_keepalive);
  }
  if (options != 0) {
    writer.u16(kOptionExtendedError);
    writer.u16(static_cast<std::uint16_t>(options - 4));
    writer.u16(static_cast<std::uint16_t>(error->code));
    writer.octets({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  const unsigned additional = (static_cast<unsigned>(message[10]) << 8 | message[11]) + 1U;
  put_u16(message, 10, static_cast<std::uint16_t>(additional));
}

bool leaves_room(const Writer& writer, const Query& query) {
  return !query.has_edns || writer.room() >= opt_size(query);
}

std::size_t write_error_reply(std::span<std::uint8_t> out, const Query& query, const ReplyFlags& flags,
                              const ExtendedError* error) {
  Writer writer(out);
  begin_reply(writer, query, flags);
  if (!writer.ok()) return 0;
  finish_reply(writer, out, query, flags.rcode, error);
  return writer.size();
}

std::size_t write_truncated_reply(std::span<std::uint8_t> out, const Query& query, Rcode rcode,
                                  const ExtendedError* error) {
  return write_error_reply(out, query, {.rcode = rcode, .truncated = true}, error);
}

std::size_t finish_stored_reply(std::span<std::uint8_t> out, std::size_t size, const Query& query,
                                const StoredReply& stored) {
  const std::size_t opt = query.has_edns ? opt_size(query) : 0;
  if (size + opt > out.size())
    return write_truncated_reply(out, query, stored.flags.rcode, stored.error ? &*stored.error : nullptr);
  put_u16(out, 0, query.id);
  put_u16(out, 2, reply_flags(query, stored.flags));
  std::copy(query.qname.begin(), query.qname.end(), out.begin() + kHeaderSize);
  put_u16(out, kHeaderSize + query.qname.size() + 2, static_cast<std::uint16_t>(query.asked_class()));
  for (const std::uint16_t at : stored.ttl_offsets) {
    const std::uint32_t ttl = static_cast<std::uint32_t>(out[at]) << 24 |
                              static_cast<std::uint32_t>(out[at + 1]) << 16 |
                              static_cast<std::uint32_t>(out[at + 2]) << 8 | out[at + 3];
    std::uint32_t left = stored.stale_ttl           ? std::min(ttl, *stored.stale_ttl)
                         : ttl > stored.age_seconds ? ttl - stored.age_seconds
                                                    : 0;
    if (stored.ttl_cap) left = std::min(left, *stored.ttl_cap);
    put_u16(out, at, static_cast<std::uint16_t>(left >> 16));
    put_u16(out, at + 2U, static_cast<std::uint16_t>(left));
  }
  if (!query.has_edns) return size;
  Writer writer(out.subspan(size));
  finish_reply(writer, out, query, stored.flags.rcode, stored.error ? &*stored.error : nullptr);
  return size + writer.size();
}

}  // namespace weir
