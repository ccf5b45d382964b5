#ifndef SYNCNAS_RUNNER_PROTOCOL_MANIFEST_H_
#define SYNCNAS_RUNNER_PROTOCOL_MANIFEST_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/tensor.h"

namespace syncnas {

// The parts of a bundle (formats.md, "Bundle") that the runner needs, checked: every source is an input of the network
// or an output of an earlier segment, and of the input's type; every path stays inside the bundle. Format 1, whose
// networks and segments have one input file and one output each, all of float32, is read into the same.

struct SegmentInput {
  static constexpr int kNetworkInput = -1;

  std::string name;
  TensorType type;
  // Index of the segment whose output this is, or kNetworkInput.
  int from = kNetworkInput;
  // The number of that segment's output, or of the network's input.
  size_t number = 0;
};

struct SegmentSpec {
  std::string name;
  // Index into Manifest::units.
  size_t unit = 0;
  FilePath model;
  // -1: the manifest does not say.
  int64_t model_bytes = -1;
  std::vector<SegmentInput> inputs;
  std::vector<TensorType> outputs;
};

struct NetworkInput {
  FilePath file;
  TensorType type;
};

// An output of the network: which segment gives it, as which of its outputs.
struct NetworkOutput {
  size_t segment = 0;
  size_t number = 0;
};

struct Manifest {
  std::vector<std::string> units;
  std::vector<SegmentSpec> segments;
  std::vector<NetworkInput> inputs;
  std::vector<NetworkOutput> outputs;

  [[nodiscard]] const TensorType& TypeOf(const NetworkOutput& output) const {
    return segments[output.segment].outputs[output.number];
  }
};

// Reads a manifest; the bundle's files are seen from `folder`. Throws Failure whose sentence names the field.
Manifest ParseManifest(std::string_view text, const std::string& folder);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_MANIFEST_H_
