// The messages that answer AXFR or IXFR, filled one record after the other (RFC 5936 section 2.2).
//
// Sans I/O. Owners are compressed against the zone's own name alone, which is the question; names in data never are.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "zones/base/result.h"
#include "zones/dns/message.h"
#include "zones/lists/rpz.h"

namespace weir::sidecar {

inline constexpr std::size_t kTransferMessageSize = 16'000;  // octets; offsets of compression reach so far

class TransferMessages {
 public:
  // `send` takes each whole message; it may sign it. `start`: of the query, whose id and question come back.
  TransferMessages(const MessageStart& start, std::function<Result<void>(std::vector<std::uint8_t>)> send);

  // Errors: those of `send`; too_large (a record beyond a message).
  Result<void> add(const ZoneRecord& record);
  Result<void> finish();  // what is not sent yet
  std::uint64_t records() const { return records_; }

 private:
  void begin();
  Result<void> flush();

  const MessageStart start_;
  const std::function<Result<void>(std::vector<std::uint8_t>)> send_;
  std::vector<std::uint8_t> message_;
  unsigned count_ = 0;
  std::uint64_t records_ = 0;
};

// Header and question of a response without records. `authoritative`: AA.
std::vector<std::uint8_t> write_response(const MessageStart& start, Rcode rcode, bool authoritative);
// One record more in the answer section of it.
void append_answer(std::vector<std::uint8_t>& message, const ZoneRecord& record);

}  // namespace weir::sidecar
