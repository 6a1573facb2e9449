// What the engines of all workers have outstanding upstream, so that equal questions to one server leave the process
// once: each copy more would be another chance to guess an id (birthday attacks, CVE-2025-5994).
//
// A question of clients belongs to one worker; but the addresses of name servers, DS and DNSKEY are looked up by
// whichever needs them. Who finds that another engine has the question out waits, and then looks into the caches that
// all share. Any thread; sharded by question.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "zones/base/ids.h"

namespace weir {

using EngineNumber = Id<struct EngineNumberTag, std::uint32_t>;

class InFlight {
 public:
  // `wake` is called, from any thread and at most once for each begin() that said no, when it is worth to ask again. It
  // must neither block nor call back. All engines enter before any begins.
  EngineNumber enter(std::function<void()> wake);

  // `question` is a hash of server, transport and question. True: it is this engine's, until as many end() as begin().
  // False: another engine's.
  bool begin(std::uint64_t question, EngineNumber engine);
  void end(std::uint64_t question, EngineNumber engine);

  std::size_t size() const;  // questions that are out

 private:
  struct Entry {
    EngineNumber owner;
    unsigned count = 0;  // it may ask the same again, over the silence of the first
    std::vector<EngineNumber> waiting;
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::unordered_map<std::uint64_t, Entry> entries;
  };
  static constexpr std::size_t kShards = 16;

  Shard& shard_of(std::uint64_t question) { return shards_[question % kShards]; }

  std::array<Shard, kShards> shards_;
  std::vector<std::function<void()>> wakes_;  // by EngineNumber
};

}  // namespace weir
