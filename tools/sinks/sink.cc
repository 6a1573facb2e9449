#include "tools/sinks/sink.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace weir::sinks {
namespace {

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{5000};

}  // namespace

Sink::Sink(const SinkConfig& config, Spool& spool, ShowDecisionSource show)
    : name_(config.name), spool_(spool), show_(std::move(show)), writer_(make_writer(config, interrupt_)) {
  thread_ = std::thread([this] { loop(); });
}

Sink::~Sink() {
  interrupt_.raise();
  spool_.wake();
  thread_.join();
}

void Sink::loop() {
  const Pace pace = writer_->pace();
  std::chrono::milliseconds pause = kFirstPause;
  while (!interrupt_.is_raised()) {
    Taken taken = spool_.take(pace.rows, pace.linger, interrupt_);
    if (interrupt_.is_raised()) return;
    const Rows rows(taken.batches, show_);
    Place place = spool_.place();
    const auto written = taken.batches.empty() ? Result<void>() : writer_->write(rows, place);
    if (interrupt_.is_raised() && !written) return;
    note(written);
    if (!written) {
      interrupt_.wait(pause);
      pause = std::min(pause * 2, kLongestPause);
      continue;
    }
    pause = kFirstPause;
    taken.rows -= rows.damaged();
    taken.lost += rows.damaged();
    spool_.done(taken, place);
  }
}

void Sink::note(const Result<void>& result) {
  std::string before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(progress_.error, result ? std::string() : result.error().message);
    const WallTime now = std::chrono::system_clock::now();
    if (result) {
      progress_.sent_at = now;
      progress_.failing_since = WallTime();
    } else {
      ++progress_.failures;
      progress_.last_error = progress_.error;
      progress_.error_at = now;
      if (before.empty()) progress_.failing_since = now;
    }
  }
  // Once, not at every attempt.
  if (!result && before != result.error().message) spdlog::warn("sink {}: {}", name_, result.error().message);
  if (result && !before.empty()) spdlog::info("sink {} takes decisions again", name_);
}

SinkProgress Sink::progress() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

}  // namespace weir::sinks
