// The storage under a shard of the RRset cache: entries found by name, kind and type, each one block of memory, bounded
// in octets.
//
// Open addressing by the hash of the name alone, so that all that is known at a name stands in one run of slots: that
// nothing is known there, whatever the type, costs one cache line. What goes when room is needed was not used since the
// hand of the clock last passed it. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "zones/base/time.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

// What an entry is about. Those of one name, kind and type replace each other.
struct EntryKey {
  const Name& name;
  char kind = 0;
  RecordType type{};
};

// One block: this, then the folded name, then the payload.
struct Entry {
  SteadyTime expires;
  std::uint32_t payload_size = 0;
  RecordType type{};
  std::uint8_t name_size = 0;
  char kind = 0;
  std::array<std::uint8_t, 8> tags{};  // the owner's own: eight small values

  std::span<const std::uint8_t> name() const { return {octets(), name_size}; }
  std::span<const std::uint8_t> payload() const { return {octets() + name_size, payload_size}; }
  std::size_t size_bytes() const;  // with its slot and what the allocator adds

 private:
  const std::uint8_t* octets() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
};

class EntryTable {
 public:
  // nullptr where there is none. A pointer is good until the next insert or erase.
  Entry* find(const EntryKey& key);
  // Replaces what has the same key, and drops others until all fit into `capacity_bytes`. `head` says all but the
  // sizes. nullptr, and nothing of this key left, where the entry alone does not fit.
  Entry* insert(const EntryKey& key, const Entry& head, std::span<const std::uint8_t> payload,
                std::size_t capacity_bytes);
  void erase(const EntryKey& key);
  void erase_all(const Name& name);  // every kind and type
  void clear();

  std::size_t entries() const { return count_; }
  std::size_t size_bytes() const { return bytes_; }

  // In no order.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Block& block : blocks_)
      if (block) visit(*block);
  }

 private:
  struct Free {
    void operator()(Entry* entry) const { ::operator delete(entry); }
  };
  using Block = std::unique_ptr<Entry, Free>;

  std::size_t home_of(std::uint32_t mark) const { return (mark >> 2) & (marks_.size() - 1); }
  std::size_t next(std::size_t slot) const { return (slot + 1) & (marks_.size() - 1); }
  template <typename Fits>
  std::size_t find_slot(const Name& name, Fits fits) const;
  void place(std::uint32_t mark, Block block);
  void take_out(std::size_t slot);
  void grow();
  void drop_one();

  // Beside each other in each slot. A mark is 0 where the slot is empty, else the hash of the name with two bits of its
  // own below: one always set, one set by use.
  std::vector<std::uint32_t> marks_;
  std::vector<Block> blocks_;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  std::size_t hand_ = 0;
};

}  // namespace weir
