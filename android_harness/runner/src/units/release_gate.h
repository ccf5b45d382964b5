#ifndef SYNCNAS_RUNNER_UNITS_RELEASE_GATE_H_
#define SYNCNAS_RUNNER_UNITS_RELEASE_GATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/aligned_memory.h"
#include "protocol/handover.h"
#include "units/event_count.h"

namespace syncnas {

// Where all units of a collab job meet before each run. Nobody passes before everybody is there, so when a run is
// released, nothing of the run before it is still being read or written.
class ReleaseGate {
 public:
  // In condvar mode units wait asleep, as they do elsewhere (they may share a core); otherwise they spin, which lets
  // them leave within tens of nanoseconds of each other.
  ReleaseGate(size_t parties, WaitMode mode);

  // Blocks until all parties have arrived for run `run` (0, 1, 2 ...), then returns the moment of release on the clock
  // of NowNs, the same for all; nothing when aborted.
  std::optional<int64_t> Pass(uint64_t run);
  // As above. The last to arrive calls `decide` before anybody passes, so that what it decides is the same for all:
  // it sees what all did before they arrived, and they see what it wrote. It must not throw.
  template <typename Decide>
  std::optional<int64_t> Pass(uint64_t run, const Decide& decide) {
    if (IsLastToArrive(run)) {
      decide();
      Open(run);
    } else if (!open_.Await(run + 1)) {
      return std::nullopt;
    }
    return AwaitRelease();
  }

  void Abort() { open_.Abort(); }

 private:
  bool IsLastToArrive(uint64_t run);
  void Open(uint64_t run);
  [[nodiscard]] int64_t AwaitRelease() const;

  // The last to arrive sets the moment of release so far ahead that the others have seen it by then.
  static constexpr int64_t kLeadNs = 2'000;

  const size_t parties_;
  const bool spins_;
  alignas(kCacheLine) std::atomic<uint64_t> arrivals_{0};
  // Written by the last to arrive and read by all before they arrive for the next run; `open_` orders the two.
  int64_t release_ns_ = 0;
  EventCount open_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_UNITS_RELEASE_GATE_H_
