#ifndef SYNCNAS_RUNNER_JOBS_COLLAB_PLAN_H_
#define SYNCNAS_RUNNER_JOBS_COLLAB_PLAN_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "protocol/handover.h"
#include "protocol/manifest.h"

namespace syncnas {

// The steps that each unit takes in one run of a bundle.

enum class StepKind { kWait, kWrite, kRun, kRead };
const char* Name(StepKind kind);

// The other end of a step, where it is no segment.
constexpr int kNobody = -1;
constexpr int kNetworkInput = -2;
constexpr int kNetworkOutput = -3;

struct Step {
  StepKind kind = StepKind::kRun;
  // The segment that the step belongs to.
  size_t segment = 0;
  // Index of the peer's segment, or one of the three above.
  int peer = kNobody;
  // The segment's input that a wait or a write is for.
  size_t input = 0;

  bool operator==(const Step& other) const {
    return kind == other.kind && segment == other.segment && peer == other.peer && input == other.input;
  }
};

// Indexes into Manifest::units: the sender and the receiver.
using UnitPair = std::pair<size_t, size_t>;
using PairPaths = std::map<UnitPair, HandoverPath>;

// Every pair of units between which something is handed over, with the wanted path.
PairPaths PairsOf(const Manifest& manifest, HandoverPath wanted);

// The steps of each manifest unit in the order in which it takes them (none for a unit without segments). A segment
// takes its inputs in their order (waiting for a peer, then, where the receiver copies, writing it), runs, and, where
// the sender copies, reads its output for its peers: once, however many take it from where it was read to. The last
// segment also reads it for the host.
std::vector<std::vector<Step>> PlanSteps(const Manifest& manifest, const PairPaths& paths);

// "input", "output", a segment's name, or empty for nobody.
std::string PeerName(const Manifest& manifest, int peer);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_COLLAB_PLAN_H_
