#include "units/event_count.h"

#include "base/clock.h"

namespace syncnas {

EventCount::EventCount(const WaitSpec& wait) : mode_(wait.mode), spin_ns_(wait.spin_us * kNanosecondsPerMicrosecond) {}

void EventCount::Publish(uint64_t value) {
  if (mode_ == WaitMode::kSpin) {
    published_.store(value, std::memory_order_release);
    return;
  }
  {
    // Under the lock, so that it cannot fall between a sleeper's last look and its falling asleep.
    const std::lock_guard<std::mutex> lock(mutex_);
    published_.store(value, std::memory_order_release);
  }
  changed_.notify_all();
}

bool EventCount::Await(uint64_t value) {
  if (mode_ == WaitMode::kCondvar) {
    return Sleep(value);
  }
  const int64_t give_up = mode_ == WaitMode::kHybrid ? NowNs() + spin_ns_ : 0;
  while (true) {
    if (IsPublished(value)) {
      return true;
    }
    if (IsAborted()) {
      return false;
    }
    if (mode_ == WaitMode::kHybrid && NowNs() >= give_up) {
      return Sleep(value);
    }
    RelaxCpu();
  }
}

bool EventCount::Sleep(uint64_t value) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [this, value] { return IsPublished(value) || IsAborted(); });
  return IsPublished(value);
}

void EventCount::Abort() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    aborted_.store(true, std::memory_order_release);
  }
  changed_.notify_all();
}

}  // namespace syncnas
