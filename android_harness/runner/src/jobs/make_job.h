#ifndef SYNCNAS_RUNNER_JOBS_MAKE_JOB_H_
#define SYNCNAS_RUNNER_JOBS_MAKE_JOB_H_

#include <memory>

#include "jobs/job.h"
#include "protocol/job_spec.h"

namespace syncnas {

// Makes the job that a phase describes; its models are created at its first visit.
std::unique_ptr<Job> MakeJob(const JobSpec& spec, const PhaseResources& phase);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_MAKE_JOB_H_
