// How many wrong tokens one source may try: ten a second, and ten at once.
//
// Beyond that it is told to slow down and its connection is closed. A right token is never refused for the wrong ones
// of its neighbours: nobody guesses 256 bits at any speed, but anybody could lock out who shares his address.
#pragma once

#include <chrono>
#include <map>
#include <mutex>

#include "zones/base/prefix.h"
#include "zones/base/time.h"

namespace weir::http {

inline constexpr unsigned kFailuresASecond = 10;
inline constexpr std::size_t kMaxFailingSources = 10'000;

// Any thread.
class FailureLimit {
 public:
  // One more failure of `from`; of IPv6, of its /64. False: too many.
  bool note(const IpAddress& from, SteadyTime now);

 private:
  struct Source {
    double left = kFailuresASecond;
    SteadyTime seen;
  };
  std::mutex mutex_;
  std::map<Prefix, Source> sources_;
};

}  // namespace weir::http
