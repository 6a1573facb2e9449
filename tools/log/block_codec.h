// A block of the decision log on disk: three values, so that a search reads no more than it needs.
//
//   summary  what it spans, and filters of the names and clients in it
//   names    its names, sorted and front-coded, and its subjects with their numbers of rows
//   columns  its rows, and the tables of the codes in them
//
// What makes it small: a burst (A, AAAA, HTTPS of one name by one client) says client and subject once, later rows of
// it say "as the row n before"; codes are written as ranks by frequency, so that the frequent ones are one octet.
#pragma once

#include <string>
#include <string_view>

#include "tools/log/block.h"
#include "tools/log/block_filter.h"
#include "tools/log/frames.h"
#include "zones/base/result.h"

namespace weir::log {

struct EncodedBlock {
  std::string summary;
  std::string names;
  std::string columns;
  std::uint64_t bytes() const { return summary.size() + names.size() + columns.size(); }
};

struct BlockSummary {
  BlockHeader header;
  BlockFilter names;    // each name and what is above it, down to two labels; by key
  BlockFilter clients;  // by client_key()
};

// `block`: at least one row.
EncodedBlock encode_block(const Block& block, FrameWriter& frames);

// Any octets are safe. Errors: corrupt, incompatible.
Result<BlockSummary> decode_summary(std::string_view summary);
// Into `block`: names and subjects.
Result<void> decode_names(std::string_view names, Block& block);
// Into `block`, behind decode_names(): everything else.
Result<void> decode_columns(std::string_view columns, Block& block);

// What a filter of clients is asked for.
std::string client_key(const ClientIdentity& client);
// Whether a filter of names knows names with so few labels.
inline constexpr unsigned kFilteredLabels = 2;

}  // namespace weir::log
