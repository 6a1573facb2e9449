// Who may ask, and which group a client belongs to: looked up once for each client and generation.
//
// We are no open resolver: the access list comes before any other work. One worker's; one thread; no allocation
// after the constructor.
#pragma once

#include <cstdint>
#include <vector>

#include "zones/base/prefix.h"
#include "zones/policy.h"

namespace weir {

struct ClientClass {
  bool allowed = false;
  bool needs_cookie = false;  // over UDP
  std::uint32_t group = 0;    // PolicySet::group_of; 0 without a generation
};

class ClientTable {
 public:
  explicit ClientTable(std::vector<Prefix> allow_clients, std::vector<Prefix> require_cookies = {});

  // `client` as it came; IPv4-mapped counts as IPv4. `policies`: of the generation in force, nullptr for none;
  // call reset() whenever it changes.
  ClientClass classify(const IpAddress& client, const PolicySet* policies) {
    Entry& entry = entries_[slot_of(client)];
    if (entry.filled && entry.client == client) return entry.found;
    return fill(entry, client, policies);
  }
  void reset();

 private:
  // Direct-mapped: a clash costs a walk over the prefixes, as the first query of a client does.
  static constexpr std::size_t kEntries = 1024;
  struct Entry {
    IpAddress client;
    bool filled = false;
    ClientClass found;
  };

  static std::size_t slot_of(const IpAddress& client);
  const ClientClass& fill(Entry& entry, const IpAddress& client, const PolicySet* policies);

  const std::vector<Prefix> allow_clients_;
  const std::vector<Prefix> require_cookies_;
  std::vector<Entry> entries_;
};

// The prefix that limits on one customer count by: /24 and /56, as the decision log shortens addresses.
Prefix fairness_prefix(const IpAddress& client);
struct PrefixHash {
  std::size_t operator()(const Prefix& prefix) const noexcept;
};

}  // namespace weir
