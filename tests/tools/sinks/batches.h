// Decisions as the drain hands them on, for tests of sinks.
#pragma once

#include <boost/json/object.hpp>

#include <array>
#include <string>

#include "tools/log/record_batch.h"
#include "tools/sinks/writer.h"
#include "zones/link/decision.h"

namespace weir::test {

inline Decision make_decision(unsigned number) {
  Decision decision;
  decision.time = WallTime(std::chrono::hours(24 * 20'000)) + std::chrono::milliseconds(number);
  decision.qname = *Name::parse("host" + std::to_string(number) + ".ads.example.co.uk");
  decision.generation = GenerationNumber{3};
  decision.latency_us = 250;
  decision.client.level = Privacy::prefix;
  decision.client.address = IpAddress::ipv4(0xC0000200);
  decision.client.prefix_length = 24;
  decision.winner.list = 16;
  return decision;
}

inline void add(log::RecordBatch& batch, const Decision& decision) {
  std::array<std::uint8_t, kMaxRecordSize> buffer;
  const std::size_t size = encode(decision, buffer);
  batch.add(log::RecordSort::decision, log::to_ms(decision.time), {buffer.data(), size});
}

// Decisions `first` up to `first + count`, and a record that is none.
inline log::RecordBatch make_batch(unsigned first, unsigned count) {
  log::RecordBatch batch;
  for (unsigned i = first; i < first + count; ++i) add(batch, make_decision(i));
  const std::string lost = log::encode(log::LostRecord{1, 2, 3});
  batch.add(log::RecordSort::lost, 0, {reinterpret_cast<const std::uint8_t*>(lost.data()), lost.size()});
  return batch;
}

inline sinks::ShowDecisionSource show_names() {
  return [] {
    return [](const Decision& decision) {
      return sinks::ShownDecision{{{"name", decision.qname.to_text()}, {"list", "ads"}, {"pattern", "ads.example"}},
                                  "advertising"};
    };
  };
}

}  // namespace weir::test
