#include "jobs/collab_plan.h"

#include <set>

#include "units/handover_path.h"

namespace syncnas {

namespace {

// The first later segment for which this output of a segment is copied out, or kNobody.
int FirstTaker(const Manifest& manifest, const PairPaths& paths, size_t sender, size_t output) {
  for (size_t i = sender + 1; i < manifest.segments.size(); ++i) {
    const SegmentSpec& candidate = manifest.segments[i];
    for (const SegmentInput& input : candidate.inputs) {
      if (input.from != static_cast<int>(sender) || input.number != output) {
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

void AddArrivals(const Manifest& manifest, const PairPaths& paths, size_t s, std::vector<Step>& steps) {
  const SegmentSpec& segment = manifest.segments[s];
  std::set<int> awaited;
  for (size_t i = 0; i < segment.inputs.size(); ++i) {
    const SegmentInput& input = segment.inputs[i];
    if (input.from == SegmentInput::kNetworkInput) {
      steps.push_back({StepKind::kWrite, s, kNetworkInput, i, input.number});
      continue;
    }
    const auto path = paths.find({manifest.segments[static_cast<size_t>(input.from)].unit, segment.unit});
    if (path == paths.end()) {
      continue;  // the unit's own features: they are where they have to be
    }
    if (awaited.insert(input.from).second) {
      steps.push_back({StepKind::kWait, s, input.from, 0, 0});
    }
    if (CopiesIn(path->second)) {
      steps.push_back({StepKind::kWrite, s, input.from, i, input.number});
    }
  }
}

void AddReads(const Manifest& manifest, const PairPaths& paths, size_t s, std::vector<Step>& steps) {
  for (size_t i = 0; i < manifest.segments[s].outputs.size(); ++i) {
    if (const int taker = FirstTaker(manifest, paths, s, i); taker != kNobody) {
      steps.push_back({StepKind::kRead, s, taker, i, 0});
    }
  }
  for (size_t i = 0; i < manifest.outputs.size(); ++i) {
    if (manifest.outputs[i].segment == s) {
      steps.push_back({StepKind::kRead, s, kNetworkOutput, manifest.outputs[i].number, i});
    }
  }
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
    std::vector<Step>& mine = steps[manifest.segments[s].unit];
    AddArrivals(manifest, paths, s, mine);
    mine.push_back({StepKind::kRun, s, kNobody, 0, 0});
    AddReads(manifest, paths, s, mine);
  }
  return steps;
}

std::string PeerName(const Manifest& manifest, const Step& step) {
  if (step.peer == kNobody) {
    return "";
  }
  const std::string number = step.peer_tensor == 0 ? "" : ":" + std::to_string(step.peer_tensor);
  switch (step.peer) {
    case kNetworkInput:
      return "input" + number;
    case kNetworkOutput:
      return "output" + number;
    default:
      return manifest.segments[static_cast<size_t>(step.peer)].name + number;
  }
}

bool TellsPeers(const std::vector<Step>& steps, size_t index) {
  const auto is_read = [&steps, index](size_t i) {
    return i < steps.size() && steps[i].kind == StepKind::kRead && steps[i].segment == steps[index].segment &&
           steps[i].peer != kNetworkOutput;
  };
  return is_read(index) && !is_read(index + 1);
}

}  // namespace syncnas
