#include "resolver/engine/server_selection.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace weir {
namespace {

using std::chrono::microseconds;

// One question in so many goes to any usable server, so that one that was slow once is measured again.
constexpr std::uint32_t kExploreOneIn = 32;
// Servers this near to the best are as good: spreading the questions keeps an attacker guessing (RFC 5452 section 4.4).
constexpr microseconds kBand = std::chrono::milliseconds(25);

bool eligible(const ServerChoice& server, unsigned tries, bool dead) {
  return server.usable && !server.status.lame && server.status.dead == dead && server.tries == tries;
}

}  // namespace

std::optional<std::size_t> choose_server(std::span<const ServerChoice> servers, bool dead_allowed,
                                         const std::function<std::uint32_t()>& random) {
  for (const bool dead : {false, true}) {
    if (dead && !dead_allowed) break;
    unsigned tries = std::numeric_limits<unsigned>::max();
    microseconds best = microseconds::max();
    for (const ServerChoice& server : servers) {
      if (server.usable && !server.status.lame && server.status.dead == dead) tries = std::min(tries, server.tries);
    }
    for (const ServerChoice& server : servers) {
      if (eligible(server, tries, dead) && server.status.known) best = std::min(best, server.status.srtt);
    }
    const bool explore = random_below(random, kExploreOneIn) == 0;
    std::vector<std::size_t> band;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const ServerStatus& status = servers[i].status;
      // A server never asked counts as quick: each is measured once, then the figures speak.
      if (eligible(servers[i], tries, dead) && (explore || !status.known || status.srtt - kBand <= best)) {
        band.push_back(i);
      }
    }
    if (!band.empty()) return band[random_below(random, static_cast<std::uint32_t>(band.size()))];
  }
  return std::nullopt;
}

}  // namespace weir
