#include "resolver/server/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace weir {

Mailbox::~Mailbox() {
  Miss* miss = head_.exchange(nullptr);
  while (miss != nullptr) {
    const std::unique_ptr<Miss> gone(miss);
    miss = miss->next;
  }
  if (event_ >= 0) ::close(event_);
}

Result<void> Mailbox::open() {
  event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (event_ < 0) return Error{ErrorCode::io, std::string("cannot make an event descriptor: ") + std::strerror(errno)};
  return {};
}

std::unique_ptr<Miss> Mailbox::push(std::unique_ptr<Miss> miss) {
  if (size_.fetch_add(1, std::memory_order_relaxed) >= capacity_) {
    size_.fetch_sub(1, std::memory_order_relaxed);
    return miss;
  }
  Miss* added = miss.release();
  Miss* head = head_.load(std::memory_order_relaxed);
  do {
    added->next = head;
  } while (!head_.compare_exchange_weak(head, added, std::memory_order_release, std::memory_order_relaxed));
  // Whoever finds it empty wakes the owner; the others ride along.
  if (head == nullptr) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event_, &one, sizeof one);  // fails only when already signalled
  }
  return nullptr;
}

Miss* Mailbox::take_all() {
  std::uint64_t signalled = 0;
  [[maybe_unused]] const ssize_t got = ::read(event_, &signalled, sizeof signalled);
  Miss* newest = head_.exchange(nullptr, std::memory_order_acquire);
  Miss* oldest = nullptr;
  std::size_t count = 0;
  while (newest != nullptr) {
    Miss* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
    ++count;
  }
  size_.fetch_sub(count, std::memory_order_relaxed);
  return oldest;
}

}  // namespace weir
