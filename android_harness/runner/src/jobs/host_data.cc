#include "jobs/host_data.h"

#include "base/random.h"

namespace syncnas {

std::shared_ptr<const AlignedMemory> HostData::Values(const TensorType& type, size_t input) {
  std::shared_ptr<AlignedMemory>& values = values_[{type.element, input}];
  if (values == nullptr || values->bytes() < type.Bytes()) {
    // A new one: a job that is kept goes on with what it was given.
    auto grown = std::make_shared<AlignedMemory>(type.Bytes());
    Random random(seed_ + input);
    FillRandom(type, random, grown->data());
    values = std::move(grown);
  }
  return values;
}

std::shared_ptr<AlignedMemory> HostData::Landing(size_t bytes, size_t output) {
  std::shared_ptr<AlignedMemory>& landing = landings_[output];
  if (landing == nullptr || landing->bytes() < bytes) {
    landing = std::make_shared<AlignedMemory>(bytes);
  }
  return landing;
}

}  // namespace syncnas
