#ifndef SYNCNAS_RUNNER_JOBS_COLLAB_RUN_H_
#define SYNCNAS_RUNNER_JOBS_COLLAB_RUN_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "device/system_trace.h"
#include "jobs/collab_models.h"
#include "jobs/collab_plan.h"
#include "jobs/warmup.h"
#include "protocol/job_spec.h"
#include "units/event_count.h"
#include "units/release_gate.h"

namespace syncnas {

// The runs of one visit of a collab job: one driver thread per unit, each walking its steps, and the record of when.
//
// The invariant that makes one buffer per tensor enough: a run is released only when every unit has finished the run
// before it (ReleaseGate). So a segment writes its output only after all who read that output in the run before are
// done, also where it reads that output straight into a peer's memory, and within a run everything is written once,
// before it is signalled, and read after the signal.
class CollabRun {
 public:
  // `trace` gets a section for each step; null: none are made.
  CollabRun(CollabModels& models, const CollabSpec& spec, const SystemTrace* trace);

  // Warm-ups and runs. Throws Failure; a unit that fails ends the other units' work as well.
  void Execute();

  struct StepRecord {
    size_t unit;
    Step step;
    // One per run, in nanoseconds since the release of that run.
    std::vector<int64_t> begin_ns;
    std::vector<int64_t> end_ns;
  };
  // All units' steps, unit by unit in the order in which each takes them.
  [[nodiscard]] std::vector<StepRecord> Records() const;

  // Per run: from its release until the last unit's last step is done.
  [[nodiscard]] std::vector<int64_t> TotalNs() const;
  // Per run: fingerprint of all the network's outputs.
  [[nodiscard]] std::vector<uint64_t> OutputHashes() const;
  [[nodiscard]] const WarmUp& warm_up() const { return warm_up_; }

 private:
  // One step, resolved to what the driver has to touch, so that a run looks nothing up.
  struct Action {
    Step step;
    Model* model = nullptr;
    Buffer* buffer = nullptr;
    const void* source = nullptr;
    void* destination = nullptr;
    // Awaited before the step (of kind wait) ends, published after it; either may be null.
    EventCount* await = nullptr;
    EventCount* publish = nullptr;
    bool begins_segment = false;
    bool ends_segment = false;
    // In the system's trace; empty where there is none.
    std::string section;
  };

  struct UnitLine {
    size_t unit = 0;
    std::vector<Action> actions;
    // The numbers of the network's outputs that it reads.
    std::vector<size_t> outputs;
    // [run * actions + action]
    std::vector<int64_t> begin_ns;
    std::vector<int64_t> end_ns;
  };

  Action Resolve(const Step& step);
  static void MarkSegments(UnitLine& line);
  // Unit, segment, step and peer, as in the journal's steps.
  [[nodiscard]] std::string SectionOf(size_t unit, const Step& step) const;
  void Drive(UnitLine& line);
  // Returns the moment of release, or nothing where the run was aborted; its moments go into that row.
  std::optional<int64_t> DriveRun(UnitLine& line, uint64_t run, size_t row);
  bool TakeSteps(UnitLine& line, uint64_t run, int64_t release, int64_t* begin_ns, int64_t* end_ns);
  [[nodiscard]] int64_t TotalNs(size_t row) const;
  [[nodiscard]] size_t runs() const { return static_cast<size_t>(samples_.runs); }
  // Returns false where the run was aborted.
  static bool Perform(const Action& action, uint64_t run);
  void Abort();

  CollabModels& models_;
  const SystemTrace* const trace_;
  const SampleSpec samples_;
  const bool sequential_;
  const uint64_t segments_;
  const size_t outputs_;
  // Per segment: that its outputs are there, and that they have been copied out for its peers.
  std::deque<EventCount> ran_;
  std::deque<EventCount> was_read_;
  // Sequential mode: how many segments have had their turn, over all runs.
  EventCount turn_;
  std::vector<UnitLine> lines_;
  ReleaseGate gate_;
  // Where all units meet after each run that warms up; the last of them judges it.
  ReleaseGate warm_up_gate_;
  WarmUp warm_up_;
  // [run * outputs + output]; each is written by the unit that reads that output.
  std::vector<uint64_t> output_hashes_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_COLLAB_RUN_H_
