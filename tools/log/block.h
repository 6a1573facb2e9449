// A block of decisions of one class, as columns: what is written, and what searches look at.
//
// Most of a decision repeats. What a row holds is its time, its latency, and three codes: of its *shape* (all that is
// neither who asked nor what for), of its client and of its *subject* (the name, the rules that spoke on it, the alias
// or address that decided). Each is looked at once a block, whatever the number of rows, and rows are then told by
// comparing small numbers.
//
// Names are sorted as the policy store's keys are (zones/dns/reversed_name.h), and subjects by their name: a subtree is
// one range of codes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zones/base/ids.h"
#include "zones/link/decision.h"

namespace weir::log {

inline constexpr std::size_t kBlockRows = 65536;  // of a block at most: codes have 16 bits

struct DecisionShape {
  LinkKind link = LinkKind::qname;
  Transport transport = Transport::udp;
  Action action = Action::block;
  BlockMode mode = BlockMode::null;
  RecordType qtype = RecordType::a;
  std::uint32_t group = 0;
  GenerationNumber generation;
  bool operator==(const DecisionShape&) const = default;
};

// The rule that won and those that lost.
struct Ruling {
  Match winner;
  std::uint8_t loser_count = 0;
  std::array<Match, 8> losers{};
};

// What decided where that was not the QNAME.
struct DecidingPart {
  Name name;
  IpAddress address;
};

struct Subject {
  std::uint16_t name = 0;    // into Block::names
  std::uint16_t ruling = 0;  // into Block::rulings
  std::uint16_t part = 0;    // into Block::parts
  std::uint32_t rows = 0;    // of the block
};

// Keys of names in their order, in one arena.
class NameTable {
 public:
  void add(std::string_view key) {
    arena_.append(key);
    ends_.push_back(static_cast<std::uint32_t>(arena_.size()));
  }
  std::string_view at(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(arena_).substr(begin, ends_[index] - begin);
  }
  std::size_t size() const { return ends_.size(); }
  void reserve(std::size_t names, std::size_t octets) {
    ends_.reserve(names);
    arena_.reserve(octets);
  }
  // All keys, one behind the other, and the name in which an octet of them lies.
  std::string_view octets() const { return arena_; }
  std::size_t name_at(std::size_t octet) const {
    return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), octet) - ends_.begin());
  }
  // The names at or below the one with `key`: [first, second).
  std::pair<std::size_t, std::size_t> subtree(std::string_view key) const;

 private:
  std::string arena_;
  std::vector<std::uint32_t> ends_;
};

struct BlockHeader {
  DecisionClass decision_class = DecisionClass::blocked;
  std::uint32_t rows = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

// Rows in the order of their times. Every code lies inside its table: whoever made this looked.
struct Block {
  BlockHeader header;
  // A row each.
  std::vector<std::uint32_t> times;  // ms since header.first_ms
  std::vector<std::uint16_t> shape_of;
  std::vector<std::uint16_t> client_of;
  std::vector<std::uint16_t> subject_of;
  std::vector<std::uint8_t> latency_of;  // as code_of_latency() has it
  // What the codes mean.
  std::vector<DecisionShape> shapes;
  std::vector<ClientIdentity> clients;
  std::vector<std::uint32_t> rows_of_client;
  std::vector<Ruling> rulings;
  std::vector<DecidingPart> parts;  // [0]: none
  std::vector<Subject> subjects;    // sorted by name
  NameTable names;

  std::int64_t time_ms(std::size_t row) const { return header.first_ms + times[row]; }
  std::string_view name_key(std::size_t row) const { return names.at(subjects[subject_of[row]].name); }
  Decision decision(std::size_t row) const;
  // Codes of the subjects whose names lie at or below the one with `key`: [first, second).
  std::pair<std::size_t, std::size_t> subjects_below(std::string_view key) const;
};

// Latencies keep four bits of precision: within 7 % of what was measured.
std::uint8_t code_of_latency(std::uint32_t us);
std::uint32_t latency_of_code(std::uint8_t code);

}  // namespace weir::log
