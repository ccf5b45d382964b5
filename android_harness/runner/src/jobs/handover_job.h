#ifndef SYNCNAS_RUNNER_JOBS_HANDOVER_JOB_H_
#define SYNCNAS_RUNNER_JOBS_HANDOVER_JOB_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_memory.h"
#include "engines/engine.h"
#include "jobs/job.h"
#include "jobs/placed_model.h"
#include "protocol/job_spec.h"

namespace syncnas {

// Times the hand-over of one tensor from one unit to another. Phases and journals call its kind "transfer".
class HandoverJob final : public Job {
 public:
  HandoverJob(HandoverSpec spec, const PhaseResources& phase);

  [[nodiscard]] const std::vector<int64_t>& total_ns() const override { return total_ns_; }

 protected:
  int64_t Create() override;
  void Measure() override;
  [[nodiscard]] const char* kind() const override { return "transfer"; }
  void ReportVisit(JsonLine& line) const override;

 private:
  // Where the two threads wait for each other in one visit.
  struct Meeting;

  void CheckModel() const;
  // Gives the receiver's input its memory, and tells by which path data gets there.
  HandoverPath Connect();
  void Send(Meeting& meeting);
  void Receive(Meeting& meeting);
  void Take(Buffer& input);
  void CheckArrived();

  const HandoverSpec spec_;
  std::unique_ptr<PlacedModel> sender_;
  std::unique_ptr<PlacedModel> receiver_;
  // Run by either unit after each hand-over; the receiver's is null where it runs nothing.
  std::unique_ptr<PlacedModel> senders_next_;
  std::unique_ptr<PlacedModel> receivers_next_;
  size_t bytes_ = 0;
  HandoverPath path_ = HandoverPath::kShared;
  AlignedMemory staging_;
  // Where the sender copies to and the receiver copies from; null where the path has no such copy.
  void* destination_ = nullptr;
  const void* source_ = nullptr;

  // Written by the sender ...
  std::vector<int64_t> run_at_ns_;
  std::vector<int64_t> rerun_at_ns_;
  std::vector<int64_t> begin_ns_;
  std::vector<int64_t> signal_ns_;
  // ... and by the receiver, one element per sample; the differences are taken afterwards.
  std::vector<int64_t> awake_ns_;
  std::vector<int64_t> taken_ns_;
  std::vector<int64_t> taken_again_ns_;
  std::vector<int64_t> total_ns_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_HANDOVER_JOB_H_
