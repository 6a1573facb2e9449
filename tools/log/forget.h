// Whom the log is to forget, and a block without them.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "tools/log/block.h"
#include "tools/log/block_codec.h"
#include "zones/base/prefix.h"
#include "zones/link/decision.h"

namespace weir::log {

// Clients as the log keeps them.
class ClientSet {
 public:
  // What a search for this client finds (LogFilter::client): addresses inside it, and kept prefixes that overlap with
  // it. So an address takes the prefix along that was kept of it: it may have been this client.
  void add(const Prefix& prefix) { prefixes_.push_back(prefix); }
  void add_pseudonym(std::uint64_t pseudonym) { pseudonyms_.insert(pseudonym); }
  // Every client whose address or a part of it is kept.
  void add_all_addresses() { has_all_addresses_ = true; }

  bool empty() const { return prefixes_.empty() && pseudonyms_.empty() && !has_all_addresses_; }
  bool contains(const ClientIdentity& client) const;
  // By the block's filter alone: false where none of them is in it.
  bool may_be_in(const BlockSummary& summary) const;

 private:
  std::vector<Prefix> prefixes_;
  std::unordered_set<std::uint64_t> pseudonyms_;
  bool has_all_addresses_ = false;
};

// The rows of `clients` stay, and belong to nobody; returns how many these are. All rows of nobody share one code:
// codes of their own would go on telling which of them belong together.
std::uint64_t forget_clients(Block& block, const ClientSet& clients);

}  // namespace weir::log
