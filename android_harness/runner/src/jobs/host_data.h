#ifndef SYNCNAS_RUNNER_JOBS_HOST_DATA_H_
#define SYNCNAS_RUNNER_JOBS_HOST_DATA_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "base/aligned_memory.h"
#include "base/tensor.h"

namespace syncnas {

// The host's side of models' inputs and outputs, for the jobs of a phase one after the other. Each visit creates its
// models anew; filling megabytes with random values anew as well took longer than many a visit's samples.
class HostData {
 public:
  explicit HostData(uint64_t seed) : seed_(seed) {}

  // Plain random values (FillRandom) for the input of this number of some model: always the beginning of the same.
  std::shared_ptr<const AlignedMemory> Values(const TensorType& type, size_t input);

  // Memory that the output of this number can be read into; the next one to read overwrites it.
  std::shared_ptr<AlignedMemory> Landing(size_t bytes, size_t output);

 private:
  const uint64_t seed_;
  std::map<std::pair<ElementType, size_t>, std::shared_ptr<AlignedMemory>> values_;
  std::map<size_t, std::shared_ptr<AlignedMemory>> landings_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_HOST_DATA_H_
