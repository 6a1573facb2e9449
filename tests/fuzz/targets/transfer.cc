// What a primary sends for AXFR and IXFR, message by message, with and without TSIG.
#include "tests/fuzz/fuzz.h"
#include "tools/sidecar/transfer_stream.h"
#include "tools/sidecar/zone_copy.h"
#include "zones/dns/tsig.h"

namespace weir::fuzz {

// Choices; then messages, each behind its length of two octets. Their id is 0, the zone "rpz".
WEIR_FUZZ_TARGET(transfer) {
  Input in(input);
  const std::uint8_t choices = in.u8();
  const Name zone = Name::parse("rpz").value();
  const bool incremental = (choices & 1) != 0;
  TsigExchange tsig({Name::parse("key").value(), TsigAlgorithm::hmac_sha256, std::vector<std::uint8_t>(32)}, "peer");
  sidecar::ZoneChanges changes(1 << 16);
  std::uint64_t records = 0;
  std::uint64_t changed = 0;
  const auto read_line = [](const ZoneRecord& record) {
    const std::string line = sidecar::record_line(record);
    require(line.find_first_of("\n\r\t;\"()") == std::string::npos, "a line that is read as something else");
  };
  sidecar::TransferStream stream({zone, 0, incremental ? std::optional<std::uint32_t>(1) : std::nullopt},
                                 {[&](const ZoneRecord& record) {
                                    read_line(record);
                                    ++records;
                                    return Result<void>();
                                  },
                                  [&](const ZoneRecord& record) {
                                    ++changed;
                                    return changes.remove(record);
                                  },
                                  [&](const ZoneRecord& record) {
                                    ++changed;
                                    return changes.add(record);
                                  }});
  while (!in.empty()) {
    const auto message = in.octets(in.u16());
    if ((choices & 2) != 0 && !tsig.verify(message, WallTime{})) return;
    const bool was_done = stream.done();
    if (!stream.read(message)) return;
    require(!was_done || stream.done(), "a transfer that begins again");
    require(changed == 0 || incremental, "changes that nobody asked for");
    require(records == 0 || changed == 0, "a whole zone and changes in one");
    require(!stream.done() || stream.form() != sidecar::TransferStream::Form::undecided, "an end of nothing");
  }
}

}  // namespace weir::fuzz
