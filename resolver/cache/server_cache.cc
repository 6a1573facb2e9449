#include "resolver/cache/server_cache.h"

#include <algorithm>
#include <array>
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "resolver/base/limits.h"

namespace weir {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kShards = 16;
constexpr microseconds kInitialRetransmit =
    milliseconds(250);  // what comes later is taken too, at the price of a packet
constexpr microseconds kMinRetransmit = milliseconds(50);
constexpr microseconds kMaxRetransmit = milliseconds(1500);
constexpr unsigned kSilencesUntilDead = 3;
constexpr seconds kCapabilityLife = std::chrono::hours(1);  // servers are replaced by better ones

struct LameZone {
  Name zone_cut;
  SteadyTime until;
};

struct Entry {
  ServerAddress server;
  bool measured = false;
  microseconds srtt{};
  microseconds variance{};
  unsigned silences = 0;    // in a row
  SteadyTime next_probe{};  // of a dead one
  SteadyTime without_edns_until{};
  SteadyTime folds_case_until{};
  SteadyTime without_cookies_until{};
  UpstreamCookie cookie;
  std::vector<LameZone> lame;

  bool dead() const { return silences >= kSilencesUntilDead; }
  // Between two probes.
  seconds rest() const {
    const unsigned doublings = std::min(silences - kSilencesUntilDead, 10U);
    return seconds(std::min(limit_of(Limit::dead_server_min_s) << doublings, limit_of(Limit::dead_server_max_s)));
  }
  microseconds retransmit_after() const {
    microseconds base = measured ? srtt + std::max<microseconds>(4 * variance, milliseconds(20)) : kInitialRetransmit;
    for (unsigned i = 0; i < std::min(silences, 4U); ++i) base *= 2;
    return std::clamp(base, kMinRetransmit, kMaxRetransmit);
  }
};

struct AddressHash {
  std::size_t operator()(const ServerAddress& server) const noexcept {
    std::uint64_t state = static_cast<std::uint64_t>(server.address.family) ^ (std::uint64_t{server.port} << 8);
    for (const std::uint8_t octet : server.address.octets) state = (state ^ octet) * 0x100000001B3ULL;
    return state ^ (state >> 29);
  }
};

struct alignas(64) Shard {
  mutable std::mutex mutex;
  std::list<Entry> entries;  // most recently used first
  std::unordered_map<ServerAddress, std::list<Entry>::iterator, AddressHash> index;
};

}  // namespace

struct ServerCache::State {
  std::size_t capacity_per_shard;
  std::array<Shard, kShards> shards;

  Shard& shard(const ServerAddress& server) { return shards[AddressHash{}(server) >> 7 & (kShards - 1)]; }

  // Of a locked shard.
  Entry& touch(Shard& shard, const ServerAddress& server) {
    const auto known = shard.index.find(server);
    if (known != shard.index.end()) {
      shard.entries.splice(shard.entries.begin(), shard.entries, known->second);
      return shard.entries.front();
    }
    if (shard.entries.size() >= capacity_per_shard) {
      shard.index.erase(shard.entries.back().server);
      shard.entries.pop_back();
    }
    shard.entries.emplace_front().server = server;
    shard.index.emplace(server, shard.entries.begin());
    return shard.entries.front();
  }

  template <class Change>
  void change(const ServerAddress& server, Change&& apply) {
    Shard& home = shard(server);
    const std::lock_guard lock(home.mutex);
    apply(touch(home, server));
  }
};

ServerCache::ServerCache(std::size_t capacity_entries) : state_(std::make_unique<State>()) {
  state_->capacity_per_shard = std::max<std::size_t>(1, capacity_entries / kShards);
}

ServerCache::~ServerCache() = default;

ServerStatus ServerCache::find(const ServerAddress& server, const Name& zone_cut, SteadyTime now) const {
  Shard& shard = state_->shard(server);
  const std::lock_guard lock(shard.mutex);
  ServerStatus status;
  const auto known = shard.index.find(server);
  if (known == shard.index.end()) {
    status.retransmit_after = kInitialRetransmit;
    return status;
  }
  shard.entries.splice(shard.entries.begin(), shard.entries, known->second);
  const Entry& entry = *known->second;
  status.known = entry.measured || entry.silences > 0;
  status.retransmit_after = entry.retransmit_after();
  status.srtt = entry.measured && entry.silences == 0 ? entry.srtt : status.retransmit_after;
  status.dead = entry.dead();
  status.without_edns = entry.without_edns_until > now;
  status.without_cookies = entry.without_cookies_until > now;
  status.cookie = entry.cookie;
  status.folds_case = entry.folds_case_until > now;
  status.lame = std::ranges::any_of(
      entry.lame, [&](const LameZone& lame) { return lame.until > now && lame.zone_cut == zone_cut; });
  return status;
}

void ServerCache::record_answer(const ServerAddress& server, microseconds rtt, SteadyTime) {
  state_->change(server, [&](Entry& entry) {
    if (!entry.measured) {  // RFC 6298 section 2
      entry.srtt = rtt;
      entry.variance = rtt / 2;
    } else {
      const microseconds error = entry.srtt > rtt ? entry.srtt - rtt : rtt - entry.srtt;
      entry.variance = (3 * entry.variance + error) / 4;
      entry.srtt = (7 * entry.srtt + rtt) / 8;
    }
    entry.measured = true;
    entry.silences = 0;
  });
}

void ServerCache::record_alive(const ServerAddress& server) {
  state_->change(server, [](Entry& entry) { entry.silences = 0; });
}

void ServerCache::record_silence(const ServerAddress& server, SteadyTime now) {
  state_->change(server, [&](Entry& entry) {
    entry.silences = std::min(entry.silences + 1, 30U);
    if (entry.dead()) entry.next_probe = now + entry.rest();
  });
}

bool ServerCache::claim_probe(const ServerAddress& server, SteadyTime now) {
  Shard& shard = state_->shard(server);
  const std::lock_guard lock(shard.mutex);
  const auto known = shard.index.find(server);
  if (known == shard.index.end()) return false;
  Entry& entry = *known->second;
  if (!entry.dead() || entry.next_probe > now) return false;
  entry.next_probe = now + entry.rest();
  return true;
}

void ServerCache::record_without_edns(const ServerAddress& server, SteadyTime now) {
  state_->change(server, [&](Entry& entry) { entry.without_edns_until = now + kCapabilityLife; });
}

void ServerCache::record_folds_case(const ServerAddress& server, SteadyTime now) {
  state_->change(server, [&](Entry& entry) { entry.folds_case_until = now + kCapabilityLife; });
}

UpstreamCookie ServerCache::begin_cookie(const ServerAddress& server, std::span<const std::uint8_t> client_cookie) {
  UpstreamCookie out;
  state_->change(server, [&](Entry& entry) {
    if (entry.cookie.size == 0) {
      std::ranges::copy(client_cookie.first(kClientCookieSize), entry.cookie.wire.begin());
      entry.cookie.size = kClientCookieSize;
    }
    out = entry.cookie;
  });
  return out;
}

void ServerCache::record_cookie(const ServerAddress& server, std::span<const std::uint8_t> cookie) {
  state_->change(server, [&](Entry& entry) {
    UpstreamCookie& known = entry.cookie;
    if (known.size == 0 || cookie.size() > known.wire.size()) return;
    if (cookie.empty()) {
      known.size = kClientCookieSize;
      return;
    }
    // For an older client cookie of ours: the entry was forgotten meanwhile.
    if (!std::ranges::equal(cookie.first(kClientCookieSize), std::span(known.wire).first(kClientCookieSize))) return;
    std::ranges::copy(cookie, known.wire.begin());
    known.size = static_cast<std::uint8_t>(cookie.size());
  });
}

void ServerCache::record_without_cookies(const ServerAddress& server, SteadyTime now) {
  state_->change(server, [&](Entry& entry) { entry.without_cookies_until = now + kCapabilityLife; });
}

void ServerCache::record_lame(const ServerAddress& server, const Name& zone_cut, SteadyTime now) {
  state_->change(server, [&](Entry& entry) {
    const SteadyTime until = now + seconds(limit_of(Limit::lame_s));
    std::erase_if(entry.lame, [&](const LameZone& lame) { return lame.until <= now || lame.zone_cut == zone_cut; });
    if (entry.lame.size() >= limit_of(Limit::lame_zones_per_server)) entry.lame.erase(entry.lame.begin());
    entry.lame.push_back({zone_cut, until});
  });
}

void ServerCache::clear() {
  for (Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    shard.index.clear();
    shard.entries.clear();
  }
}

std::size_t ServerCache::entries() const {
  std::size_t count = 0;
  for (Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    count += shard.entries.size();
  }
  return count;
}

}  // namespace weir
