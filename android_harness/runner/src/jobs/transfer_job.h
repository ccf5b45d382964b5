#ifndef SYNCNAS_RUNNER_JOBS_TRANSFER_JOB_H_
#define SYNCNAS_RUNNER_JOBS_TRANSFER_JOB_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "base/aligned_memory.h"
#include "jobs/job.h"
#include "protocol/phase.h"

namespace syncnas {

// Times handing one tensor from one unit to another.
class TransferJob final : public Job {
 public:
  TransferJob(TransferSpec spec, const JobContext& context);

  [[nodiscard]] const std::vector<int64_t>& total_ns() const override { return total_ns_; }

 protected:
  int64_t Create() override;
  void Measure() override;
  [[nodiscard]] const char* kind() const override { return "transfer"; }
  void ReportVisit(JsonLine& line) const override;

 private:
  // The threads' meeting points of one visit.
  struct Meeting;

  void CheckModel() const;
  // Gives the receiver's input its memory, and tells by which path data gets there.
  HandoverPath Connect();
  void Send(Meeting& meeting);
  void Receive(Meeting& meeting);
  void Take(Buffer& input);
  void CheckArrived();

  const TransferSpec spec_;
  std::unique_ptr<PlacedModel> sender_;
  std::unique_ptr<PlacedModel> receiver_;
  // What either runs between two hand-overs; the receiver's is null where it runs nothing.
  std::unique_ptr<PlacedModel> senders_next_;
  std::unique_ptr<PlacedModel> receivers_next_;
  size_t bytes_ = 0;
  HandoverPath path_ = HandoverPath::kShared;
  AlignedMemory staging_;
  // Where the sender copies to and the receiver copies from; null where the path has no such copy.
  void* destination_ = nullptr;
  const void* source_ = nullptr;

  // Written by the sender ...
  std::vector<int64_t> begin_ns_;
  std::vector<int64_t> signal_ns_;
  // ... and by the receiver, one element per sample; the differences are taken afterwards.
  std::vector<int64_t> awake_ns_;
  std::vector<int64_t> taken_ns_;
  std::vector<int64_t> taken_again_ns_;
  std::vector<int64_t> total_ns_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_TRANSFER_JOB_H_
