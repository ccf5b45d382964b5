#include "units/release_gate.h"

#include "base/clock.h"

namespace syncnas {

ReleaseGate::ReleaseGate(size_t parties, WaitMode mode)
    : parties_(parties),
      spins_(mode != WaitMode::kCondvar),
      open_(WaitSpec{spins_ ? WaitMode::kSpin : WaitMode::kCondvar, 0}) {}

std::optional<int64_t> ReleaseGate::Pass(uint64_t run) {
  return Pass(run, [] {});
}

bool ReleaseGate::IsLastToArrive(uint64_t run) {
  // acq_rel: the last to arrive has seen what all others did in the run before, and hands it on through `open_`.
  return arrivals_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_ * (run + 1);
}

void ReleaseGate::Open(uint64_t run) {
  release_ns_ = NowNs() + (spins_ ? kLeadNs : 0);
  open_.Publish(run + 1);
}

int64_t ReleaseGate::AwaitRelease() const {
  const int64_t release = release_ns_;
  while (NowNs() < release) {
    RelaxCpu();
  }
  return release;
}

}  // namespace syncnas
