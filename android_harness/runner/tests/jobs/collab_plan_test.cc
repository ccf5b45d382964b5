#include "jobs/collab_plan.h"

#include <string>
#include <vector>

#include "support/check.h"

namespace syncnas {
namespace {

// a.0 hands over to b.0, b.0 back to a.1, which reads a.0's output as well and is the last.
Manifest TwoUnits() {
  return ParseManifest(R"({"format": 1, "units": ["a", "b", "idle"], "segments": [
      {"name": "a.0", "unit": "a", "model": "m", "inputs": [{"name": "x", "shape": [2], "from": "input"}],
       "output": {"shape": [2]}},
      {"name": "b.0", "unit": "b", "model": "m", "inputs": [{"name": "x", "shape": [2], "from": "a.0"}],
       "output": {"shape": [2]}},
      {"name": "a.1", "unit": "a", "model": "m", "inputs": [{"name": "x", "shape": [2], "from": "a.0"},
       {"name": "y", "shape": [2], "from": "b.0"}], "output": {"shape": [2]}}],
      "input": {"file": "i", "shape": [2]}, "output": {"segment": "a.1", "shape": [2]}})",
                       ".");
}

std::string Text(const Manifest& manifest, const std::vector<Step>& steps) {
  std::string text;
  for (const Step& step : steps) {
    text += (text.empty() ? "" : ", ") + manifest.segments[step.segment].name + " " + Name(step.kind);
    if (step.peer != kNobody) {
      text += " " + PeerName(manifest, step.peer);
    }
  }
  return text;
}

TEST(PlanOverSharedMemoryHasNoCopies) {
  const Manifest manifest = TwoUnits();
  const auto steps = PlanSteps(manifest, PairsOf(manifest, HandoverPath::kShared));
  CHECK_EQUAL(steps.size(), 3U);
  CHECK_EQUAL(Text(manifest, steps.at(0)), "a.0 write input, a.0 run, a.1 wait b.0, a.1 run, a.1 read output");
  CHECK_EQUAL(Text(manifest, steps.at(1)), "b.0 wait a.0, b.0 run");
  CHECK(steps.at(2).empty());
}

TEST(PlanWithCopiesReadsAndWrites) {
  const Manifest manifest = TwoUnits();
  const auto steps = PlanSteps(manifest, PairsOf(manifest, HandoverPath::kMemcpy));
  CHECK_EQUAL(Text(manifest, steps.at(0)),
              "a.0 write input, a.0 run, a.0 read b.0, a.1 wait b.0, a.1 write b.0, a.1 run, a.1 read output");
  CHECK_EQUAL(Text(manifest, steps.at(1)), "b.0 wait a.0, b.0 write a.0, b.0 run, b.0 read a.1");
}

TEST(PlanTakesThePathPairByPair) {
  const Manifest manifest = TwoUnits();
  PairPaths paths = PairsOf(manifest, HandoverPath::kShared);
  CHECK_EQUAL(paths.size(), 2U);
  paths[{1, 0}] = HandoverPath::kMemcpy;
  const auto steps = PlanSteps(manifest, paths);
  CHECK_EQUAL(Text(manifest, steps.at(0)),
              "a.0 write input, a.0 run, a.1 wait b.0, a.1 write b.0, a.1 run, a.1 read output");
  CHECK_EQUAL(Text(manifest, steps.at(1)), "b.0 wait a.0, b.0 run, b.0 read a.1");
}

TEST(PlanWithOneCopyHasItOnOneSide) {
  const Manifest manifest = TwoUnits();
  PairPaths paths = PairsOf(manifest, HandoverPath::kShared);
  paths[{0, 1}] = HandoverPath::kUpload;
  paths[{1, 0}] = HandoverPath::kReadback;
  const auto steps = PlanSteps(manifest, paths);
  CHECK_EQUAL(Text(manifest, steps.at(0)), "a.0 write input, a.0 run, a.1 wait b.0, a.1 run, a.1 read output");
  CHECK_EQUAL(Text(manifest, steps.at(1)), "b.0 wait a.0, b.0 write a.0, b.0 run, b.0 read a.1");
}

}  // namespace
}  // namespace syncnas
