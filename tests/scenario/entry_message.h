// From an entry to octets: the answer that a fake server gives, and the query that a client sends.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tests/scenario/raw_message.h"
#include "tests/scenario/scenario_file.h"

namespace weir::scenario {

// What the entry describes, read back from octets where it gives octets: for comparing and for people.
RawMessage expected_message(const Entry& entry);

// The entry as an answer to `query`, with its ID; ADJUST copy_query and copy_cookie are carried out. One element a
// packet.
std::vector<std::vector<std::uint8_t>> build_answer_messages(const Entry& entry, std::span<const std::uint8_t> query);

// The entry as a query of a client. EDNS where it says DO or gives options, offering `udp_payload_size`.
std::vector<std::uint8_t> build_query_message(const Entry& entry, std::uint16_t id, std::uint16_t udp_payload_size);

}  // namespace weir::scenario
