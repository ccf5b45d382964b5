#ifndef SYNCNAS_RUNNER_JOBS_TIME_JOB_H_
#define SYNCNAS_RUNNER_JOBS_TIME_JOB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/aligned_memory.h"
#include "jobs/job.h"
#include "jobs/load.h"
#include "jobs/placed_model.h"
#include "jobs/warmup.h"
#include "protocol/job_spec.h"

namespace syncnas {

// Times one model on one unit, alone or beside loads on other units.
class TimeJob final : public Job {
 public:
  TimeJob(TimeSpec spec, const PhaseResources& phase);

  [[nodiscard]] const std::vector<int64_t>& total_ns() const override { return total_ns_; }

 protected:
  int64_t Create() override;
  void Measure() override;
  [[nodiscard]] const char* kind() const override { return "time"; }
  void ReportVisit(JsonLine& line) const override;

 private:
  void WriteInputs(Model& model);
  void ReadOutputs(Model& model);
  void TakeSamples();
  // Returns the moment of its end.
  int64_t TakeSample(Model& model, size_t index);
  // Returns whether something else had the unit's core during the sample.
  [[nodiscard]] bool IsDisturbed(size_t index) const;

  const TimeSpec spec_;
  std::unique_ptr<PlacedModel> placed_;
  std::vector<std::unique_ptr<Load>> loads_;
  // The host's side of the model's inputs and outputs.
  std::vector<std::shared_ptr<const AlignedMemory>> host_inputs_;
  std::vector<std::shared_ptr<AlignedMemory>> host_outputs_;

  bool ran_before_ = false;
  std::optional<int64_t> first_ns_;
  // The last visit's.
  WarmUp warm_up_;
  std::vector<int64_t> write_ns_;
  std::vector<int64_t> run_ns_;
  std::vector<int64_t> read_ns_;
  std::vector<int64_t> total_ns_;
  std::vector<int64_t> cpu_ns_;
  // Totals of samples that were taken again, at most as many as there are samples.
  std::vector<int64_t> disturbed_ns_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_TIME_JOB_H_
