#include "tools/log/block.h"

#include <algorithm>
#include <bit>

#include "zones/dns/reversed_name.h"

namespace weir::log {
namespace {

constexpr unsigned kStepBits = 3;  // of a latency behind its first bit: eight steps an octave
constexpr std::uint32_t kExactBelow = 1U << (kStepBits + 1);

// Behind every key that begins with `key`: no label has a length octet above 63.
constexpr char kBehindAll = '\x7F';

}  // namespace

std::pair<std::size_t, std::size_t> NameTable::subtree(std::string_view key) const {
  const auto first_not_before = [this](std::string_view wanted) {
    std::size_t low = 0;
    std::size_t high = size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (at(middle) < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  };
  return {first_not_before(key), first_not_before(std::string(key) + kBehindAll)};
}

std::pair<std::size_t, std::size_t> Block::subjects_below(std::string_view key) const {
  const auto range = names.subtree(key);
  const auto by_name = [](const Subject& subject, std::size_t name) { return subject.name < name; };
  const auto begin = std::lower_bound(subjects.begin(), subjects.end(), range.first, by_name);
  const auto end = std::lower_bound(begin, subjects.end(), range.second, by_name);
  return {static_cast<std::size_t>(begin - subjects.begin()), static_cast<std::size_t>(end - subjects.begin())};
}

Decision Block::decision(std::size_t row) const {
  const DecisionShape& shape = shapes[shape_of[row]];
  const Subject& subject = subjects[subject_of[row]];
  const Ruling& ruling = rulings[subject.ruling];
  const DecidingPart& part = parts[subject.part];
  Decision out;
  out.time =
      WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::milliseconds(header.first_ms + times[row])));
  out.decision_class = header.decision_class;
  out.link = shape.link;
  out.transport = shape.transport;
  out.action = shape.action;
  out.mode = shape.mode;
  out.client = clients[client_of[row]];
  out.group = shape.group;
  out.generation = shape.generation;
  out.qname = ReversedName::to_name(names.at(subject.name)).value_or(Name());
  out.qtype = shape.qtype;
  out.link_name = part.name;
  out.link_address = part.address;
  out.winner = ruling.winner;
  out.losers = ruling.losers;
  out.loser_count = ruling.loser_count;
  out.latency_us = latency_of_code(latency_of[row]);
  return out;
}

std::uint8_t code_of_latency(std::uint32_t us) {
  if (us < kExactBelow) return static_cast<std::uint8_t>(us);
  const unsigned shift = static_cast<unsigned>(std::bit_width(us)) - (kStepBits + 1);
  const std::uint32_t step = (us >> shift) & ((1U << kStepBits) - 1);
  return static_cast<std::uint8_t>(kExactBelow + (shift - 1) * (1U << kStepBits) + step);
}

std::uint32_t latency_of_code(std::uint8_t code) {
  if (code < kExactBelow) return code;
  const unsigned shift = (code - kExactBelow) / (1U << kStepBits) + 1;
  const std::uint32_t step = (code - kExactBelow) % (1U << kStepBits);
  const std::uint64_t low = std::uint64_t{(1U << kStepBits) + step} << shift;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(low + (std::uint64_t{1} << shift) / 2, UINT32_MAX));
}

}  // namespace weir::log
