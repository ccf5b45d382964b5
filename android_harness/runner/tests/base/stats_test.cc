#include "base/stats.h"

#include <cmath>
#include <vector>

#include "base/random.h"
#include "support/check.h"

namespace syncnas {
namespace {

TEST(MedianIntervalRanksAreTheTextbookOnes) {
  // Ranks of the two-sided 95 % sign-test interval, as tabulated: the r-th smallest to the r-th largest; here r - 1.
  CHECK(!SamplesBelowMedianInterval(0));
  CHECK(!SamplesBelowMedianInterval(1));
  CHECK(!SamplesBelowMedianInterval(5));
  CHECK_EQUAL(SamplesBelowMedianInterval(6).value(), 0U);
  CHECK_EQUAL(SamplesBelowMedianInterval(8).value(), 0U);
  CHECK_EQUAL(SamplesBelowMedianInterval(9).value(), 1U);
  CHECK_EQUAL(SamplesBelowMedianInterval(10).value(), 1U);
  CHECK_EQUAL(SamplesBelowMedianInterval(12).value(), 2U);
  CHECK_EQUAL(SamplesBelowMedianInterval(20).value(), 5U);
  CHECK_EQUAL(SamplesBelowMedianInterval(30).value(), 9U);
  CHECK_EQUAL(SamplesBelowMedianInterval(50).value(), 17U);
  CHECK_EQUAL(SamplesBelowMedianInterval(100).value(), 39U);
}

TEST(MedianIntervalRanksHoldForManySamples) {
  for (const size_t n : {2000U, 100'000U, 2'000'000U}) {
    const auto count = static_cast<double>(n);
    const double normal = count / 2 - 1.959964 * std::sqrt(count) / 2;
    CHECK(std::fabs(static_cast<double>(SamplesBelowMedianInterval(n).value()) - normal) < 2);
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
    const MedianInterval interval = MedianInterval95(samples).value();
    covered += interval.low <= 0 && interval.high >= 0 ? 1 : 0;
  }
  CHECK(covered >= 1880);
}

TEST(MedianAndSettling) {
  CHECK_EQUAL(MedianInterval95({6, 1, 5, 2, 4, 3}).value().median, 3.5);
  CHECK_EQUAL(MedianInterval95({7, 6, 1, 5, 2, 4, 3}).value().median, 4.0);
  CHECK_EQUAL(MedianInterval95({7, 6, 1, 5, 2, 4, 3}).value().low, 1.0);
  CHECK_EQUAL(MedianInterval95({7, 6, 1, 5, 2, 4, 3}).value().high, 7.0);
  const MedianInterval of_twelve = MedianInterval95({12, 1, 11, 2, 10, 3, 9, 4, 8, 5, 7, 6}).value();
  CHECK_EQUAL(of_twelve.low, 3.0);
  CHECK_EQUAL(of_twelve.high, 10.0);
  CHECK(IsSettled({100, 100, 100, 100, 100, 101}, 0.02));
  CHECK(!IsSettled({100, 100, 100, 100, 100, 103}, 0.02));
  CHECK(!IsSettled({97, 100, 100, 100, 100, 100}, 0.02));
  CHECK(!IsSettled({100, 100, 100, 100, 100}, 0.5));
  CHECK(!IsSettled({100, 100, 100, 100, 100, 100}, 0));
}

}  // namespace
}  // namespace syncnas
