// Which tables were read through already. Generations share most of theirs by hard links, so that behind the first one
// only what is new has to be checked at open. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <tuple>

#include "zones/base/result.h"
#include "zones/store/database.h"

namespace weir::store {

class TableCheck {
 public:
  // Of tables that are larger than this together none is read: their blocks are checked when they are used.
  static constexpr std::uint64_t kMostBytes = 64U << 20;

  // Checks every block of those tables of `database` that no call had before. Errors: corrupt, io.
  Result<void> check_new(const Database& database);

 private:
  // Device, inode, octets, time of the last change in nanoseconds: what is written anew is another table.
  using Identity = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::int64_t>;
  static constexpr std::size_t kMostRemembered = 4096;

  std::mutex mutex_;
  std::set<Identity> known_;
};

}  // namespace weir::store
