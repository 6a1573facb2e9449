// One connection of a client, from its first octet to its last: requests in, responses out, against the clock.
#pragma once

#include <chrono>
#include <functional>

#include "tools/http/answerer.h"
#include "tools/http/channel.h"

namespace weir::http {

inline constexpr std::chrono::seconds kRequestPatience{
    10};                                                  // from its first octet to its last, TLS's handshake likewise
inline constexpr std::chrono::seconds kIdlePatience{30};  // between two requests; before the first kRequestPatience
inline constexpr std::chrono::seconds kResponsePatience{60};  // the whole of one that is no stream
inline constexpr std::chrono::seconds kPiecePatience{10};     // one piece of a stream
inline constexpr unsigned kMaxRequestsAConnection = 1000;

// `is_busy`: whether connections are scarce, so that this one should not be kept for later.
void serve_connection(Channel& channel, Answerer& answerer, const Caller& caller, const std::function<bool()>& is_busy);

}  // namespace weir::http
