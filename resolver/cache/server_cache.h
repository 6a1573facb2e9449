// What is known of upstream servers by address: smoothed RTT, silence, EDNS, 0x20, and the zones they are lame for.
//
// Any number of threads (sharded, one mutex a shard). Bounded: each shard forgets what was used least recently.
// No clock: `now` is an argument.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "resolver/cache/server_address.h"
#include "zones/base/time.h"
#include "zones/dns/edns.h"
#include "zones/dns/name.h"

namespace weir {

// What is sent to a server as COOKIE (RFC 7873): the client cookie that it alone gets from us, and the server cookie
// that it gave for it.
struct UpstreamCookie {
  std::array<std::uint8_t, kMaxCookieSize> wire{};
  std::uint8_t size = 0;  // 0: none yet; 8: the server has given none

  std::span<const std::uint8_t> octets() const { return {wire.data(), size}; }
};

struct ServerStatus {
  bool known = false;                            // an answer or a silence has been seen
  std::chrono::microseconds srtt{};              // smoothed (RFC 6298); grows with silence. Meaningless where not known
  std::chrono::microseconds retransmit_after{};  // how long to wait for an answer before asking elsewhere
  bool dead = false;                             // silent several times in a row, until it answers again
  bool lame = false;                             // for the zone asked about
  bool without_edns = false;                     // answers only queries without OPT
  bool without_cookies = false;                  // does not understand a query with one
  UpstreamCookie cookie;
  bool folds_case = false;  // does not echo the case of QNAME: 0x20 is useless there
};

class ServerCache {
 public:
  explicit ServerCache(std::size_t capacity_entries = 20'000);
  ~ServerCache();
  ServerCache(const ServerCache&) = delete;
  ServerCache& operator=(const ServerCache&) = delete;

  ServerStatus find(const ServerAddress& server, const Name& zone_cut, SteadyTime now) const;
  void record_answer(const ServerAddress& server, std::chrono::microseconds rtt, SteadyTime now);
  void record_alive(const ServerAddress& server);  // it answered over TCP, which says nothing of its RTT
  void record_silence(const ServerAddress& server, SteadyTime now);
  // Whether the caller is to send a dead server one query to see if it is back: true once for each of its rests
  // (limits.h: dead_server_min_s), whoever asks first.
  bool claim_probe(const ServerAddress& server, SteadyTime now);
  void record_without_edns(const ServerAddress& server, SteadyTime now);
  void record_folds_case(const ServerAddress& server, SteadyTime now);
  // `client_cookie` is kept where the server has none of ours yet; what is in force comes back.
  UpstreamCookie begin_cookie(const ServerAddress& server, std::span<const std::uint8_t> client_cookie);
  // An answer that the server alone can have given, with `cookie` in it, which begins with our client cookie; empty:
  // with none, so that none is expected of it.
  void record_cookie(const ServerAddress& server, std::span<const std::uint8_t> cookie);
  void record_without_cookies(const ServerAddress& server, SteadyTime now);
  void record_lame(const ServerAddress& server, const Name& zone_cut, SteadyTime now);

  void clear();
  std::size_t entries() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
