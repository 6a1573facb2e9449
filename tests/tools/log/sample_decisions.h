// Decisions as a network makes them, from a seed: names and clients by Zipf, bursts of A, AAAA and HTTPS, days and
// nights. For tests and for weir_measure_log.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tools/log/record_batch.h"
#include "zones/link/decision.h"

namespace weir::test {

struct SampleOptions {
  std::uint64_t seed = 1;
  std::uint64_t decisions = 100'000;
  unsigned clients = 5'000;
  unsigned lists = 10;
  std::int64_t first_ms = 20'000LL * 86'400'000;
  std::int64_t span_ms = 30LL * 86'400'000;
  Privacy privacy = Privacy::full;
  bool only_blocked = false;
  std::vector<std::string> names = {};  // the most frequent first; empty: made up
};

class SampleDecisions {
 public:
  explicit SampleDecisions(SampleOptions options) : options_(std::move(options)), random_(options_.seed) {
    if (options_.names.empty()) {
      for (unsigned i = 0; i < 20'000; ++i)
        options_.names.push_back("host" + std::to_string(i % 7) + ".site" + std::to_string(i / 3) +
                                 (i % 3 == 0   ? ".example.co.uk"
                                  : i % 3 == 1 ? ".example"
                                               : ".ads.example.net"));
    }
    names_.reserve(options_.names.size());
    for (const std::string& name : options_.names) {
      if (const auto parsed = Name::parse(name)) names_.push_back(*parsed);
    }
    step_ms_ =
        static_cast<double>(options_.span_ms) / static_cast<double>(std::max<std::uint64_t>(options_.decisions, 1));
    time_ms_ = static_cast<double>(options_.first_ms);
  }

  bool done() const { return made_ >= options_.decisions; }
  std::uint64_t made() const { return made_; }

  Decision next() {
    if (left_in_burst_ == 0) begin_burst();
    --left_in_burst_;
    Decision decision = burst_;
    const unsigned position = burst_size_ - 1 - left_in_burst_;
    static constexpr std::array<RecordType, 3> kTypes = {RecordType::a, RecordType::aaaa, RecordType::https};
    decision.qtype = kTypes[position];
    decision.time = log::from_ms(static_cast<std::int64_t>(time_ms_) + position * static_cast<int>(random_() % 2));
    decision.latency_us = 12 + static_cast<std::uint32_t>(std::exp(normal_(random_)) * 25);
    ++made_;
    return decision;
  }

  // The next `count` as records of a batch.
  void fill(log::RecordBatch& batch, std::size_t count) {
    std::array<std::uint8_t, kMaxRecordSize> record;
    for (std::size_t i = 0; i < count && !done(); ++i) {
      const Decision decision = next();
      const std::size_t size = encode(decision, record);
      batch.add(log::RecordSort::decision, log::to_ms(decision.time), std::span(record).first(size));
    }
  }

  const std::vector<Name>& names() const { return names_; }
  IpAddress client(unsigned index) const { return IpAddress::ipv4(0x0A000000U + index * 7 + 3); }

 private:
  // Zipf's law with exponent 1, by the inverse of its continuous form.
  std::size_t zipf(std::size_t count) {
    const double u = std::uniform_real_distribution<double>(0, 1)(random_);
    const double rank = std::exp(u * std::log(static_cast<double>(count) + 1)) - 1;
    return std::min(static_cast<std::size_t>(rank), count - 1);
  }

  void begin_burst() {
    const double hour = std::fmod(time_ms_ / 3.6e6, 24);
    const double busy = 1 + 0.8 * std::sin((hour - 10) / 24 * 6.283);  // most in the afternoon
    burst_size_ = left_in_burst_ = 1 + static_cast<unsigned>(random_() % 3);
    const double wait = -std::log(1 - std::uniform_real_distribution<double>(0, 1)(random_)) * 2 * step_ms_;
    time_ms_ += wait / busy * 0.72;  // 0.72: the mean of 1 / busy, so that the span comes out about right
    const std::size_t name = zipf(names_.size());
    const std::uint64_t trait = (name * 0x9E3779B97F4A7C15ULL) >> 33;  // of the name: the same each time
    burst_ = Decision();
    burst_.qname = names_[name];
    burst_.client = identity_of(client(static_cast<unsigned>(zipf(options_.clients))), options_.privacy,
                                std::array<std::uint8_t, 16>{7});
    burst_.group = static_cast<std::uint32_t>(trait % 3);
    burst_.generation = {1 + static_cast<std::uint64_t>((time_ms_ - static_cast<double>(options_.first_ms)) / 8.64e7)};
    const unsigned of_hundred = static_cast<unsigned>(trait / 3 % 100);
    burst_.decision_class = options_.only_blocked || of_hundred < 85 ? DecisionClass::blocked
                            : of_hundred < 95                        ? DecisionClass::would_block
                                                                     : DecisionClass::allowed_over_block;
    burst_.transport = random_() % 50 == 0 ? Transport::tcp : Transport::udp;
    burst_.winner = match(trait, 0);
    burst_.action = burst_.winner.action;
    burst_.loser_count = static_cast<std::uint8_t>(trait % 7 < 4 ? 0 : trait % 7 - 3);
    for (unsigned i = 0; i < burst_.loser_count; ++i) burst_.losers[i] = match(trait, i + 1);
    if (trait % 20 == 0) {
      burst_.link = LinkKind::alias;
      burst_.link_name = names_[trait % names_.size()];
    }
  }

  Match match(std::uint64_t trait, unsigned which) const {
    Match out;
    out.list = 16 + static_cast<std::uint32_t>((trait / 11 + which) % options_.lists);
    out.kind = trait % 5 == 0 ? PatternKind::exact : PatternKind::subtree;
    out.action = which == 0 && trait % 100 > 97 ? Action::allow : Action::block;
    out.labels = static_cast<std::uint8_t>(2 + trait % 2);
    return out;
  }

  SampleOptions options_;
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_{0, 0.5};
  std::vector<Name> names_;
  double step_ms_ = 0;
  double time_ms_ = 0;
  std::uint64_t made_ = 0;
  unsigned burst_size_ = 0;
  unsigned left_in_burst_ = 0;
  Decision burst_;
};

}  // namespace weir::test
