#include "tools/log/forget.h"

#include <algorithm>
#include <optional>

namespace weir::log {
namespace {

constexpr std::size_t kMaxLookedUp =
    4096;  // pseudonyms: reading the block is cheaper than asking its filter more often

bool may_hold(const BlockSummary& summary, const ClientIdentity& client) {
  return summary.clients.may_hold(BlockFilter::hash(client_key(client)));
}

}  // namespace

bool ClientSet::contains(const ClientIdentity& client) const {
  switch (client.level) {
    case Privacy::full:
    case Privacy::prefix: {
      const Prefix kept{client.address, client.prefix_length};
      return has_all_addresses_ || std::any_of(prefixes_.begin(), prefixes_.end(), [&](const Prefix& prefix) {
               return prefix.contains(kept) || kept.contains(prefix);
             });
    }
    case Privacy::pseudonym:
      return pseudonyms_.contains(client.pseudonym);
    case Privacy::none:
      return false;
  }
  return false;
}

bool ClientSet::may_be_in(const BlockSummary& summary) const {
  if (has_all_addresses_ || pseudonyms_.size() > kMaxLookedUp) return true;
  for (const Prefix& prefix : prefixes_) {
    if (prefix.length != prefix.address.bits()) return true;  // the filter knows no wider ones
    for (const Privacy level : {Privacy::full, Privacy::prefix}) {
      if (may_hold(summary, identity_of(prefix.address, level, std::nullopt))) return true;
    }
  }
  return std::any_of(pseudonyms_.begin(), pseudonyms_.end(), [&](std::uint64_t pseudonym) {
    ClientIdentity client;
    client.level = Privacy::pseudonym;
    client.pseudonym = pseudonym;
    return may_hold(summary, client);
  });
}

std::uint64_t forget_clients(Block& block, const ClientSet& clients) {
  std::uint64_t rows = 0;
  std::vector<bool> is_gone(block.clients.size());
  for (std::size_t code = 0; code < block.clients.size(); ++code) {
    is_gone[code] = clients.contains(block.clients[code]);
    if (is_gone[code]) rows += block.rows_of_client[code];
  }
  if (rows == 0) return 0;
  std::vector<ClientIdentity> kept;
  std::vector<std::uint32_t> rows_of_kept;
  std::vector<std::uint16_t> new_code(block.clients.size());
  std::optional<std::uint16_t> nobody;
  for (std::size_t code = 0; code < block.clients.size(); ++code) {
    const bool is_nobody = is_gone[code] || block.clients[code].level == Privacy::none;
    if (is_nobody && nobody) {
      new_code[code] = *nobody;
    } else {
      new_code[code] = static_cast<std::uint16_t>(kept.size());
      if (is_nobody) nobody = new_code[code];
      kept.push_back(is_nobody ? ClientIdentity() : block.clients[code]);
      rows_of_kept.push_back(0);
    }
    rows_of_kept[new_code[code]] += block.rows_of_client[code];
  }
  for (std::uint16_t& code : block.client_of) code = new_code[code];
  block.clients = std::move(kept);
  block.rows_of_client = std::move(rows_of_kept);
  return rows;
}

}  // namespace weir::log
