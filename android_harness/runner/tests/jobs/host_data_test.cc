#include "jobs/host_data.h"

#include <cstring>

#include "support/check.h"

namespace syncnas {
namespace {

TensorType Floats(int64_t elements) { return {ElementType::kFloat32, {1, elements}}; }

TEST(SmallInputsAreTheBeginningOfLargeOnes) {
  HostData host(3);
  const std::shared_ptr<const AlignedMemory> small = host.Values(Floats(10), 0);
  const std::shared_ptr<const AlignedMemory> large = host.Values(Floats(1000), 0);
  CHECK_EQUAL(std::memcmp(small->data(), large->data(), 40), 0);
  CHECK(small != large);
  // Who was given the small one goes on with it, others share the large one.
  CHECK_EQUAL(small->bytes(), 40U);
  CHECK(host.Values(Floats(10), 0) == large);
  HostData again(3);
  CHECK_EQUAL(std::memcmp(again.Values(Floats(1000), 0)->data(), large->data(), 4000), 0);
}

TEST(InputsOfAModelDiffer) {
  HostData host(3);
  CHECK(std::memcmp(host.Values(Floats(100), 0)->data(), host.Values(Floats(100), 1)->data(), 400) != 0);
  CHECK(host.Values({ElementType::kInt8, {100}}, 0) != host.Values(Floats(100), 0));
}

TEST(LandingsGrow) {
  HostData host(3);
  const std::shared_ptr<AlignedMemory> first = host.Landing(100, 0);
  CHECK(host.Landing(50, 0) == first);
  CHECK(host.Landing(100, 1) != first);
  CHECK(host.Landing(200, 0)->bytes() >= 200U);
}

}  // namespace
}  // namespace syncnas
