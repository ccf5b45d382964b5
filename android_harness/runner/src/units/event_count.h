#ifndef SYNCNAS_RUNNER_UNITS_EVENT_COUNT_H_
#define SYNCNAS_RUNNER_UNITS_EVENT_COUNT_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/aligned_memory.h"
#include "protocol/handover.h"

namespace syncnas {

// Tells the CPU that this thread spins: frees the core's shared resources and leaves the loop sooner when it ends.
inline void RelaxCpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

// An eventcount (Reed and Kanodia 1979): a number that only grows, which one thread at a time publishes and any number
// of threads await. With it a sender wakes its receivers in a hand-over, and threads meet and take turns. What the
// publisher wrote to memory before Publish is visible to those for whom Await returned true.
class EventCount {
 public:
  explicit EventCount(const WaitSpec& wait);

  // `value` must be larger than what was published before. Does not block in spin mode.
  void Publish(uint64_t value);

  // Blocks until `value` or more is published (true) or until Abort (false).
  bool Await(uint64_t value);

  // Lets every present and future Await of a value that is not published return false. From any thread, more than once.
  void Abort();

 private:
  [[nodiscard]] bool IsPublished(uint64_t value) const { return published_.load(std::memory_order_acquire) >= value; }
  [[nodiscard]] bool IsAborted() const { return aborted_.load(std::memory_order_acquire); }
  bool Sleep(uint64_t value);

  // The members that spinning readers poll have a cache line to themselves, apart from those of sleepers and
  // publishers.
  alignas(kCacheLine) std::atomic<uint64_t> published_{0};
  std::atomic<bool> aborted_{false};

  alignas(kCacheLine) std::mutex mutex_;
  std::condition_variable changed_;
  const WaitMode mode_;
  const int64_t spin_ns_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_UNITS_EVENT_COUNT_H_
