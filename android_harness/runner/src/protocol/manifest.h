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

// The parts of a bundle (formats.md, "Bundle") that the runner needs, checked: every source is an earlier segment
// whose output has the input's shape, every path stays inside the bundle. Tensors are float32.

struct SegmentInput {
  static constexpr int kNetworkInput = -1;

  std::string name;
  TensorType type;
  // Index of the segment whose output this is, or kNetworkInput.
  int from = kNetworkInput;
};

struct SegmentSpec {
  std::string name;
  // Index into Manifest::units.
  size_t unit = 0;
  FilePath model;
  // -1: the manifest does not say.
  int64_t model_bytes = -1;
  std::vector<SegmentInput> inputs;
  TensorType output;
};

struct Manifest {
  std::vector<std::string> units;
  std::vector<SegmentSpec> segments;
  FilePath input_file;
  TensorType input;
  // Index of the segment whose output is the network's.
  size_t output_segment = 0;
};

// Reads a manifest; the bundle's files are seen from `folder`. Throws Failure whose sentence names the field.
Manifest ParseManifest(std::string_view text, const std::string& folder);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_MANIFEST_H_
