#include "resolver/server/access.h"

#include <algorithm>
#include <cstring>

namespace weir {

ClientTable::ClientTable(std::vector<Prefix> allow_clients, std::vector<Prefix> require_cookies)
    : allow_clients_(std::move(allow_clients)), require_cookies_(std::move(require_cookies)), entries_(kEntries) {}

void ClientTable::reset() {
  for (Entry& entry : entries_) entry.filled = false;
}

std::size_t ClientTable::slot_of(const IpAddress& client) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, client.octets.data(), 8);
  std::memcpy(&low, client.octets.data() + 8, 8);
  std::uint64_t hash = (high ^ (low * 0x9E3779B97F4A7C15ULL)) * 0xBF58476D1CE4E5B9ULL;
  hash ^= hash >> 32;
  return hash % kEntries;
}

const ClientClass& ClientTable::fill(Entry& entry, const IpAddress& client, const PolicySet* policies) {
  const IpAddress plain = client.unmapped();
  entry.client = client;
  entry.filled = true;
  const auto is_in = [&](const std::vector<Prefix>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& prefix) { return prefix.contains(plain); });
  };
  entry.found.allowed = is_in(allow_clients_);
  entry.found.needs_cookie = is_in(require_cookies_);
  entry.found.group = policies == nullptr ? 0 : policies->group_of(plain);
  return entry.found;
}

Prefix fairness_prefix(const IpAddress& client) {
  const IpAddress plain = client.unmapped();
  return Prefix::of(plain, plain.family == AddressFamily::ipv4 ? 24 : 56);
}

std::size_t PrefixHash::operator()(const Prefix& prefix) const noexcept {
  std::size_t hash = prefix.length;
  for (const std::uint8_t octet : prefix.address.bytes()) hash = hash * 131 + octet;
  return hash;
}

}  // namespace weir
