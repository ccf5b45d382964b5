#ifndef SYNCNAS_RUNNER_JOBS_COLLAB_JOB_H_
#define SYNCNAS_RUNNER_JOBS_COLLAB_JOB_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "jobs/collab_models.h"
#include "jobs/collab_run.h"
#include "jobs/job.h"
#include "jobs/load.h"
#include "protocol/job_spec.h"

namespace syncnas {

// Times a bundle on its units together.
class CollabJob final : public Job {
 public:
  CollabJob(CollabSpec spec, const PhaseResources& phase);

  [[nodiscard]] const std::vector<int64_t>& total_ns() const override { return total_ns_; }

 protected:
  int64_t Create() override;
  void Measure() override;
  [[nodiscard]] const char* kind() const override { return "collab"; }
  void ReportVisit(JsonLine& line) const override;

 private:
  void RequireIdle(const LoadSpec& load) const;
  void ReportSteps(JsonLine& line) const;
  void ReportOutputs(JsonLine& line) const;
  void ReportPaths(JsonLine& line) const;

  const CollabSpec spec_;
  std::unique_ptr<CollabModels> models_;
  std::vector<std::unique_ptr<Load>> loads_;
  // The last visit's.
  std::unique_ptr<CollabRun> run_;
  std::vector<int64_t> total_ns_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_COLLAB_JOB_H_
