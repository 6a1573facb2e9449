#include "resolver/engine/server_selection.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace weir {
namespace {

using std::chrono::microseconds;

// One question in so many goes to any usable server, so that one that was slow once is measured again.
constexpr std::uint32_t kExploreOneIn = 64;
// Servers this near to the best are as good: spreading the questions keeps an attacker guessing (RFC 5452 section 4.4).
constexpr microseconds kBand = std::chrono::milliseconds(10);
// What is expected of a server that was never asked: less than of one that has been silent. Where a known one is
// quicker it is measured beside that (ask_servers.cc).
constexpr microseconds kUnknown = std::chrono::milliseconds(250);

// Who serves the zone and lives, then who was silent, then who said that it does not serve the zone: it may have meant
// one name alone, and where nobody else is left it is asked before the zone is given up.
enum class Rank : std::uint8_t { good, dead, lame };

Rank rank_of(const ServerStatus& status) {
  if (status.lame) return Rank::lame;
  return status.dead ? Rank::dead : Rank::good;
}

bool eligible(const ServerChoice& server, unsigned tries, Rank rank) {
  return server.usable && rank_of(server.status) == rank && server.tries == tries;
}

}  // namespace

std::optional<std::size_t> choose_server(std::span<const ServerChoice> servers, bool probes_allowed,
                                         const std::function<std::uint32_t()>& random) {
  for (const Rank rank : {Rank::good, Rank::dead, Rank::lame}) {
    if (rank != Rank::good && !probes_allowed) break;
    unsigned tries = std::numeric_limits<unsigned>::max();
    microseconds best = microseconds::max();
    for (const ServerChoice& server : servers) {
      if (server.usable && rank_of(server.status) == rank) tries = std::min(tries, server.tries);
    }
    for (const ServerChoice& server : servers) {
      if (!eligible(server, tries, rank)) continue;
      best = std::min(best, server.status.known ? server.status.srtt : kUnknown);
    }
    const bool explore = random_below(random, kExploreOneIn) == 0;
    std::vector<std::size_t> band;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      const ServerStatus& status = servers[i].status;
      const microseconds expected = status.known ? status.srtt : kUnknown;
      if (eligible(servers[i], tries, rank) && (explore || expected - kBand <= best)) {
        band.push_back(i);
      }
    }
    if (!band.empty()) return band[random_below(random, static_cast<std::uint32_t>(band.size()))];
  }
  return std::nullopt;
}

}  // namespace weir
