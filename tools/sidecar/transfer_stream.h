// The messages that answer AXFR or IXFR, read one after the other (RFC 5936 section 2.2, RFC 1995 section 4).
//
// Sans I/O. What comes is hostile: everything is read through the bounded reader, and nothing counts before done().
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/sidecar/zone_copy.h"
#include "zones/base/result.h"
#include "zones/dns/name.h"
#include "zones/lists/rpz.h"

namespace weir::sidecar {

inline constexpr std::uint64_t kMaxTransferRecords = 200'000'000;  // as lines of a list

// A transfer that is asked for.
struct TransferQuestion {
  Name zone;
  std::uint16_t id = 0;
  std::optional<std::uint32_t> have;  // the serial that is here: IXFR; without one AXFR
};

// The query for it, without TSIG.
std::vector<std::uint8_t> write_query(const TransferQuestion& question);
// The query for the zone's SOA, and what it says. Errors (invalid): not an answer, a refusal, no SOA.
std::vector<std::uint8_t> write_soa_query(const Name& zone, std::uint16_t id);
Result<SoaNumbers> read_soa_answer(std::span<const std::uint8_t> message, const Name& zone, std::uint16_t id);

class TransferStream {
 public:
  enum class Form : std::uint8_t {
    undecided,
    whole,     // every record of the zone, the SOA first
    changes,   // what goes and what comes
    unchanged  // IXFR: the server has nothing newer
  };
  struct Sink {
    std::function<Result<void>(const ZoneRecord&)> whole;
    std::function<Result<void>(const ZoneRecord&)> removed;
    std::function<Result<void>(const ZoneRecord&)> added;
  };

  TransferStream(TransferQuestion question, Sink sink);

  // The next message. Errors: invalid (malformed, another question's, a refusal, an order that no transfer has),
  // too_large, those of the sink. After one the transfer is over.
  Result<void> read(std::span<const std::uint8_t> message);
  bool done() const { return done_; }
  Form form() const { return form_; }
  std::uint64_t records() const { return records_; }

  // Of the new version, once form() is decided.
  const SoaNumbers& soa() const { return soa_; }
  ZoneRecord soa_record() const { return {question_.zone, RecordType::soa, soa_ttl_, soa_rdata_}; }

 private:
  enum class Step : std::uint8_t { first, second, whole, removing, adding };

  Result<void> take(const ZoneRecord& record);
  Result<void> take_soa(std::uint32_t serial, const ZoneRecord& record);
  Result<void> take_second(const ZoneRecord& record);

  const TransferQuestion question_;
  const Sink sink_;
  Step step_ = Step::first;
  Form form_ = Form::undecided;
  bool done_ = false;
  std::uint64_t records_ = 0;
  SoaNumbers soa_;
  std::uint32_t soa_ttl_ = 0;
  std::vector<std::uint8_t> soa_rdata_;
  std::uint32_t reached_ = 0;  // the serial that the changes so far lead to
};

}  // namespace weir::sidecar
