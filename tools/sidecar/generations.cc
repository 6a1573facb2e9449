#include "tools/sidecar/generations.h"

#include <utility>

namespace weir::sidecar {

Generations::Generations(std::filesystem::path store, std::size_t cache_bytes)
    : store_(std::move(store)), cache_(StoreCache::make(cache_bytes)) {}

Result<std::shared_ptr<const Generation>> Generations::current() {
  std::shared_ptr<const Generation> held;
  {
    const std::lock_guard lock(mutex_);
    held = current_;
  }
  if (held) {
    const auto is_current = Generation::is_current(store_, *held);
    if (!is_current) return is_current.error();
    if (*is_current) return held;
  }
  // Opened without the lock: it takes milliseconds, and who has the old one goes on with it.
  auto opened = Generation::open_current(store_, cache_);
  if (!opened) return opened.error();
  const std::lock_guard lock(mutex_);
  if (!current_ || current_->number() <= (*opened)->number()) current_ = *opened;
  return *opened;
}

std::shared_ptr<const PolicySet> Generations::policies_of(GenerationNumber number) {
  if (const auto in_force = current(); in_force && (*in_force)->number() == number) {
    return std::make_shared<const PolicySet>((*in_force)->policies());
  }
  const auto opened = Generation::open(store_ / "policy" / "generations" / std::to_string(number.value), cache_);
  if (!opened) return nullptr;
  return std::make_shared<const PolicySet>((*opened)->policies());
}

}  // namespace weir::sidecar
