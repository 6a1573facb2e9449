// A block of the decision log, whatever its columns hold: it is refused, or its rows can be shown, and are the same
// when they are written and read again.
#include <string>

#include "tests/fuzz/fuzz.h"
#include "tools/log/block_codec.h"

namespace weir::fuzz {

// 3, 11 and 15 columns, a length (2 octets) and that many octets each.
WEIR_FUZZ_TARGET(log_block) {
  static log::FrameWriter frames;
  Input in(input);
  const auto value_of = [&](unsigned columns) {
    for (unsigned i = 0; i < columns; ++i) frames.add(text_of(in.block()));
    return frames.finish();
  };
  const std::string summary = value_of(3);
  const std::string names = value_of(11);
  const std::string columns = value_of(15);
  if (const auto read = log::decode_summary(summary)) {
    (void)read->names.may_hold(log::BlockFilter::hash("a name"));
    (void)read->clients.may_hold(~std::uint64_t{0});
  }
  log::Block block;
  if (!log::decode_names(names, block)) return;
  (void)block.subjects_below(std::string_view("\3org", 4));
  if (!log::decode_columns(columns, block)) return;
  const log::EncodedBlock encoded = log::encode_block(block, frames);
  log::Block again;
  require(
      log::decode_names(encoded.names, again).has_value() && log::decode_columns(encoded.columns, again).has_value(),
      "a block that was read cannot be written");
  require(again.header.rows == block.header.rows, "as many rows");
  for (std::size_t row = 0; row < block.header.rows; ++row) {
    const Decision was = block.decision(row);
    const Decision is = again.decision(row);
    require(is.time == was.time && is.qname == was.qname && is.qtype == was.qtype && is.winner == was.winner &&
                is.loser_count == was.loser_count && is.link_name == was.link_name && is.group == was.group &&
                is.client.level == was.client.level && is.client.address == was.client.address &&
                is.client.pseudonym == was.client.pseudonym && is.latency_us == was.latency_us,
            "a row read, written and read again");
  }
}

}  // namespace weir::fuzz
