#ifndef SYNCNAS_RUNNER_JOBS_WARMUP_H_
#define SYNCNAS_RUNNER_JOBS_WARMUP_H_

#include <cstdint>

#include "device/governed_clock.h"
#include "json/json_line.h"
#include "protocol/job_spec.h"

namespace syncnas {

// Decides when a visit has warmed up: it is fed with the runs that do not count, and says when there are enough.
//
// The rule is that of Android's Jetpack benchmarks (androidx.benchmark, WarmupManager), scaled from the thousands of
// iterations that it has to the few that a visit can afford: a fast and a slow moving average of the runs' times are
// kept, and the job is warm once the two have been alike several times in a row. A floor is kept in any case, and a
// limit ends what does not settle.
//
// Two things are otherwise than there. The first run of a visit is in neither average: cold caches and idle clocks make
// it a fifth longer than the others, and averages this short would remember it for all of the warm-up. And runs that
// are short count as one observation as soon as they have taken kObservationNs together, so that the averages reach as
// far back in time for a call of 2 us as for a block of 100 us.
//
// Where a governor follows the load, the cores' clocks have to stand still as well: equal averages may be those of a
// clock on its way up. For that the limit is drawn out to kGovernorLimitNs.
class WarmUp {
 public:
  // The averages' weights of the latest observation; how far they may be apart, as a fraction of the slow one; and how
  // often in a row. After the first observation they are the same, so two in a row are the least that tells anything.
  static constexpr double kFastWeight = 0.75;
  static constexpr double kSlowWeight = 0.35;
  static constexpr double kTolerance = 0.04;
  static constexpr int64_t kAlikeInARow = 2;
  static constexpr int64_t kObservationNs = 100'000;
  // Phones were reported to take 20 to 60 ms from their lowest to their highest clock.
  static constexpr int64_t kGovernorLimitNs = 100'000'000;

  // `had_first_run`: the visit has had its first run, which the averages leave out, before the warm-up. `clock`: of the
  // cores that the job runs on.
  explicit WarmUp(const SampleSpec& samples, bool had_first_run = false, GovernedClock clock = GovernedClock({}));

  // A run that does not count, with the moments of NowNs at its two ends.
  void Add(int64_t begin_ns, int64_t end_ns);

  // Whether samples may be taken: the floor is reached, and the job is warm, or the limit over, or no rule asked for.
  [[nodiscard]] bool IsDone() const;

  // Writes "warmups" and "warm"; the latter null where the job asks for the floor alone.
  void Report(JsonLine& line) const;

  [[nodiscard]] int64_t runs() const { return runs_; }
  // Whether the averages agree now, and the clocks stand still.
  [[nodiscard]] bool IsWarm() const { return AreAlike() && is_clock_steady_; }

 private:
  void Observe(double run_ns);
  [[nodiscard]] bool AreAlike() const { return alike_ >= kAlikeInARow; }
  [[nodiscard]] bool IsLimitOver() const;

  SampleSpec samples_;
  bool skips_first_;
  GovernedClock clock_;
  bool is_clock_steady_;
  int64_t runs_ = 0;
  int64_t begin_ns_ = 0;
  int64_t elapsed_ns_ = 0;
  // Of the observation that is being gathered.
  int64_t gathered_ns_ = 0;
  int64_t gathered_runs_ = 0;
  // 0: nothing was observed yet.
  double fast_ns_ = 0;
  double slow_ns_ = 0;
  int64_t alike_ = 0;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_WARMUP_H_
