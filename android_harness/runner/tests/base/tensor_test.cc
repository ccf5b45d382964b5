#include "base/tensor.h"

#include <cmath>
#include <set>
#include <string>
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

TEST(RandomWholeNumbersAreSmallAndTruthValuesAreTwo) {
  const auto values = [](ElementType element, auto zero) {
    Random random(3);
    std::vector<decltype(zero)> all(1000);
    FillRandom({element, {1000}}, random, all.data());
    return std::set<int64_t>(all.begin(), all.end());
  };
  CHECK_EQUAL(values(ElementType::kInt32, int32_t{}).size(), 8U);
  CHECK_EQUAL(*values(ElementType::kInt64, int64_t{}).rbegin(), 7);
  CHECK_EQUAL(values(ElementType::kBool, uint8_t{}).size(), 2U);
  CHECK(*values(ElementType::kInt16, int16_t{}).begin() < -20'000);
  CHECK(values(ElementType::kInt8, int8_t{}).size() > 200);
}

TEST(ElementTypesAreNumberedNamedAndSized) {
  std::set<std::string> names;
  for (const ElementType element : kElementTypes) {
    CHECK(ElementOf(static_cast<int32_t>(element)) == element);
    CHECK(names.insert(Name(element)).second);
    const size_t bytes = BytesOf(element);
    CHECK_EQUAL(TensorType({element, {3, 5}}).Bytes(), 15 * bytes);
    CHECK_EQUAL(TensorType({element, {}}).Bytes(), bytes);
  }
  CHECK_FAILS(ElementOf(5), "the runtime's type 5");
}

}  // namespace
}  // namespace syncnas
