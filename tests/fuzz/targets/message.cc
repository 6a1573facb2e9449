// The reader of upstream messages: bounds, and what it has read can be written and is then read as the same again.
#include "zones/dns/message.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/support/messages.h"

namespace weir::fuzz {

WEIR_FUZZ_TARGET(message) {
  const auto start = read_message_start(input);
  const auto message = read_message(input);
  if (!message) return;
  require(start.has_value(), "a message without a beginning was read");
  require(start->id == message->start.id && start->qname == message->start.qname, "two readers of one header");
  std::size_t rrsets = 0;
  for (const auto* section : {&message->answer, &message->authority, &message->additional}) {
    rrsets += section->size();
    for (const Rrset& rrset : *section) {
      require(!rrset.empty() && rrset.size() <= kMaxRecordsPerRrset, "records of an RRset");
      require(rrset.type != RecordType::opt, "OPT among the records");
      require(rrset.ttl_seconds <= 0x7FFFFFFF, "a TTL past 31 bits");
    }
  }
  require(rrsets <= kMaxRrsetsPerMessage, "RRsets of a message");

  const auto written = write_message(*message);
  if (written.empty()) return;  // longer than a message when it is not compressed as it was
  const auto again = read_message(written);
  require(again.has_value(), "what was read and written cannot be read");
  require(same_records(*message, *again), "what was read and written reads otherwise");
}

}  // namespace weir::fuzz
