#include "base/tensor.h"

#include <cmath>
#include <set>
#include <vector>

#include "base/random.h"
#include "support/check.h"

namespace syncnas {
namespace {

TEST(RandomTensorsArePlain) {
  Random random(2);
  std::vector<float> floats(10'000);
  FillRandom({ElementType::kFloat32, {100, 100}}, random, floats.data());
  double sum = 0;
  for (const float value : floats) {
    CHECK(value >= -1 && value <= 1 && (value == 0 || std::isnormal(value)));
    sum += static_cast<double>(value);
  }
  CHECK(std::fabs(sum / 10'000) < 0.05);
  std::vector<uint16_t> halves(1000);
  FillRandom({ElementType::kFloat16, {1000}}, random, halves.data());
  std::set<uint16_t> distinct(halves.begin(), halves.end());
  CHECK(distinct.size() > 300);
  for (const uint16_t half : halves) {
    const int exponent = (half >> 10) & 0x1F;
    CHECK(exponent <= 15 && (exponent >= 5 || (half & 0x7FFF) == 0));
    CHECK(exponent < 15 || (half & 0x3FF) == 0);
  }
}

}  // namespace
}  // namespace syncnas
