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

// The runs of a job within one visit, and the units' pause before each sample. Before the first sample there are at
// least `warmup` runs, and at least `warmup_us` pass (not in hand-overs, whose runs alone are counted); then the job
// goes on warming up until it is steady, but no longer than `warmup_limit_us` in all. 0: it does not go on.
struct SampleSpec {
  int64_t warmup = 0;
  int64_t warmup_us = 0;
  int64_t warmup_limit_us = 0;
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
  // The last run's first output; the others are kept beside it, with ".1" and so on behind its name. Empty `full`: none
  // is kept.
  FilePath output;
};

struct JobSpec {
  std::string id;
  std::variant<TimeSpec, HandoverSpec, CollabSpec> measurement;
  // Jobs of one group are visited directly one after another; empty: none.
  std::string group;
  // True: the job ends as soon as its median is known well enough. False: it makes all rounds.
  bool settles = true;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_JOB_SPEC_H_
