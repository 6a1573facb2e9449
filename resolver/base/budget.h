// What one client resolution may still spend. One object per resolution, handed by reference into every
// sub-resolution; it only runs down, and nothing resets it (budgets that restarted with a sub-query were the hole of
// CVE-2026-33278 and its kin). It counts operations, not CPU time, so that a seed reproduces it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "resolver/base/limits.h"
#include "zones/base/time.h"

namespace weir {

class Budget {
 public:
  explicit Budget(SteadyTime deadline) : deadline_(deadline) {
    for (std::size_t i = 0; i < left_.size(); ++i) left_[i] = limit_of(static_cast<Limit>(i));
  }
  Budget(const Budget&) = delete;  // a copy would be a second purse
  Budget& operator=(const Budget&) = delete;

  // False where less than `amount` is left: then all of it is gone and the caller must not go on.
  [[nodiscard]] bool spend(Limit limit, std::uint64_t amount = 1) {
    std::uint64_t& left = left_[static_cast<std::size_t>(limit)];
    if (left >= amount) {
      left -= amount;
      return true;
    }
    left = 0;
    if (!reached_) reached_ = limit;
    return false;
  }
  // What the outside did to us (a server fell silent): spent to the last, and left() says whether to go on.
  void charge(Limit limit, std::uint64_t amount = 1) {
    std::uint64_t& left = left_[static_cast<std::size_t>(limit)];
    left -= left < amount ? left : amount;
  }
  bool has(Limit limit) const { return left(limit) > 0; }
  std::uint64_t left(Limit limit) const { return left_[static_cast<std::size_t>(limit)]; }
  std::uint64_t spent(Limit limit) const { return limit_of(limit) - left(limit); }
  void note_reached(Limit limit) {
    if (!reached_) reached_ = limit;
  }

  SteadyTime deadline() const { return deadline_; }
  std::optional<Limit> reached() const { return reached_; }  // the first that was

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(Limit::budgeted)> left_;
  SteadyTime deadline_;
  std::optional<Limit> reached_;
};

}  // namespace weir
