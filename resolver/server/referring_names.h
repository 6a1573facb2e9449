// The name that a client was allowed last, for a little while: where only what is allowed is answered, it is what a
// refused name most likely belongs to (a page's video host). Only for clients whose addresses are logged in full.
//
// Shared by all workers, since a client's questions reach any of them. Nobody waits: who finds an entry in use by
// another thread goes without. A table of fixed size: who comes later takes the place of who has the same.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "zones/base/prefix.h"
#include "zones/base/time.h"
#include "zones/dns/name.h"

namespace weir {

inline constexpr std::size_t kReferringClients = 512;
inline constexpr std::chrono::seconds kReferringNameLives{10};  // longer ago is another page

class ReferringNames {
 public:
  void note(const IpAddress& client, std::span<const std::uint8_t> qname, WallTime now);
  // The root where there is none.
  Name find(const IpAddress& client, WallTime now) const;

 private:
  struct Entry {
    std::atomic<bool> busy{false};
    IpAddress client;
    WallTime at{};
    std::uint8_t size = 0;  // 0: free
    std::array<std::uint8_t, kMaxNameSize> name;
  };
  class Held;
  Entry& entry_of(const IpAddress& client) const;

  std::unique_ptr<Entry[]> entries_ = std::make_unique<Entry[]>(kReferringClients);
};

}  // namespace weir
