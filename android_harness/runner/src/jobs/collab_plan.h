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
  // Which of the segment's inputs a write is for, and which of its outputs a read is of.
  size_t tensor = 0;
  // Which of the peer's outputs is written, or which of the network's inputs or outputs it is. 0: the first, or a step
  // that is for no certain one.
  size_t peer_tensor = 0;

  bool operator==(const Step& other) const {
    return kind == other.kind && segment == other.segment && peer == other.peer && tensor == other.tensor &&
           peer_tensor == other.peer_tensor;
  }
};

// Indexes into Manifest::units: the sender and the receiver.
using UnitPair = std::pair<size_t, size_t>;
using PairPaths = std::map<UnitPair, HandoverPath>;

// Every pair of units between which something is handed over, with the wanted path.
PairPaths PairsOf(const Manifest& manifest, HandoverPath wanted);

// The steps of each manifest unit in the order in which it takes them (none for a unit without segments). A segment
// takes its inputs in their order (waiting for each sender once, at the first input from it, and writing the input
// where the receiver copies), runs, and, where the sender copies, reads its outputs for its peers: each once, however
// many take it from where it was read to. Then it reads the network's outputs that it gives for the host.
std::vector<std::vector<Step>> PlanSteps(const Manifest& manifest, const PairPaths& paths);

// "input", "output" or a segment's name, with the number of the peer's tensor behind the first ("cpu0.1:2"), or empty
// for nobody.
std::string PeerName(const Manifest& manifest, const Step& step);

// Whether a step is the last read for the segment's peers: when it is done, they may go on.
bool TellsPeers(const std::vector<Step>& steps, size_t index);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_COLLAB_PLAN_H_
