#ifndef SYNCNAS_RUNNER_JOBS_LOAD_H_
#define SYNCNAS_RUNNER_JOBS_LOAD_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "jobs/job.h"
#include "jobs/placed_model.h"
#include "protocol/job_spec.h"
#include "units/event_count.h"

namespace syncnas {

// Keeps another unit running a model over and over.
class Load {
 public:
  Load(const LoadSpec& spec, const PhaseResources& phase, Random& random);

  // Returns when the first run is done, so that the load is really there. Throws Failure.
  void Begin();
  // Returns when the last run is done. Throws Failure if any run failed since Begin.
  void End();

 private:
  void Loop();

  PlacedModel placed_;
  std::atomic<bool> stop_{false};
  EventCount running_;
  uint64_t begun_ = 0;
};

// All loads of a job, from construction to Finish, or to its end where something failed in between.
class LoadSession {
 public:
  explicit LoadSession(const std::vector<std::unique_ptr<Load>>& loads);
  ~LoadSession();
  LoadSession(const LoadSession&) = delete;
  LoadSession& operator=(const LoadSession&) = delete;

  // Ends all loads. Throws the first one's Failure: samples beside a load that had stopped are not what was asked for.
  void Finish();

 private:
  std::optional<std::string> EndAll();

  std::vector<Load*> running_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_LOAD_H_
