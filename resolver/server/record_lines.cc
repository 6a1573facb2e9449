#include "resolver/server/record_lines.h"

#include <ldns/ldns.h>

#include <cstdlib>
#include <memory>

#include "zones/base/text.h"

namespace weir {
namespace {

struct FreeRecord {
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
};
struct FreeText {
  void operator()(char* text) const { std::free(text); }
};

std::vector<std::uint8_t> wire_of(const Rrset& rrset, std::span<const std::uint8_t> rdata) {
  const auto owner = rrset.owner.wire();
  std::vector<std::uint8_t> out(owner.begin(), owner.end());
  const auto number = [&out](std::uint32_t value, unsigned octets) {
    while (octets-- > 0) out.push_back(static_cast<std::uint8_t>(value >> 8 * octets));
  };
  number(static_cast<std::uint16_t>(rrset.type), 2);
  number(static_cast<std::uint16_t>(rrset.record_class), 2);
  number(rrset.ttl_seconds, 4);
  number(static_cast<std::uint32_t>(rdata.size()), 2);
  out.insert(out.end(), rdata.begin(), rdata.end());
  return out;
}

std::string unknown_rdata(std::span<const std::uint8_t> rdata) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out = "\\# " + std::to_string(rdata.size());
  if (!rdata.empty()) out += ' ';
  for (const std::uint8_t octet : rdata) {
    out += kDigits[octet >> 4];
    out += kDigits[octet & 15];
  }
  return out;
}

// Owner, TTL, class, type, and the RDATA behind them, with single spaces or tabs between.
std::string line_of(const Rrset& rrset, std::span<const std::uint8_t> rdata) {
  const std::vector<std::uint8_t> wire = wire_of(rrset, rdata);
  ldns_rr* raw = nullptr;
  std::size_t position = 0;
  const ldns_status status = ldns_wire2rr(&raw, wire.data(), wire.size(), &position, LDNS_SECTION_ANSWER);
  const std::unique_ptr<ldns_rr, FreeRecord> record(raw);
  if (status == LDNS_STATUS_OK && record != nullptr) {
    const std::unique_ptr<char, FreeText> text(ldns_rr2str(record.get()));
    if (text != nullptr) {
      std::string line(trim(text.get()));
      // What ldns adds for people (key tags) is no part of the record.
      if (const auto comment = line.find(" ;{"); comment != std::string::npos) line.resize(comment);
      for (char& c : line) {
        if (c == '\t') c = ' ';
      }
      return line;
    }
  }
  const std::string owner = rrset.owner.is_root() ? "." : rrset.owner.to_text() + ".";
  return owner + ' ' + std::to_string(rrset.ttl_seconds) + " IN " + to_text(rrset.type) + ' ' + unknown_rdata(rdata);
}

}  // namespace

std::vector<std::string> record_lines(const Rrset& rrset) {
  std::vector<std::string> out;
  for (const auto rdata : rrset.records()) out.push_back(line_of(rrset, rdata));
  return out;
}

std::vector<std::string> record_lines(const std::vector<Rrset>& rrsets) {
  std::vector<std::string> out;
  for (const Rrset& rrset : rrsets) {
    for (std::string& line : record_lines(rrset)) out.push_back(std::move(line));
  }
  return out;
}

std::vector<std::string> rdata_texts(const Rrset& rrset) {
  std::vector<std::string> out;
  for (std::string line : record_lines(rrset)) {
    std::size_t at = 0;
    for (int fields = 0; fields < 4 && at != std::string::npos; ++fields) {
      at = line.find(' ', at);
      if (at != std::string::npos) ++at;
    }
    out.push_back(at == std::string::npos ? std::string() : line.substr(at));
  }
  return out;
}

}  // namespace weir
