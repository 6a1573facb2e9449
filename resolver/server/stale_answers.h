// What stands in for an answer that cannot be had in time (RFC 8767): the answer that was good until its TTL ran out.
//
// One worker's; one thread. Off the packet path but for the two functions at the end.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "resolver/cache/answer_cache.h"
#include "resolver/server/answer_builder.h"
#include "resolver/wire/reply.h"
#include "zones/config/config.h"

namespace weir {

class StaleAnswers {
 public:
  // Both outlive it.
  StaleAnswers(AnswerCache& answers, const CacheConfig& config);

  // Until when an answer that expires at `expires` may stand in; `expires`: never. Only what a zone has said may: a
  // failure, and with it what was found bogus, never does.
  CacheSeconds usable_until(Rcode rcode, CacheSeconds expires) const;

  // What may stand in for the answer to `query`: of the same question, and DO where that makes no difference.
  // False: nothing, or serve_stale is off. What it finds is valid until the next call.
  bool find(const Query& query, CacheSeconds now);
  std::span<const std::uint8_t> wire() const { return {wire_.data(), found_.wire_size}; }
  const CachedAnswer& answer() const { return found_; }

  // After a find(): nothing newer is to be had, so it answers by itself until the next try (RFC 8767 section 5: the
  // failure recheck timer).
  void hold(const Query& query, CacheSeconds now);
  // There is something newer: what is stored beside it for the other DO stands in no more.
  void superseded(const Query& query, CacheSeconds now);

 private:
  bool read(const AnswerKey& key, CacheSeconds now);

  AnswerCache& answers_;
  const CacheConfig& config_;
  CachedAnswer found_;
  std::vector<std::uint8_t> wire_;
};

// RFC 8914 sections 4.4 and 4.20.
ExtendedError stale_error(Rcode rcode);
// How a cached answer that has expired is sent.
StoredReply stale_reply(const Query& query, const CachedAnswer& answer, const CacheConfig& config);

}  // namespace weir
