#include "base/stats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <vector>

#include "base/random.h"
#include "base/tensor.h"
#include "support/check.h"

namespace syncnas {
namespace {

TEST(MedianIntervalRanksAreTheTextbookOnes) {
  // Ranks of the two-sided 95 % sign-test interval, as tabulated: the r-th smallest to the r-th largest; here r - 1.
  CHECK(!SamplesBelowMedianInterval(0));
  CHECK(!SamplesBelowMedianInterval(1));
  CHECK(!SamplesBelowMedianInterval(5));
  CHECK_EQUAL(*SamplesBelowMedianInterval(6), 0U);
  CHECK_EQUAL(*SamplesBelowMedianInterval(8), 0U);
  CHECK_EQUAL(*SamplesBelowMedianInterval(9), 1U);
  CHECK_EQUAL(*SamplesBelowMedianInterval(10), 1U);
  CHECK_EQUAL(*SamplesBelowMedianInterval(12), 2U);
  CHECK_EQUAL(*SamplesBelowMedianInterval(20), 5U);
  CHECK_EQUAL(*SamplesBelowMedianInterval(30), 9U);
  CHECK_EQUAL(*SamplesBelowMedianInterval(50), 17U);
  CHECK_EQUAL(*SamplesBelowMedianInterval(100), 39U);
}

TEST(MedianIntervalRanksHoldForManySamples) {
  for (const size_t n : {2000U, 100'000U, 2'000'000U}) {
    const auto count = static_cast<double>(n);
    const double normal = count / 2 - 1.959964 * std::sqrt(count) / 2;
    CHECK(std::fabs(static_cast<double>(*SamplesBelowMedianInterval(n)) - normal) < 2);
  }
}

TEST(MedianIntervalCoversTheMedian) {
  // 95 % and a little more, because ranks are whole: of 2000 experiments at least 94 % must cover the true median.
  Random random(3);
  int covered = 0;
  for (int experiment = 0; experiment < 2000; ++experiment) {
    std::vector<int64_t> samples;
    for (int i = 0; i < 25; ++i) {
      const int64_t x = random.Between(-1000, 1000);
      samples.push_back(x * x * x);  // skewed in size, median 0
    }
    const MedianInterval interval = *MedianInterval95(samples);
    covered += interval.low <= 0 && interval.high >= 0 ? 1 : 0;
  }
  CHECK(covered >= 1880);
}

TEST(MedianAndSettling) {
  CHECK_EQUAL(MedianInterval95({6, 1, 5, 2, 4, 3})->median, 3.5);
  CHECK_EQUAL(MedianInterval95({7, 6, 1, 5, 2, 4, 3})->median, 4.0);
  CHECK_EQUAL(MedianInterval95({7, 6, 1, 5, 2, 4, 3})->low, 1.0);
  CHECK_EQUAL(MedianInterval95({7, 6, 1, 5, 2, 4, 3})->high, 7.0);
  const MedianInterval of_twelve = *MedianInterval95({12, 1, 11, 2, 10, 3, 9, 4, 8, 5, 7, 6});
  CHECK_EQUAL(of_twelve.low, 3.0);
  CHECK_EQUAL(of_twelve.high, 10.0);
  CHECK(IsSettled({100, 100, 100, 100, 100, 101}, 0.02));
  CHECK(!IsSettled({100, 100, 100, 100, 100, 103}, 0.02));
  CHECK(!IsSettled({97, 100, 100, 100, 100, 100}, 0.02));
  CHECK(!IsSettled({100, 100, 100, 100, 100}, 0.5));
  CHECK(!IsSettled({100, 100, 100, 100, 100, 100}, 0));
}

TEST(RandomIsTheSameEverywhere) {
  // The published first outputs of SplitMix64 for the seed 1234567.
  Random random(1234567);
  CHECK_EQUAL(random.Next(), 6457827717110365317U);
  CHECK_EQUAL(random.Next(), 3203168211198807973U);
  CHECK_EQUAL(random.Next(), 9817491932198370423U);
}

TEST(RandomStaysInItsRange) {
  Random random(1);
  std::set<int64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const int64_t drawn = random.Between(-3, 3);
    CHECK(drawn >= -3 && drawn <= 3);
    seen.insert(drawn);
  }
  CHECK_EQUAL(seen.size(), 7U);
  CHECK_EQUAL(random.Between(5, 5), 5);
  random.Between(INT64_MIN, INT64_MAX);
}

TEST(ShufflingIsDeterministicAndChangesByRound) {
  const std::vector<size_t> order = ShuffledOrder(8, 7, 0);
  // Computed apart from this code, by a few lines of Python with arbitrary precision.
  const std::vector<size_t> golden = {5, 1, 6, 0, 2, 3, 7, 4};
  CHECK(order == golden);
  CHECK(order == ShuffledOrder(8, 7, 0));
  CHECK(order != ShuffledOrder(8, 7, 1));
  CHECK(order != ShuffledOrder(8, 8, 0));
  std::vector<size_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  CHECK_EQUAL(sorted[7], 7U);
  CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  CHECK(ShuffledOrder(0, 1, 1).empty());
}

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
