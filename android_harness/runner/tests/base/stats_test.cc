#include "base/stats.h"

#include <cmath>

#include <algorithm>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "json/json.h"
#include "support/check.h"

namespace syncnas {
namespace {

// Values that were computed apart from this code, and that lut/statistics.py is held to as well.
Json Computed() {
  constexpr size_t kMostBytes = 1 << 20;
  return Json::Parse(ReadFile(InFolder(SYNCNAS_TEST_DATA, "median_errors.json"), kMostBytes));
}

const Json& At(const Json& object, const char* name) { return REQUIRED(object.Find(name)); }

bool AreClose(double value, double expected) { return std::fabs(value - expected) <= 1e-11 * std::fabs(expected); }

std::vector<double> NumbersOf(const Json& array) {
  std::vector<double> numbers;
  for (const Json& element : array.elements()) {
    numbers.push_back(element.number());
  }
  return numbers;
}

TEST(RanksOfMediansAreTheOnesThatWereComputedExactly) {
  const Json computed = Computed();
  CHECK(At(computed, "ranks").elements().size() > 70);
  for (const Json& entry : At(computed, "ranks").elements()) {
    const MedianRanks ranks = RanksOfMedian(static_cast<size_t>(At(entry, "n").number()));
    CHECK_EQUAL(static_cast<double>(ranks.rank), At(entry, "rank").number());
    CHECK(AreClose(ranks.distance, At(entry, "distance").number()));
  }
}

TEST(MediansAndTheirErrorsAreTheOnesThatWereComputedExactly) {
  const Json computed = Computed();
  CHECK(At(computed, "medians").elements().size() > 20);
  for (const Json& entry : At(computed, "medians").elements()) {
    const std::vector<double> values = NumbersOf(At(entry, "values"));
    CHECK(AreClose(MedianOf(values), At(entry, "median").number()));
    const std::optional<double> error = ErrorOfMedian(values);
    CHECK_EQUAL(error.has_value(), At(entry, "error").type() == Json::Type::kNumber);
    CHECK(!error || AreClose(*error, At(entry, "error").number()));
  }
}

TEST(MediansOfSamples) {
  CHECK_EQUAL(MedianOf(std::vector<int64_t>{3}), 3.0);
  CHECK_EQUAL(MedianOf(std::vector<int64_t>{6, 1, 5, 2, 4, 3}), 3.5);
  CHECK_EQUAL(MedianOf(std::vector<int64_t>{7, 6, 1, 5, 2, 4, 3}), 4.0);
}

TEST(ErrorsOfMediansCoverTheMedian) {
  // Of 4000 experiments 92 to 97 % have the true median within 1.96 standard errors; by chance 0.4 % more or less.
  Random random(3);
  for (const int visits : {8, 20, 50}) {
    int covered = 0;
    for (int experiment = 0; experiment < 4000; ++experiment) {
      std::vector<double> values;
      for (int i = 0; i < visits; ++i) {
        double sum = 0;
        for (int part = 0; part < 4; ++part) {
          sum += static_cast<double>(random.Between(-1000, 1000));
        }
        values.push_back(std::exp(sum / 8000));  // skewed, median 1
      }
      covered += std::fabs(MedianOf(values) - 1) <= 1.96 * ErrorOfMedian(values).value_or(0) ? 1 : 0;
    }
    CHECK(covered >= 3680 && covered <= 3880);
  }
}

TEST(SettlingTakesTwoVisitsAndATarget) {
  CHECK(!IsSettled({}, 0.5));
  CHECK(!IsSettled({100}, 0.5));
  CHECK(IsSettled({100, 100}, 0.01));
  CHECK(!IsSettled({100, 100}, 0));
  CHECK(!IsSettled({0, 0}, 0.5));
}

TEST(SettlingIsAMatterOfStandardErrors) {
  std::vector<double> values{96, 97, 98, 99, 100, 101, 102, 103, 104, 105};
  const double reach = 1.96 * ErrorOfMedian(values).value_or(0) / 100.5;
  CHECK(IsSettled(values, 1.001 * reach));
  CHECK(!IsSettled(values, 0.999 * reach));
  std::reverse(values.begin(), values.end());
  CHECK(IsSettled(values, 1.001 * reach));
}

}  // namespace
}  // namespace syncnas
