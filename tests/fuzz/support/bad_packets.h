// Packets that have stopped resolvers, and their kin: header bits, cut headers, lying counts, pointers that loop,
// labels and names of every length, OPT where it does not belong, and answers that say more than they may. Made, not
// stored: a couple of thousand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::fuzz {

struct BadPacket {
  std::string what;  // also a file name
  std::vector<std::uint8_t> octets;
};

std::vector<BadPacket> bad_packets();

}  // namespace weir::fuzz
