#include "jobs/make_job.h"

#include <variant>

#include "jobs/collab_job.h"
#include "jobs/handover_job.h"
#include "jobs/time_job.h"

namespace syncnas {

std::unique_ptr<Job> MakeJob(const JobSpec& spec, const PhaseResources& phase) {
  if (const auto* time = std::get_if<TimeSpec>(&spec.measurement)) {
    return std::make_unique<TimeJob>(*time, phase);
  }
  if (const auto* handover = std::get_if<HandoverSpec>(&spec.measurement)) {
    return std::make_unique<HandoverJob>(*handover, phase);
  }
  return std::make_unique<CollabJob>(std::get<CollabSpec>(spec.measurement), phase);
}

}  // namespace syncnas
