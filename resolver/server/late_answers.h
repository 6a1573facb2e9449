// Answers over UDP that clients had to wait for, paced (DNSBomb, CVE-2024-33655).
//
// Who spoofs a victim's address can let thousands of questions wait for one slow authority, which then answers them all
// at once: the answers leave as one pulse at the victim. So what was held leaves slowly to each prefix, and what nobody
// can be waiting for any more does not leave at all. Sans-I/O, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "resolver/server/access.h"
#include "resolver/server/mailbox.h"
#include "zones/base/prefix.h"
#include "zones/base/time.h"

namespace weir {

// An answer counts as held when its question came longer ago than this.
inline constexpr std::chrono::milliseconds kHeldAnswer{500};
// To one prefix the process sends one held answer in each: 67 in 100 ms, and with what timers add no more than 100.
inline constexpr std::chrono::microseconds kHeldAnswerPace{1500};
// Where so many of a prefix wait, answers later than kPatience are not sent: clients have asked again by then.
inline constexpr std::size_t kCrowdedPrefix = 100;
inline constexpr std::chrono::seconds kPatience{2};
// Answers that wait for their turn, of all prefixes.
inline constexpr std::size_t kMaxPacedAnswers = 20'000;

class LateAnswers {
 public:
  // One of `workers` that send at the same time.
  explicit LateAnswers(unsigned workers) : pace_(kHeldAnswerPace * workers) {}

  struct Answer {
    Miss miss;  // the way back to the client
    std::vector<std::uint8_t> message;
  };
  enum class Fate : std::uint8_t { now, later, never };

  // What becomes of an answer of a question that came at `received`, while `waiting` of its client's prefix wait for
  // theirs. `later`: give it to hold_back() at once.
  Fate fate_of(const Prefix& client, std::size_t waiting, SteadyTime received, SteadyTime now);
  void hold_back(const Prefix& client, const Miss& miss, std::span<const std::uint8_t> message, SteadyTime now);

  std::optional<SteadyTime> next_due() const;
  std::vector<Answer> take_due(SteadyTime now);
  std::size_t size() const { return paced_.size(); }
  std::size_t prefixes() const { return next_turn_.size(); }  // that are remembered

 private:
  void forget_idle(SteadyTime now);

  SteadyTime::duration pace_;
  std::unordered_map<Prefix, SteadyTime, PrefixHash> next_turn_;  // when the next held answer may leave to it
  std::multimap<SteadyTime, Answer> paced_;
};

}  // namespace weir
