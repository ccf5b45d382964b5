#include "jobs/collab_plan.h"

#include "units/handover_path.h"

namespace syncnas {

namespace {

// The first later segment for which this segment's output is copied out, or kNobody.
int FirstTaker(const Manifest& manifest, const PairPaths& paths, size_t sender) {
  for (size_t i = sender + 1; i < manifest.segments.size(); ++i) {
    const SegmentSpec& candidate = manifest.segments[i];
    for (const SegmentInput& input : candidate.inputs) {
      if (input.from != static_cast<int>(sender)) {
        continue;
      }
      const auto path = paths.find({manifest.segments[sender].unit, candidate.unit});
      if (path != paths.end() && CopiesOut(path->second)) {
        return static_cast<int>(i);
      }
    }
  }
  return kNobody;
}

}  // namespace

const char* Name(StepKind kind) {
  switch (kind) {
    case StepKind::kWait:
      return "wait";
    case StepKind::kWrite:
      return "write";
    case StepKind::kRun:
      return "run";
    case StepKind::kRead:
      return "read";
  }
  return "";
}

PairPaths PairsOf(const Manifest& manifest, HandoverPath wanted) {
  PairPaths pairs;
  for (const SegmentSpec& segment : manifest.segments) {
    for (const SegmentInput& input : segment.inputs) {
      if (input.from == SegmentInput::kNetworkInput) {
        continue;
      }
      const size_t from_unit = manifest.segments[static_cast<size_t>(input.from)].unit;
      if (from_unit != segment.unit) {
        pairs[{from_unit, segment.unit}] = wanted;
      }
    }
  }
  return pairs;
}

std::vector<std::vector<Step>> PlanSteps(const Manifest& manifest, const PairPaths& paths) {
  std::vector<std::vector<Step>> steps(manifest.units.size());
  for (size_t s = 0; s < manifest.segments.size(); ++s) {
    const SegmentSpec& segment = manifest.segments[s];
    std::vector<Step>& mine = steps[segment.unit];
    for (size_t i = 0; i < segment.inputs.size(); ++i) {
      const int from = segment.inputs[i].from;
      if (from == SegmentInput::kNetworkInput) {
        mine.push_back({StepKind::kWrite, s, kNetworkInput, i});
        continue;
      }
      const auto path = paths.find({manifest.segments[static_cast<size_t>(from)].unit, segment.unit});
      if (path == paths.end()) {
        continue;  // the unit's own features: they are where they have to be
      }
      mine.push_back({StepKind::kWait, s, from, i});
      if (CopiesIn(path->second)) {
        mine.push_back({StepKind::kWrite, s, from, i});
      }
    }
    mine.push_back({StepKind::kRun, s, kNobody, 0});
    if (const int taker = FirstTaker(manifest, paths, s); taker != kNobody) {
      mine.push_back({StepKind::kRead, s, taker, 0});
    }
    if (s == manifest.output_segment) {
      mine.push_back({StepKind::kRead, s, kNetworkOutput, 0});
    }
  }
  return steps;
}

std::string PeerName(const Manifest& manifest, int peer) {
  switch (peer) {
    case kNobody:
      return "";
    case kNetworkInput:
      return "input";
    case kNetworkOutput:
      return "output";
    default:
      return manifest.segments[static_cast<size_t>(peer)].name;
  }
}

}  // namespace syncnas
