#include "tests/fuzz/support/bad_packets.h"

#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>

#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir::fuzz {
namespace {

using Octets = std::vector<std::uint8_t>;

void put_u16(Octets& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void append(Octets& out, std::span<const std::uint8_t> octets) {
  out.insert(out.end(), octets.begin(), octets.end());
}

struct Counts {
  unsigned questions = 1, answers = 0, authority = 0, additional = 0;
};

Octets header(unsigned flags, Counts counts) {
  Octets out;
  for (const unsigned value : {0x1234U, flags, counts.questions, counts.answers, counts.authority, counts.additional}) {
    put_u16(out, value);
  }
  return out;
}

constexpr std::uint8_t kName[] = {3, 'w', 'w', 'w', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 3, 'o', 'r', 'g', 0};
constexpr unsigned kQuery = 0x0100;
constexpr unsigned kAnswer = 0x8400;

void put_question(Octets& out, std::span<const std::uint8_t> name = kName, unsigned type = 1, unsigned type_class = 1) {
  append(out, name);
  put_u16(out, type);
  put_u16(out, type_class);
}

// Owner: a pointer to the question. `length` may be another than that of `rdata`.
void put_record(Octets& out, unsigned type, std::span<const std::uint8_t> rdata, unsigned length,
                unsigned record_class = 1) {
  put_u16(out, 0xC00C);
  put_u16(out, type);
  put_u16(out, record_class);
  put_u16(out, 0);
  put_u16(out, 300);
  put_u16(out, length);
  append(out, rdata);
}

void put_opt(Octets& out, std::span<const std::uint8_t> options = {}, unsigned version = 0, unsigned length = 0) {
  out.push_back(0);
  put_u16(out, 41);
  put_u16(out, 1232);
  put_u16(out, version);
  put_u16(out, 0x8000);
  put_u16(out, options.empty() ? length : static_cast<unsigned>(options.size()));
  append(out, options);
}

Octets plain_query() {
  Octets out = header(kQuery, {});
  put_question(out);
  return out;
}

class Collection {
 public:
  void add(std::string_view what, std::size_t number, Octets octets) {
    all_.push_back({std::string(what) + "-" + std::to_string(number), std::move(octets)});
  }
  std::vector<BadPacket> take() { return std::move(all_); }

 private:
  std::vector<BadPacket> all_;
};

void add_headers(Collection& out) {
  Octets query = header(kQuery, {.additional = 1});
  put_question(query);
  put_opt(query);
  for (std::size_t bit = 0; bit < 12 * 8; ++bit) {
    Octets flipped = query;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
    out.add("header-bit", bit, std::move(flipped));
  }
  for (std::size_t size = 0; size < query.size(); ++size) {
    out.add("cut", size, Octets(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  for (unsigned opcode = 0; opcode < 16; ++opcode) {
    for (const unsigned bits : {0U, 0x8000U}) {
      Octets other = header(kQuery | opcode << 11 | bits, {});
      put_question(other);
      out.add(bits == 0 ? "opcode" : "opcode-of-response", opcode, std::move(other));
    }
  }
  for (unsigned flags = 0; flags < 0x10000; flags += 0x0111) {
    Octets other = header(flags, {});
    put_question(other);
    out.add("flags", flags, std::move(other));
  }
}

void add_counts(Collection& out) {
  std::size_t number = 0;
  for (const unsigned flags : {kQuery, kAnswer}) {
    for (const unsigned count : {0U, 1U, 2U, 3U, 255U, 256U, 65'535U}) {
      for (unsigned field = 0; field < 4; ++field) {
        Counts counts;
        (field == 0   ? counts.questions
         : field == 1 ? counts.answers
         : field == 2 ? counts.authority
                      : counts.additional) = count;
        for (unsigned there = 0; there < 3; ++there) {  // records that are really there
          Octets message = header(flags, counts);
          put_question(message);
          static constexpr std::uint8_t kAddress[] = {192, 0, 2, 1};
          for (unsigned i = 0; i < there; ++i) put_record(message, 1, kAddress, 4);
          out.add("counts", number++, std::move(message));
        }
      }
    }
  }
  Octets two = header(kQuery, {.questions = 2});
  put_question(two);
  put_question(two);
  out.add("two-questions", 0, std::move(two));
}

void add_names(Collection& out) {
  for (unsigned length = 0; length < 256; ++length) {  // also 64 to 191: neither a length nor a pointer
    Octets message = header(kQuery, {});
    message.push_back(static_cast<std::uint8_t>(length));
    message.insert(message.end(), length, 'a');
    message.push_back(0);
    put_u16(message, 1);
    put_u16(message, 1);
    out.add("label", length, std::move(message));
  }
  for (unsigned size = 240; size < 270; ++size) {  // 255 is the longest name
    Octets message = header(kQuery, {});
    unsigned left = size - 1;
    while (left > 0) {
      const unsigned length = left > 64 ? 63 : left - 1;
      if (length == 0) break;
      message.push_back(static_cast<std::uint8_t>(length));
      message.insert(message.end(), length, 'n');
      left -= length + 1;
    }
    message.push_back(0);
    put_u16(message, 1);
    put_u16(message, 1);
    out.add("name-size", size, std::move(message));
  }
  for (unsigned labels = 120; labels < 132; ++labels) {
    Octets message = header(kQuery, {});
    for (unsigned i = 0; i < labels; ++i) append(message, std::initializer_list<std::uint8_t>{1, 'l'});
    message.push_back(0);
    put_u16(message, 1);
    put_u16(message, 1);
    out.add("labels", labels, std::move(message));
  }
  for (unsigned target = 0; target < 48; ++target) {  // itself, forwards, into the header, into the middle of a label
    Octets question = header(kQuery, {});
    put_u16(question, 0xC000 | target);
    put_u16(question, 1);
    put_u16(question, 1);
    out.add("pointer-in-question", target, std::move(question));
    Octets answer = header(kAnswer, {.answers = 1});
    put_question(answer);
    put_u16(answer, 0xC000 | target);
    for (const unsigned value : {5U, 1U, 0U, 300U, 2U, 0xC000U | target}) put_u16(answer, value);
    out.add("pointer", target, std::move(answer));
  }
  Octets chain = header(kAnswer, {.answers = 1});
  put_question(chain);
  for (unsigned i = 0; i < 200; ++i) put_u16(chain, static_cast<unsigned>(0xC000U | (chain.size() - 2)));
  out.add("pointer-chain", 0, std::move(chain));
}

void add_types_and_classes(Collection& out) {
  for (unsigned type = 0; type < 270; ++type) {
    Octets message = plain_query();
    message[message.size() - 4] = static_cast<std::uint8_t>(type >> 8);
    message[message.size() - 3] = static_cast<std::uint8_t>(type);
    out.add("qtype", type, std::move(message));
  }
  for (const unsigned type_class : {0U, 2U, 3U, 4U, 254U, 255U, 256U, 0x8001U, 65'535U}) {
    Octets message = plain_query();
    message[message.size() - 2] = static_cast<std::uint8_t>(type_class >> 8);
    message[message.size() - 1] = static_cast<std::uint8_t>(type_class);
    out.add("qclass", type_class, std::move(message));
  }
}

void add_edns(Collection& out) {
  std::size_t number = 0;
  const auto with = [&](Counts counts, auto&& put) {
    Octets message = header(counts.answers + counts.authority == 0 ? kQuery : kAnswer, counts);
    put_question(message);
    put(message);
    out.add("opt", number++, std::move(message));
  };
  with({.additional = 2}, [](Octets& message) { put_opt(message), put_opt(message); });
  with({.answers = 1}, [](Octets& message) { put_opt(message); });
  with({.authority = 1}, [](Octets& message) { put_opt(message); });
  for (unsigned version = 0; version < 256; version += 15) {
    with({.additional = 1}, [&](Octets& message) { put_opt(message, {}, version); });
  }
  for (const unsigned length : {1U, 3U, 4U, 255U, 65'535U}) {  // more than is there
    with({.additional = 1}, [&](Octets& message) { put_opt(message, {}, 0, length); });
  }
  for (unsigned code = 0; code < 20; ++code) {
    for (const unsigned length : {0U, 1U, 2U, 7U, 8U, 40U, 41U, 100U}) {
      Octets option;
      put_u16(option, code);
      put_u16(option, length);
      option.insert(option.end(), length, 0);
      with({.additional = 1}, [&](Octets& message) { put_opt(message, option); });
      option[3] ^= 1;  // its length lies
      with({.additional = 1}, [&](Octets& message) { put_opt(message, option); });
    }
  }
  with({.additional = 1}, [](Octets& message) {
    Octets many;
    for (unsigned i = 0; i < 3000; ++i) put_u16(many, 3), put_u16(many, 0);
    put_opt(message, many);
  });
  static constexpr std::uint8_t kSignature[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (const unsigned type : {24U, 250U}) {  // SIG(0) and TSIG, last and not last
    with({.additional = 2}, [&](Octets& message) { put_opt(message), put_record(message, type, kSignature, 16, 255); });
    with({.additional = 2}, [&](Octets& message) { put_record(message, type, kSignature, 16, 255), put_opt(message); });
  }
}

// Of every type that has a name, RDATA of many lengths, and lengths that lie.
void add_rdata(Collection& out) {
  std::size_t number = 0;
  for (unsigned type = 1; type < 262; ++type) {
    if (to_text(static_cast<RecordType>(type)).starts_with("TYPE") || type == 41) continue;
    for (const unsigned size : {0U, 1U, 4U, 16U, 19U, 33U, 64U}) {
      for (const unsigned fill : {0x00U, 0x01U, 0xC0U, 0xFFU}) {
        Octets message = header(kAnswer, {.answers = 1});
        put_question(message, kName, type);
        put_record(message, type, Octets(size, static_cast<std::uint8_t>(fill)), size);
        out.add("rdata", number++, std::move(message));
      }
    }
    for (const int lie : {-1, 1, 1000}) {
      Octets message = header(kAnswer, {.answers = 1});
      put_question(message, kName, type);
      put_record(message, type, kName, static_cast<unsigned>(static_cast<int>(sizeof kName) + lie));
      out.add("rdata-length", number++, std::move(message));
    }
  }
}

Octets wire_of(std::string_view text) {
  const Name name = Name::parse(text).value();
  return {name.wire().begin(), name.wire().end()};
}

struct Lie {
  unsigned section = 0;  // 0 answer, 1 authority, 2 additional
  const char* owner = "";
  unsigned type = 0;
  const char* target = nullptr;  // the RDATA's name; else an address
};

Octets lies(unsigned flags, std::initializer_list<Lie> records) {
  Counts counts;
  for (const Lie& lie : records)
    ++(lie.section == 0 ? counts.answers : lie.section == 1 ? counts.authority : counts.additional);
  Octets out = header(flags, counts);
  put_question(out);
  for (const Lie& lie : records) {
    append(out, wire_of(lie.owner));
    for (const unsigned value : {lie.type, 1U, 0U, 300U}) put_u16(out, value);
    Octets rdata = lie.target == nullptr ? Octets{192, 0, 2, 66} : wire_of(lie.target);
    if (lie.type == 6) {
      append(rdata, wire_of(lie.target));
      rdata.insert(rdata.end(), 20, 1);
    }
    put_u16(out, static_cast<unsigned>(rdata.size()));
    append(out, rdata);
  }
  return out;
}

// Well-formed answers about www.example.org that say more than whoever gives them may.
void add_poison(Collection& out) {
  const Lie answer{0, "www.example.org", 1};
  const Lie foreign_address{2, "ns.victim.net", 1};
  const Lie foreign_zone{1, "victim.net", 2, "ns.example.org"};
  std::size_t number = 0;
  for (const unsigned flags : {0x8000U, 0x8400U, 0x8403U}) {
    for (const char* cut : {"example.org", "www.example.org"}) {  // a referral with glue that is not its own
      out.add("poison", number++, lies(flags, {{1, cut, 2, "ns.victim.net"}, foreign_address}));
    }
    out.add("poison", number++, lies(flags, {answer, foreign_zone, {2, "ns.example.org", 1}}));
    out.add("poison", number++, lies(flags, {answer, foreign_address, {0, "www.victim.net", 1}}));
    out.add("poison", number++, lies(flags, {{0, "www.example.org", 5, "www.victim.net"}, {0, "www.victim.net", 1}}));
    out.add("poison", number++, lies(flags, {{0, "net", 39, "example.org"}, answer}));
    out.add("poison", number++,
            lies(flags, {{0, "www.example.org", 5, "www.victim.net"}, {1, "victim.net", 6, "ns.victim.net"}}));
    out.add("poison", number++, lies(flags, {{1, "victim.net", 6, "ns.victim.net"}, foreign_zone}));
  }
}

}  // namespace

std::vector<BadPacket> bad_packets() {
  Collection out;
  add_headers(out);
  add_counts(out);
  add_names(out);
  add_types_and_classes(out);
  add_edns(out);
  add_rdata(out);
  add_poison(out);
  return out.take();
}

}  // namespace weir::fuzz
