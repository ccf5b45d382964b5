#include "jobs/warmup.h"

#include <cmath>
#include <utility>

#include "base/clock.h"

namespace syncnas {

WarmUp::WarmUp(const SampleSpec& samples, bool had_first_run, GovernedClock clock)
    : samples_(samples),
      skips_first_(!had_first_run),
      clock_(std::move(clock)),
      is_clock_steady_(!clock_.HasCores()) {}

void WarmUp::Add(int64_t begin_ns, int64_t end_ns) {
  if (runs_ == 0) {
    begin_ns_ = begin_ns;
  }
  ++runs_;
  elapsed_ns_ = end_ns - begin_ns_;
  if (skips_first_) {
    skips_first_ = false;
    return;
  }
  gathered_ns_ += end_ns - begin_ns;
  ++gathered_runs_;
  if (gathered_ns_ >= kObservationNs) {
    Observe(static_cast<double>(gathered_ns_) / static_cast<double>(gathered_runs_));
    gathered_ns_ = 0;
    gathered_runs_ = 0;
  }
  // Looks take a phone tens of microseconds: not before the averages ask for one, and the clock may end the warm-up.
  if (samples_.warmup_limit_us > 0 && (AreAlike() || IsLimitOver())) {
    is_clock_steady_ = clock_.IsSteady(end_ns);
  }
}

void WarmUp::Observe(double run_ns) {
  if (slow_ns_ == 0) {
    fast_ns_ = run_ns;
    slow_ns_ = run_ns;
  } else {
    fast_ns_ += kFastWeight * (run_ns - fast_ns_);
    slow_ns_ += kSlowWeight * (run_ns - slow_ns_);
  }
  alike_ = std::abs(fast_ns_ - slow_ns_) <= kTolerance * slow_ns_ ? alike_ + 1 : 0;
}

bool WarmUp::IsDone() const {
  if (runs_ < samples_.warmup || elapsed_ns_ < samples_.warmup_us * kNanosecondsPerMicrosecond) {
    return false;
  }
  if (samples_.warmup_limit_us == 0 || IsWarm()) {
    return true;
  }
  return IsLimitOver() && (is_clock_steady_ || elapsed_ns_ >= kGovernorLimitNs);
}

bool WarmUp::IsLimitOver() const { return elapsed_ns_ >= samples_.warmup_limit_us * kNanosecondsPerMicrosecond; }

void WarmUp::Report(JsonLine& line) const {
  line.Name("warmups").Int(runs_);
  line.Name("warm");
  if (samples_.warmup_limit_us == 0) {
    line.Null();
  } else {
    line.Bool(IsWarm());
  }
}

}  // namespace syncnas
