#include "tools/http/failure_limit.h"

#include <algorithm>

namespace weir::http {

bool FailureLimit::note(const IpAddress& from, SteadyTime now) {
  const IpAddress plain = from.unmapped();
  const Prefix source = Prefix::of(plain, plain.family == AddressFamily::ipv4 ? 32 : 64);
  const std::lock_guard lock(mutex_);
  if (sources_.size() >= kMaxFailingSources && !sources_.contains(source)) {
    std::erase_if(sources_, [now](const auto& known) { return now - known.second.seen > std::chrono::seconds(1); });
    if (sources_.size() >= kMaxFailingSources) return false;
  }
  const auto [at, is_new] = sources_.try_emplace(source);
  Source& known = at->second;
  if (!is_new) {
    const std::chrono::duration<double> passed = now - known.seen;
    known.left = std::min<double>(kFailuresASecond, known.left + passed.count() * kFailuresASecond);
  }
  known.seen = now;
  if (known.left < 1) return false;
  known.left -= 1;
  return true;
}

}  // namespace weir::http
