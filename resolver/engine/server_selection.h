// Which of a zone's servers is asked next: the quickest known ones at random, new ones where none is quick, dead and
// lame ones last.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>

#include "resolver/cache/server_cache.h"

namespace weir {

struct ServerChoice {
  ServerStatus status;
  unsigned tries = 0;  // of this question there
  bool usable = true;  // not given up, and tries are left
};

// Index of the choice; nothing where none is usable. Untried servers go before tried ones; `probes_allowed` lets a
// server that is known dead or lame be asked when no other is left.
std::optional<std::size_t> choose_server(std::span<const ServerChoice> servers, bool probes_allowed,
                                         const std::function<std::uint32_t()>& random);

// A number below `bound` (1 to 2^32), without bias that matters.
inline std::uint32_t random_below(const std::function<std::uint32_t()>& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(random()) * bound >> 32);
}

}  // namespace weir
