#ifndef SYNCNAS_RUNNER_PROTOCOL_JOB_READER_H_
#define SYNCNAS_RUNNER_PROTOCOL_JOB_READER_H_

#include <string>
#include <vector>

#include "json/fields.h"
#include "protocol/job_spec.h"
#include "protocol/unit_spec.h"

namespace syncnas {

// Reads one job of a phase whose units are `units`; relative paths in it are seen from `folder`. Throws Failure whose
// sentence names the field.
JobSpec ReadJob(Fields& fields, const std::vector<UnitSpec>& units, const std::string& folder);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_JOB_READER_H_
