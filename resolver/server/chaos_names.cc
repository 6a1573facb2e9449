#include "resolver/server/chaos_names.h"

#include <algorithm>
#include <string_view>

#include "resolver/wire/reply.h"

namespace weir {
namespace {

using namespace std::string_view_literals;

struct ChaosName {
  std::string_view wire;
  std::string ServerIdentity::* text;
};

constexpr ChaosName kNames[] = {
    {"\x07version\x04"
     "bind\0"sv,
     &ServerIdentity::version},
    {"\x07version\x06server\0"sv, &ServerIdentity::version},
    {"\x08hostname\x04"
     "bind\0"sv,
     &ServerIdentity::identity},
    {"\x02id\x06server\0"sv, &ServerIdentity::identity},
};

constexpr std::string_view kFingerprint =
    "\x0b"
    "fingerprint\x04weir\0"sv;

bool is(std::span<const std::uint8_t> qname, std::string_view wire) {
  return std::equal(qname.begin(), qname.end(), wire.begin(), wire.end(),
                    [](std::uint8_t a, char b) { return fold(a) == static_cast<std::uint8_t>(b); });
}

}  // namespace

std::size_t answer_chaos_name(std::span<std::uint8_t> out, const Query& query, const ServerIdentity& server,
                              std::string_view fingerprint) {
  if (query.type != RecordType::txt && query.type != RecordType::any) return 0;
  std::string_view text = fingerprint;
  if (!is(query.qname, kFingerprint)) {
    const auto* known = std::ranges::find_if(kNames, [&](const ChaosName& name) { return is(query.qname, name.wire); });
    if (known == std::end(kNames)) return 0;
    text = server.*known->text;
  }
  text = text.substr(0, 255);
  if (text.empty()) return 0;
  Writer writer(out);
  begin_reply(writer, query, {});
  writer.u16(0xC000U | kHeaderSize);
  writer.u16(static_cast<std::uint16_t>(RecordType::txt));
  writer.u16(static_cast<std::uint16_t>(RecordClass::ch));
  writer.u32(0);  // RFC 4892 section 3.1
  writer.u16(static_cast<std::uint16_t>(text.size() + 1));
  writer.u8(static_cast<std::uint8_t>(text.size()));
  writer.octets({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  if (!writer.ok()) return 0;
  set_counts(out, 1, 0, 0);
  finish_reply(writer, out, query, Rcode::noerror, nullptr);
  return writer.size();
}

}  // namespace weir
