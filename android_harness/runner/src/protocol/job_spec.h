#ifndef SYNCNAS_RUNNER_PROTOCOL_JOB_SPEC_H_
#define SYNCNAS_RUNNER_PROTOCOL_JOB_SPEC_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "base/files.h"
#include "protocol/handover.h"

namespace syncnas {

// The runs of a job within one visit, and the units' pause before each sample. `warmup` counts the
// runs before the first sample; a time job goes on warming up until `warmup_us` have passed as well.
struct SampleSpec {
  int64_t warmup = 0;
  int64_t warmup_us = 0;
  int64_t runs = 1;
  int64_t gap_us = 0;
};

struct LoadSpec {
  std::string unit;
  FilePath model;
};

struct TimeSpec {
  std::string unit;
  FilePath model;
  SampleSpec samples;
  std::vector<LoadSpec> loads;
};

struct HandoverSpec {
  std::string from;
  std::string to;
  FilePath model;
  // Run by both units after each hand-over; empty `full`: the sender runs another `model`, the receiver nothing.
  FilePath next_model;
  HandoverPath path = HandoverPath::kShared;
  WaitSpec wait;
  SampleSpec samples;
};

struct CollabSpec {
  FilePath manifest;
  // The manifest's units to the phase's; empty: the same names.
  std::map<std::string, std::string> bind;
  bool sequential = false;
  HandoverPath path = HandoverPath::kShared;
  WaitSpec wait;
  SampleSpec samples;
  std::vector<LoadSpec> loads;
  // Empty `full`: the last output is not kept.
  FilePath output;
};

struct JobSpec {
  std::string id;
  std::variant<TimeSpec, HandoverSpec, CollabSpec> measurement;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_JOB_SPEC_H_
