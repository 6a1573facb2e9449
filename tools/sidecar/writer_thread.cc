#include "tools/sidecar/writer_thread.h"

namespace weir::sidecar {

WriterThread::WriterThread(std::unique_ptr<PolicyStore> store, std::function<Result<void>(PolicyStore&)> settle)
    : store_(std::move(store)), settle_(std::move(settle)), pinned_(store_->pinned()), thread_([this] { loop(); }) {}

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

void WriterThread::note(const PolicyStore& store) {
  std::string pinned = store.pinned();
  const std::lock_guard lock(mutex_);
  pinned_ = std::move(pinned);
}

void WriterThread::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !urgent_.empty() || !later_.empty(); });
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
