#ifndef SYNCNAS_RUNNER_PHASES_PHASE_RUNNER_H_
#define SYNCNAS_RUNNER_PHASES_PHASE_RUNNER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device/system_trace.h"
#include "device/thermal_gate.h"
#include "engines/engine.h"
#include "jobs/job.h"
#include "jobs/ledger.h"
#include "phases/schedule.h"
#include "protocol/journal.h"
#include "protocol/phase.h"
#include "units/workers.h"

namespace syncnas {

// Carries out a phase by itself: opens the units, visits the jobs round by round and journals what happens.
class PhaseRunner {
 public:
  // All must outlive the runner. `stop` may be set from a signal handler.
  PhaseRunner(const PhaseSpec& phase, const EngineOpener& open_engine, Journal& journal, const SystemTrace& trace,
              const std::atomic<bool>& stop);

  // Returns when the end line is written. Throws StorageError, nothing else: what goes wrong with a unit or a job is
  // in the journal.
  void Run();

 private:
  // The visits between two checks of the thermal gate: they count together or not at all.
  struct VisitGroup {
    int64_t begin_ns;
    int64_t visits;
    // The state when the group began: the schedule, and per job whether it had its models.
    Schedule schedule;
    std::vector<bool> created;
  };
  // A group counts; or it was undone, and its visits are made again or the phase ends.
  enum class Verdict { kCounts, kAgain, kEnds };

  void OpenEngines();
  void WritePhaseLine();
  void OpenUnits();
  void VisitJobs();
  void VisitJob(const Visit& visit);
  void Complete(const Visit& visit);
  void Fail(const Visit& visit, const std::string& reason);

  [[nodiscard]] VisitGroup NewGroup() const;
  Verdict JudgeGroup();
  // Checks the device and journals its state; undoes the group's visits if it is hot. Returns whether they count.
  bool CloseGroup();
  void UndoGroup();
  // Waits until the device is fit again; false if the phase must end first.
  bool CoolDown();
  // Visits every sentinel once, as a group of its own. Returns whether it counts.
  bool VisitSentinels();
  // Sleeps; false as soon as the phase must stop.
  bool Pause(int64_t duration_ns);

  bool MustStop();
  void WriteEndLine();

  const PhaseSpec& phase_;
  const EngineOpener& open_engine_;
  Journal& journal_;
  const std::atomic<bool>& stop_;

  // In this order: jobs use workers, whose units use engines.
  std::map<std::string, std::unique_ptr<Engine>> engines_;
  std::map<std::string, std::string> engine_failures_;
  Workers workers_;
  Ledger ledger_;
  HostData host_;
  PhaseTrace trace_;
  // In the order of the phase's jobs; null where there are no models.
  std::vector<std::unique_ptr<Job>> jobs_;

  Schedule schedule_;
  std::optional<ThermalGate> gate_;
  VisitGroup group_;
  // Counts how often the visits of the present group were made again.
  int64_t retries_ = 0;

  int64_t begin_ns_ = 0;
  int64_t visits_ = 0;
  int64_t failed_ = 0;
  // Null while nothing has stopped the phase before its end.
  const char* stopped_ = nullptr;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PHASES_PHASE_RUNNER_H_
