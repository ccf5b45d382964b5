#ifndef SYNCNAS_RUNNER_JOBS_JOB_H_
#define SYNCNAS_RUNNER_JOBS_JOB_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "device/system_trace.h"
#include "jobs/host_data.h"
#include "jobs/ledger.h"
#include "json/json_line.h"
#include "units/workers.h"

namespace syncnas {

// The parts of the phase that its jobs use; it outlives them.
struct PhaseResources {
  Workers& workers;
  Ledger& ledger;
  HostData& host;
  const PhaseTrace& trace;
  uint64_t seed;
};

// One job of the phase. Visited once or more; the first visit creates its models, which live as long as the job.
class Job {
 public:
  explicit Job(const PhaseResources& phase) : phase_(phase) {}
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // Creates what is not yet there, warms up and takes samples. Throws Failure; the job is of no further use then.
  void Visit();

  // The fields of the done line that describe the last visit, from "kind" on.
  void Report(JsonLine& line) const;

  // One per sample of the last visit.
  [[nodiscard]] virtual const std::vector<int64_t>& total_ns() const = 0;

 protected:
  // Returns how long creating the models took, in nanoseconds.
  virtual int64_t Create() = 0;
  virtual void Measure() = 0;
  [[nodiscard]] virtual const char* kind() const = 0;
  virtual void ReportVisit(JsonLine& line) const = 0;

  [[nodiscard]] const PhaseResources& phase() const { return phase_; }

 private:
  PhaseResources phase_;
  bool created_ = false;
  // Of the last visit; nothing where the models were there already.
  std::optional<int64_t> create_ns_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_JOB_H_
