#include "zones/link/match_json.h"

#include <boost/json.hpp>

#include <array>
#include <limits>

namespace weir {

boost::json::array match_to_json(const Match& match) {
  return {match.list,
          match.detail,
          static_cast<unsigned>(match.kind),
          static_cast<unsigned>(match.action),
          static_cast<unsigned>(match.labels),
          static_cast<unsigned>(match.flags)};
}

std::optional<Match> match_from_json(const boost::json::value& value) {
  constexpr std::uint64_t kWord = std::numeric_limits<std::uint32_t>::max();
  constexpr std::array<std::uint64_t, 6> kHighest = {
      kWord, kWord, static_cast<std::uint64_t>(PatternKind::client), static_cast<std::uint64_t>(Action::answer),
      255,   255};
  if (!value.is_array() || value.get_array().size() != kHighest.size()) return std::nullopt;
  std::array<std::uint64_t, kHighest.size()> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    boost::json::error_code error;
    numbers[i] = value.get_array()[i].to_number<std::uint64_t>(error);
    if (error || numbers[i] > kHighest[i]) return std::nullopt;
  }
  Match out;
  out.list = static_cast<std::uint32_t>(numbers[0]);
  out.detail = static_cast<std::uint32_t>(numbers[1]);
  out.kind = static_cast<PatternKind>(numbers[2]);
  out.action = static_cast<Action>(numbers[3]);
  out.labels = static_cast<std::uint8_t>(numbers[4]);
  out.flags = static_cast<std::uint8_t>(numbers[5]);
  return out;
}

}  // namespace weir
