#include "jobs/job.h"

namespace syncnas {

void Job::Visit() {
  create_ns_.reset();
  if (!created_) {
    const Meter meter(phase_.ledger.created_ns);
    create_ns_ = Create();
    created_ = true;
  }
  const Meter meter(phase_.ledger.sampled_ns);
  Measure();
}

void Job::Report(JsonLine& line) const {
  line.Name("kind").String(kind());
  line.Name("create_ns").OptionalInt(create_ns_);
  ReportVisit(line);
}

}  // namespace syncnas
