#include "tools/sidecar/writer_thread.h"

#include <spdlog/spdlog.h>

#include <chrono>

namespace weir::sidecar {
namespace {

// How often a store that cannot be written looks whether it can.
constexpr std::chrono::seconds kRecoverEvery{1};

}  // namespace

WriterThread::WriterThread(std::unique_ptr<PolicyStore> store, std::function<Result<void>(PolicyStore&)> settle,
                           std::function<void(const Error&)> lost)
    : store_(std::move(store)),
      settle_(std::move(settle)),
      lost_(std::move(lost)),
      pinned_(store_->pinned()),
      thread_([this] { loop(); }) {}

WriterThread::~WriterThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool WriterThread::enqueue(Urgency urgency, Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    (urgency == Urgency::urgent ? urgent_ : later_).push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

std::string WriterThread::pinned() const {
  const std::lock_guard lock(mutex_);
  return pinned_;
}

// What an earlier failure left undone.
Result<void> WriterThread::make_ready() {
  if (is_settled_) return {};
  auto done = store_->recover();
  if (done && settle_) done = settle_(*store_);
  is_settled_ = done.has_value();
  if (done) {
    told_.clear();
    return done;
  }
  if (done.error().message != told_) spdlog::error("the policy store cannot be changed: {}", done.error().message);
  told_ = done.error().message;
  if (done.error().code == ErrorCode::corrupt && lost_ && !is_lost_) lost_(done.error());
  is_lost_ = is_lost_ || done.error().code == ErrorCode::corrupt;
  return done;
}

void WriterThread::note(const PolicyStore& store) {
  std::string pinned = store.pinned();
  const std::lock_guard lock(mutex_);
  pinned_ = std::move(pinned);
}

void WriterThread::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto is_wanted = [this] { return stopping_ || !urgent_.empty() || !later_.empty(); };
    if (is_settled_) {
      changed_.wait(lock, is_wanted);
    } else if (!changed_.wait_for(lock, kRecoverEvery, is_wanted)) {
      lock.unlock();
      static_cast<void>(make_ready().has_value());
      lock.lock();
      continue;
    }
    std::deque<Job>& queue = urgent_.empty() ? later_ : urgent_;
    if (queue.empty()) return;
    const Job job = std::move(queue.front());
    queue.pop_front();
    const bool give_up = stopping_;
    lock.unlock();
    job(give_up ? nullptr : store_.get());
    lock.lock();
  }
}

}  // namespace weir::sidecar
