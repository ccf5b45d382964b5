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
      text += " " + PeerName(manifest, step);
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

// a.0 gives b.0 two of its three outputs, the second one twice, and c.0 the third. Each segment gives an output of the
// network, whose second input goes to c.0 alone.
Manifest SeveralTensors() {
  return ParseManifest(R"({"format": 2, "units": ["a", "b", "c"], "segments": [
      {"name": "a.0", "unit": "a", "model": "m",
       "inputs": [{"name": "x", "shape": [2], "dtype": "float32", "from": "input"}], "outputs": [
       {"shape": [2], "dtype": "float32"}, {"shape": [3], "dtype": "int8"}, {"shape": [], "dtype": "int64"}]},
      {"name": "b.0", "unit": "b", "model": "m", "inputs": [
       {"name": "x", "shape": [3], "dtype": "int8", "from": "a.0", "output": 1},
       {"name": "y", "shape": [2], "dtype": "float32", "from": "a.0"},
       {"name": "z", "shape": [3], "dtype": "int8", "from": "a.0", "output": 1}],
       "outputs": [{"shape": [2], "dtype": "bool"}]},
      {"name": "c.0", "unit": "c", "model": "m", "inputs": [
       {"name": "x", "shape": [], "dtype": "int64", "from": "a.0", "output": 2},
       {"name": "y", "shape": [1], "dtype": "uint8", "from": "input", "output": 1}],
       "outputs": [{"shape": [2], "dtype": "float32"}, {"shape": [4], "dtype": "int16"}]}],
      "inputs": [{"file": "i", "shape": [2], "dtype": "float32"}, {"file": "j", "shape": [1], "dtype": "uint8"}],
      "outputs": [{"segment": "c.0", "output": 1, "shape": [4], "dtype": "int16"},
       {"segment": "a.0", "output": 1, "shape": [3], "dtype": "int8"},
       {"segment": "b.0", "shape": [2], "dtype": "bool"}]})",
                       ".");
}

TEST(PlanOfSeveralTensorsAwaitsEachSenderOnce) {
  const Manifest manifest = SeveralTensors();
  const auto steps = PlanSteps(manifest, PairsOf(manifest, HandoverPath::kMemcpy));
  CHECK_EQUAL(Text(manifest, steps.at(0)),
              "a.0 write input, a.0 run, a.0 read b.0, a.0 read b.0, a.0 read c.0, a.0 read output:1");
  CHECK_EQUAL(Text(manifest, steps.at(1)),
              "b.0 wait a.0, b.0 write a.0:1, b.0 write a.0, b.0 write a.0:1, b.0 run, b.0 read output:2");
  CHECK_EQUAL(Text(manifest, steps.at(2)),
              "c.0 wait a.0, c.0 write a.0:2, c.0 write input:1, c.0 run, c.0 read output");
  CHECK_EQUAL(steps.at(1).at(3).tensor, 2U);
  CHECK_EQUAL(steps.at(2).back().tensor, 1U);
}

TEST(PlanTellsPeersAfterTheLastOfTheirReads) {
  const Manifest manifest = SeveralTensors();
  const auto tellers = [&manifest](const PairPaths& paths, size_t unit) {
    const std::vector<Step> steps = PlanSteps(manifest, paths).at(unit);
    std::string found;
    for (size_t i = 0; i < steps.size(); ++i) {
      found += TellsPeers(steps, i) ? std::to_string(i) : "";
    }
    return found;
  };
  PairPaths paths = PairsOf(manifest, HandoverPath::kMemcpy);
  CHECK_EQUAL(tellers(paths, 0), "4");
  CHECK_EQUAL(tellers(paths, 1), "");
  paths[{0, 2}] = HandoverPath::kShared;
  CHECK_EQUAL(tellers(paths, 0), "3");
  paths[{0, 1}] = HandoverPath::kUpload;
  CHECK_EQUAL(tellers(paths, 0), "");
  CHECK_EQUAL(Text(manifest, PlanSteps(manifest, paths).at(1)),
              "b.0 wait a.0, b.0 write a.0:1, b.0 write a.0, b.0 write a.0:1, b.0 run, b.0 read output:2");
}

}  // namespace
}  // namespace syncnas
