#include "resolver/server/late_answers.h"

#include <algorithm>

namespace weir {
namespace {

constexpr std::size_t kForgetAbove = 1024;  // prefixes; those whose turn has passed need no memory

}  // namespace

LateAnswers::Fate LateAnswers::fate_of(const Prefix& client, std::size_t waiting, SteadyTime received, SteadyTime now) {
  const auto waited = now - received;
  if (waited <= kHeldAnswer) return Fate::now;
  if (waiting > kCrowdedPrefix && waited > kPatience) return Fate::never;
  forget_idle(now);
  SteadyTime& turn = next_turn_[client];
  if (turn <= now) {
    turn = now + pace_;
    return Fate::now;
  }
  const bool in_time = turn - received <= std::max<SteadyTime::duration>(kPatience, waited + kHeldAnswer);
  return in_time && paced_.size() < kMaxPacedAnswers ? Fate::later : Fate::never;
}

void LateAnswers::hold_back(const Prefix& client, const Miss& miss, std::span<const std::uint8_t> message,
                            SteadyTime now) {
  SteadyTime& turn = next_turn_[client];
  turn = std::max(turn, now);
  Answer answer;
  answer.miss.client = miss.client;
  answer.miss.transport = miss.transport;
  answer.miss.worker = miss.worker;
  answer.miss.descriptor = miss.descriptor;
  answer.miss.route = miss.route;
  answer.miss.ticket = miss.ticket;
  answer.message.assign(message.begin(), message.end());
  paced_.emplace(turn, std::move(answer));
  turn += pace_;
}

std::optional<SteadyTime> LateAnswers::next_due() const {
  if (paced_.empty()) return std::nullopt;
  return paced_.begin()->first;
}

std::vector<LateAnswers::Answer> LateAnswers::take_due(SteadyTime now) {
  std::vector<Answer> out;
  const auto end = paced_.upper_bound(now);
  for (auto at = paced_.begin(); at != end; ++at) out.push_back(std::move(at->second));
  paced_.erase(paced_.begin(), end);
  return out;
}

void LateAnswers::forget_idle(SteadyTime now) {
  if (next_turn_.size() < kForgetAbove) return;
  std::erase_if(next_turn_, [now](const auto& known) { return known.second <= now; });
}

}  // namespace weir
