#include "resolver/server/generation_holder.h"

#include <algorithm>
#include <utility>

#include "zones/store/files.h"

namespace weir {

GenerationHolder::GenerationHolder(std::filesystem::path store, std::shared_ptr<StoreCache> cache, unsigned workers)
    : store_(std::move(store)), cache_(std::move(cache)), confirmed_versions_(workers), wakes_(workers) {}

void GenerationHolder::set_wake(unsigned worker, std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  if (worker < wakes_.size()) wakes_[worker] = std::move(wake);
}

Result<GenerationNumber> GenerationHolder::load_current() {
  const std::lock_guard loading(loading_);
  const auto remember = [this](std::string error) {
    const std::lock_guard lock(mutex_);
    last_error_ = std::move(error);
  };
  if (const Pointer held = current(); held != nullptr) {
    const auto is_current = Generation::is_current(store_, *held);
    if (!is_current || *is_current) {
      remember(is_current ? std::string() : is_current.error().message);
      return is_current ? Result<GenerationNumber>(held->number()) : is_current.error();
    }
  }
  auto opened = Generation::open_current(store_, cache_);
  if (!opened) {
    remember(opened.error().message);
    return opened.error();
  }
  const GenerationNumber loaded = (*opened)->number();  // may be newer than `number`: published in between
  install(std::move(*opened));
  remember({});
  return loaded;
}

Result<GenerationNumber> GenerationHolder::load_earlier() {
  const std::lock_guard loading(loading_);
  const auto current = Generation::read_current_number(store_);
  for (const GenerationNumber number : store::list_checkpoints(store_)) {
    if (current && number.value >= current->value) continue;
    auto opened = Generation::open(store::generation_path(store_, number), cache_);
    if (!opened) continue;
    install(std::move(*opened));
    return number;
  }
  return Error{ErrorCode::not_found, "no earlier generation can be read either"};
}

void GenerationHolder::install(Pointer generation) {
  std::vector<std::function<void()>> wakes;
  {
    const std::lock_guard lock(mutex_);
    if (current_ != nullptr) retired_.push_back(std::move(current_));
    current_ = std::move(generation);
    version_.fetch_add(1, std::memory_order_release);
    wakes = wakes_;
  }
  for (const auto& wake : wakes) {
    if (wake) wake();
  }
}

Result<void> GenerationHolder::await_workers(std::chrono::milliseconds bound) {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = version_.load(std::memory_order_relaxed);  // changes only under the lock
  const auto behind = [&] {
    return std::count_if(confirmed_versions_.begin(), confirmed_versions_.end(),
                         [&](std::uint64_t version) { return version < wanted; });
  };
  if (confirmed_.wait_for(lock, bound, [&] { return behind() == 0; })) return {};
  return Error{ErrorCode::timed_out, "the generation is loaded, but " + std::to_string(behind()) + " of " +
                                         std::to_string(confirmed_versions_.size()) +
                                         " workers do not use it yet; they take it with their next batch"};
}

std::size_t GenerationHolder::collect() {
  std::vector<Pointer> unread;  // closed when the lock is gone: closing takes milliseconds
  const std::lock_guard lock(mutex_);
  // A count of one is ours alone, and nobody can copy what is retired but those who hold it.
  for (auto& generation : retired_) {
    if (generation.use_count() == 1) unread.push_back(std::exchange(generation, nullptr));
  }
  std::erase(retired_, nullptr);
  return retired_.size();
}

GenerationHolder::Pointer GenerationHolder::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::string GenerationHolder::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

GenerationHolder::Pointer GenerationHolder::take(unsigned worker, std::uint64_t& version) {
  const std::lock_guard lock(mutex_);
  version = version_.load(std::memory_order_relaxed);
  if (worker < confirmed_versions_.size()) confirmed_versions_[worker] = version;
  confirmed_.notify_all();
  return current_;
}

}  // namespace weir
