#ifndef SYNCNAS_RUNNER_PHASES_SCHEDULE_H_
#define SYNCNAS_RUNNER_PHASES_SCHEDULE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/phase.h"

namespace syncnas {

// A visit that is to be made: an index into PhaseSpec::jobs, and the round that it belongs to.
struct Visit {
  size_t job;
  int64_t round;
};

// Chooses the job of a phase that is visited next (formats.md, "Phase") by the results of the visits so far. It is
// a value: a copy is the way back to the state in which it was taken.
class Schedule {
 public:
  // `phase` must outlive the schedule and its copies.
  explicit Schedule(const PhaseSpec& phase);

  // The next visit, or nothing when the phase is over. What became of it is told by Complete or Fail.
  std::optional<Visit> Next();
  // `total_ns`: one per sample of the visit, at least one.
  void Complete(size_t job, const std::vector<int64_t>& total_ns);
  // A job that failed is never visited again.
  void Fail(size_t job) { jobs_[job].failed = true; }

  // The sentinels have just been visited outside the schedule: if it is their turn, it is over.
  void PassSentinels();

  // Back to what an earlier copy knew, except that jobs that have failed since stay failed.
  void GoBackTo(const Schedule& earlier);

  // Whether the visit that was handed out last is of a group of jobs of which others follow directly.
  [[nodiscard]] bool IsWithinGroup() const;

  [[nodiscard]] int64_t round() const { return round_; }
  [[nodiscard]] bool IsSentinel(size_t job) const { return jobs_[job].is_sentinel; }
  [[nodiscard]] bool HasFailed(size_t job) const { return jobs_[job].failed; }

 private:
  struct Progress {
    bool is_sentinel = false;
    bool failed = false;
    bool settled = false;
    // One of each visit: what its samples share makes them one value, not several.
    std::vector<double> medians_ns;
  };

  // False when there is no further round and the sentinels have had their last turn.
  bool BeginRound();
  [[nodiscard]] std::vector<size_t> OrderOf(int64_t round) const;
  [[nodiscard]] bool IsFinished(size_t job) const { return jobs_[job].failed || jobs_[job].settled; }
  void BeginSentinels();

  // A pointer, so that a schedule can be assigned.
  const PhaseSpec* phase_;
  std::vector<Progress> jobs_;
  int64_t round_ = -1;
  // The round's jobs and how many of them were handed out.
  std::vector<size_t> order_;
  size_t next_in_order_ = 0;
  // Counts the sentinels that were handed out in this turn; all of them between two turns.
  size_t next_sentinel_ = 0;
  int64_t visits_since_sentinels_ = 0;
  bool sentinels_were_last_ = false;
  bool is_last_turn_ = false;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PHASES_SCHEDULE_H_
