#include "tests/scenario/message_match.h"

#include <algorithm>
#include <map>

#include "tests/scenario/entry_message.h"
#include "tests/scenario/raw_message.h"
#include "zones/dns/edns.h"

namespace weir::scenario {
namespace {

constexpr std::uint16_t kOptionNsid = 3;  // RFC 5001
constexpr std::size_t kFullCookie = 24;
constexpr std::size_t kSerialOffset = 20;  // from the end of an SOA's RDATA

// Where names stand in the RDATA of types that have them: octets before them, and how many.
struct NamesIn {
  RecordType type;
  std::size_t octets;
  unsigned names;
};
constexpr NamesIn kNamesIn[] = {{RecordType::ns, 0, 1},    {RecordType::cname, 0, 1}, {RecordType::dname, 0, 1},
                                {RecordType::ptr, 0, 1},   {RecordType::mx, 2, 1},    {RecordType::soa, 0, 2},
                                {RecordType::srv, 6, 1},   {RecordType::rp, 0, 2},    {RecordType::kx, 2, 1},
                                {RecordType::afsdb, 2, 1}, {RecordType::nsec, 0, 1},  {RecordType::rrsig, 18, 1},
                                {RecordType::sig, 18, 1}};

std::vector<std::uint8_t> fold_names(RecordType type, std::vector<std::uint8_t> rdata) {
  const auto* shape = std::ranges::find(kNamesIn, type, &NamesIn::type);
  if (shape == std::end(kNamesIn)) return rdata;
  std::size_t at = shape->octets;
  for (unsigned names = shape->names; names > 0 && at < rdata.size(); --names) {
    while (at < rdata.size() && rdata[at] != 0) {
      const std::size_t end = std::min<std::size_t>(at + 1U + rdata[at], rdata.size());
      for (++at; at < end; ++at) rdata[at] = fold(rdata[at]);
    }
    ++at;
  }
  return rdata;
}

using RecordSet = std::map<std::vector<std::uint8_t>, const Record*>;

RecordSet set_of(const std::vector<Record>& records, bool with_ttl) {
  RecordSet out;
  for (const Record& record : records) {
    const Name owner = record.owner.folded();
    std::vector<std::uint8_t> key(owner.wire().begin(), owner.wire().end());
    const auto put = [&](std::uint32_t value) {
      for (unsigned shift = 32; shift > 0; shift -= 8) key.push_back(static_cast<std::uint8_t>(value >> (shift - 8)));
    };
    put(static_cast<std::uint32_t>(record.type) << 16 | static_cast<std::uint32_t>(record.record_class));
    put(with_ttl ? record.ttl : 0);
    const auto rdata = fold_names(record.type, record.rdata);
    key.insert(key.end(), rdata.begin(), rdata.end());
    out.emplace(std::move(key), &record);
  }
  return out;
}

std::optional<std::string> section_difference(const char* title, const std::vector<Record>& expected,
                                              const std::vector<Record>& got, bool with_ttl) {
  const RecordSet wanted = set_of(expected, with_ttl);
  const RecordSet found = set_of(got, with_ttl);
  std::string out;
  for (const auto& [key, record] : wanted) {
    if (!found.contains(key)) out += "; missing: " + to_text(*record);
  }
  for (const auto& [key, record] : found) {
    if (!wanted.contains(key)) out += "; not expected: " + to_text(*record);
  }
  if (out.empty()) return std::nullopt;
  return std::string(title) + out;
}

std::optional<std::string> unequal(const char* what, const std::string& expected, const std::string& got) {
  if (expected == got) return std::nullopt;
  return std::string(what) + ": expected " + (expected.empty() ? "none" : expected) + ", got " +
         (got.empty() ? "none" : got);
}

// One comparison at a time; the first difference stays.
class Comparison {
 public:
  Comparison(const Entry& entry, const RawMessage& got, MessageTransport transport)
      : entry_(entry), match_(entry.match), expected_(expected_message(entry)), got_(got), transport_(transport) {}

  std::optional<std::string> run() {
    compare_transport();
    compare_question();
    compare_header();
    compare_sections();
    take_out_options();
    compare_edns();
    return std::move(difference_);
  }

 private:
  bool all() const { return match_.all || match_.all_without_edns; }
  void note(std::optional<std::string> difference) {
    if (!difference_) difference_ = std::move(difference);
  }
  void require(bool holds, std::string what) {
    if (!holds) note(std::move(what));
  }

  void compare_transport() {
    if (!match_.transport) return;
    const auto name = [](MessageTransport transport) {
      return transport == MessageTransport::udp ? std::string("UDP") : std::string("TCP");
    };
    note(unequal("transport", name(*match_.transport), name(transport_)));
  }

  void compare_question() {
    if (match_.question || all()) {
      note(section_difference("question", expected_.question, got_.question, false));
    }
    if (!match_.qtype && !match_.qname && !match_.qcase && !match_.subdomain) return;
    if (expected_.question.empty() || got_.question.empty()) return note("question: there is none to compare");
    const Record& expected = expected_.question.front();
    const Record& got = got_.question.front();
    if (match_.qtype) note(unequal("qtype", weir::to_text(expected.type), weir::to_text(got.type)));
    if (match_.qname || match_.qcase) {
      note(unequal("qname", expected.owner.folded().to_text(), got.owner.folded().to_text()));
    }
    if (match_.qcase) note(unequal("qname's case", expected.owner.to_text(), got.owner.to_text()));
    if (match_.subdomain) {
      require(got.owner.is_at_or_below(expected.owner),
              "qname: expected " + expected.owner.to_text() + " or below it, got " + got.owner.to_text());
    }
  }

  void compare_header() {
    if (match_.opcode || all()) {
      note(unequal("opcode", std::to_string(static_cast<unsigned>(expected_.opcode)),
                   std::to_string(static_cast<unsigned>(got_.opcode))));
    }
    if (match_.flags || all()) note(unequal("flags", to_text(expected_.flags), to_text(got_.flags)));
    if (match_.rcode || all()) {
      // An RCODE of four bits is compared with the header alone: the files write BADCOOKIE as YXRRSET.
      const auto expected = static_cast<unsigned>(expected_.rcode);
      const unsigned got = static_cast<unsigned>(got_.rcode) & (expected > 15 ? 0xFFFFU : 0xFU);
      note(unequal("rcode", weir::to_text(expected_.rcode), weir::to_text(static_cast<Rcode>(got))));
    }
    if (match_.serial) {
      const auto soa = std::ranges::find(got_.authority, RecordType::soa, &Record::type);
      const bool there = soa != got_.authority.end() && soa->rdata.size() >= kSerialOffset;
      std::uint32_t serial = 0;
      for (std::size_t i = 0; there && i < 4; ++i)
        serial = serial << 8 | soa->rdata[soa->rdata.size() - kSerialOffset + i];
      require(there && serial == *match_.serial, "serial: expected " + std::to_string(*match_.serial));
    }
  }

  void compare_sections() {
    if (match_.answer || all()) note(section_difference("answer", expected_.answer, got_.answer, match_.ttl));
    if (match_.authority || all()) {
      note(section_difference("authority", expected_.authority, got_.authority, match_.ttl));
    }
    if (match_.additional || all()) {
      note(section_difference("additional", expected_.additional, got_.additional, match_.ttl));
    }
  }

  std::vector<EdnsOption> options() const { return got_.opt ? got_.opt->options : std::vector<EdnsOption>(); }

  // Options that are asked for by name must be there, and are no more part of what is compared.
  void take_out_options() {
    options_ = options();
    if (match_.ede || match_.any_ede) {
      std::string codes;
      bool found = false;
      for (const EdnsOption& option : options_) {
        if (option.code != kOptionExtendedError || option.data.size() < 2) continue;
        const unsigned code = static_cast<unsigned>(option.data[0]) << 8 | option.data[1];
        found = found || match_.any_ede || code == *match_.ede;
        codes += " " + std::to_string(code);
      }
      require(found, "ede: expected " + (match_.any_ede ? "any" : std::to_string(*match_.ede)) + ", got" +
                         (codes.empty() ? " none" : codes));
      std::erase_if(options_, [](const EdnsOption& option) { return option.code == kOptionExtendedError; });
    }
    for (const auto& [wanted, size] :
         {std::pair(match_.client_cookie, kClientCookieSize), std::pair(match_.server_cookie, kFullCookie)}) {
      if (!wanted) continue;
      const auto cookie = std::ranges::find(options_, kOptionCookie, &EdnsOption::code);
      const std::string got = cookie == options_.end() ? "none" : std::to_string(cookie->data.size()) + " octets";
      require(got == std::to_string(size) + " octets",
              "cookie: expected " + std::to_string(size) + " octets, got " + got);
      if (cookie != options_.end()) options_.erase(cookie);
    }
    if (match_.nsid) {
      require(std::ranges::find(options_, kOptionNsid, &EdnsOption::code) != options_.end(), "nsid: not there");
    }
  }

  void compare_edns() {
    if (match_.dnssec_ok) require(got_.opt && got_.opt->dnssec_ok, "DO: not set");
    if (match_.no_edns) require(!got_.opt, "EDNS: expected none");
    if (match_.edns_data) {
      std::vector<std::uint8_t> data;
      for (const EdnsOption& option : options_) {
        for (const std::size_t value : {std::size_t{option.code}, option.data.size()}) {
          data.push_back(static_cast<std::uint8_t>(value >> 8));
          data.push_back(static_cast<std::uint8_t>(value));
        }
        data.insert(data.end(), option.data.begin(), option.data.end());
      }
      require(data == entry_.first().edns_options.value_or(std::vector<std::uint8_t>()),
              "EDNS options differ from HEX_EDNSDATA");
    }
    if (!match_.all) return;
    const bool by_option = match_.ede || match_.any_ede || match_.client_cookie || match_.server_cookie;
    const bool expected = expected_.opt.has_value() || by_option;
    // Deckard's entries name DO in the query alone; who sent EDNS gets EDNS (RFC 6891 section 6.1.1).
    require(!expected || got_.opt.has_value(), "EDNS: expected, got none");
    if (!expected_.opt || !got_.opt) return;
    // Beside a cookie, DO is how the files say that there is an OPT: the queries for those answers do not set it.
    if (match_.client_cookie || match_.server_cookie) return;
    note(unequal("DO", expected_.opt->dnssec_ok ? "set" : "clear", got_.opt->dnssec_ok ? "set" : "clear"));
  }

  const Entry& entry_;
  const Matching& match_;
  const RawMessage expected_;
  const RawMessage& got_;
  MessageTransport transport_;
  std::vector<EdnsOption> options_;
  std::optional<std::string> difference_;
};

}  // namespace

std::optional<std::string> first_difference(const Entry& entry, std::span<const std::uint8_t> message,
                                            MessageTransport transport) {
  return Comparison(entry, read_raw_message(message), transport).run();
}

std::string explain(const Entry& entry, std::span<const std::uint8_t> message, const std::string& difference) {
  return difference + "\n expected:\n" + to_text(expected_message(entry)) + " got:\n" +
         to_text(read_raw_message(message));
}

}  // namespace weir::scenario
