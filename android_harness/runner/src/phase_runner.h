#ifndef SYNCNAS_RUNNER_PHASE_RUNNER_H_
#define SYNCNAS_RUNNER_PHASE_RUNNER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine.h"
#include "job.h"
#include "journal.h"
#include "phase.h"
#include "unit_worker.h"

namespace syncnas {

// Carries out a phase by itself: opens the units, visits the jobs round by round and journals what happens.
class PhaseRunner {
 public:
  // All must outlive the runner. `stop` may be set from a signal handler.
  PhaseRunner(const PhaseSpec& phase, const EngineOpener& open_engine, Journal& journal, const std::atomic<bool>& stop);

  // Returns when the end line is written. Throws JournalError, nothing else: what goes wrong with a unit or a job is
  // in the journal.
  void Run();

 private:
  struct JobState {
    const JobSpec* spec = nullptr;
    bool is_sentinel = false;
    bool finished = false;
    int64_t visits = 0;
    std::vector<int64_t> total_ns;
    std::unique_ptr<Job> job;
  };

  void OpenEngines();
  void WritePhaseLine();
  void OpenUnits();
  [[nodiscard]] std::vector<size_t> NextRound(int64_t round) const;
  void RunRound(const std::vector<size_t>& order, int64_t round);
  void VisitSentinels(int64_t round);
  void VisitJob(JobState& state, int64_t round);
  void Complete(JobState& state, int64_t round);
  void Fail(JobState& state, int64_t round, const std::string& reason);
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
  std::vector<JobState> jobs_;

  int64_t begin_ns_ = 0;
  int64_t visits_ = 0;
  int64_t failed_ = 0;
  int64_t visits_since_sentinels_ = 0;
  bool sentinels_were_last_ = false;
  // Null while nothing has stopped the phase before its end.
  const char* stopped_ = nullptr;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PHASE_RUNNER_H_
