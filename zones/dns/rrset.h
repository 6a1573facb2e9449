// An RRset (RFC 9499): records of one owner, class and type, with names in their RDATA uncompressed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "zones/dns/name.h"
#include "zones/dns/reader.h"
#include "zones/dns/record_types.h"
#include "zones/dns/writer.h"

namespace weir {

// The records' RDATA lie packed one after the other, each with its 16-bit length before it.
class Rrset {
 public:
  Name owner;
  RecordType type = RecordType::a;
  RecordClass record_class = RecordClass::in;
  std::uint32_t ttl_seconds = 0;  // the smallest of its records (RFC 2181 section 5.2)
  RecordType type_covered{};      // of RRSIGs, which form one RRset for each type they cover; else 0

  void add(std::span<const std::uint8_t> rdata);  // uncompressed; an equal record is not added twice
  bool contains(std::span<const std::uint8_t> rdata) const;
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::span<const std::uint8_t> packed() const { return rdata_; }
  // Puts back what packed() and size() of another RRset gave; nothing is checked.
  void set_packed(std::span<const std::uint8_t> packed, std::size_t count);

  // for (auto rdata : rrset.records())
  class Iterator {
   public:
    explicit Iterator(const std::uint8_t* at) : at_(at) {}
    std::span<const std::uint8_t> operator*() const { return {at_ + 2, length()}; }
    Iterator& operator++() {
      at_ += 2 + length();
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    std::size_t length() const { return static_cast<std::size_t>(at_[0]) << 8 | at_[1]; }
    const std::uint8_t* at_;
  };
  struct Records {
    const std::vector<std::uint8_t>& packed;
    Iterator begin() const { return Iterator(packed.data()); }
    Iterator end() const { return Iterator(packed.data() + packed.size()); }
  };
  Records records() const { return {rdata_}; }

  // Appends every record (owner and the names that RFC 3597 section 4 lets us compress are compressed).
  void write(Writer& writer, std::uint32_t ttl_seconds) const;

 private:
  std::vector<std::uint8_t> rdata_;
  std::uint16_t count_ = 0;
};

// The name that is the whole RDATA (CNAME, DNAME, NS, PTR); nothing where it is not one.
std::optional<Name> rdata_name(std::span<const std::uint8_t> rdata);

// Reads one record's RDATA of `length` octets at the reader's position and returns it uncompressed:
// names inside well-known types (RFC 1035, and those that RFC 3597 section 4 lists) are expanded.
// Faults turn the reader not ok.
std::vector<std::uint8_t> read_rdata(Reader& reader, RecordType type, std::size_t length);

// The canonical form of RDATA (RFC 4034 section 6.2, amended by RFC 6840 section 5.1): names in it become lower case in
// place, for the types that those sections list. `rdata` is uncompressed; where it is malformed the rest of it stays.
bool has_folded_names(RecordType type);
void fold_rdata_names(RecordType type, std::span<std::uint8_t> rdata);

}  // namespace weir
