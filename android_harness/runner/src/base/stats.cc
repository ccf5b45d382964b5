#include "base/stats.h"

#include <cmath>

#include <algorithm>

namespace syncnas {

namespace {

// Returns the probability that fewer than `rank` of n values lie below their median: a sum of binomial coefficients
// times 2^-n. Those of more than 1000 values are no doubles, so they are brought down on the way.
double ProbabilityBelow(size_t n, size_t rank) {
  constexpr int kStep = 500;
  double term = 1;  // C(n, i) and the sum of them, both times 2^-scaled
  double sum = 1;
  int scaled = 0;
  for (size_t i = 0; i + 1 < rank; ++i) {
    term *= static_cast<double>(n - i) / static_cast<double>(i + 1);
    sum += term;
    if (term > std::ldexp(1.0, kStep)) {
      term = std::ldexp(term, -kStep);
      sum = std::ldexp(sum, -kStep);
      scaled += kStep;
    }
  }
  return std::ldexp(sum, scaled - static_cast<int>(n));
}

// Returns what a standard normal variable exceeds with a probability in (0, 1/2]. The probability is convex above 0, so
// that Newton's method from there goes up to the solution and never past it.
double NormalQuantileAbove(double probability) {
  constexpr int kMostSteps = 100;
  const double root_half = std::sqrt(0.5);
  const double root_two_pi = std::sqrt(2 * std::acos(-1.0));
  double z = 0;
  for (int i = 0; i < kMostSteps; ++i) {
    const double excess = std::erfc(z * root_half) / 2 - probability;
    const double step = excess * root_two_pi * std::exp(z * z / 2);
    z += step;
    if (std::fabs(step) <= 1e-15 * z) {
      break;
    }
  }
  return z;
}

double MedianOfSorted(const std::vector<double>& values) {
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

// Of at least two ascending values.
double ErrorOfSorted(const std::vector<double>& values) {
  const MedianRanks ranks = RanksOfMedian(values.size());
  return (values[values.size() - ranks.rank] - values[ranks.rank - 1]) / (2 * ranks.distance);
}

}  // namespace

MedianRanks RanksOfMedian(size_t n) {
  const auto count = static_cast<double>(n);
  // Exact: the root of a square is, and every other is further from a half than doubles are apart.
  const double rank = std::max(std::floor((count + 2) / 2 - std::sqrt(count)), 1.0);
  MedianRanks ranks;
  ranks.rank = static_cast<size_t>(rank);
  ranks.distance = NormalQuantileAbove(ProbabilityBelow(n, ranks.rank));
  return ranks;
}

double MedianOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return MedianOfSorted(values);
}

double MedianOf(const std::vector<int64_t>& values) {
  return MedianOf(std::vector<double>(values.begin(), values.end()));
}

std::optional<double> ErrorOfMedian(std::vector<double> values) {
  if (values.size() < 2) {
    return std::nullopt;
  }
  std::sort(values.begin(), values.end());
  return ErrorOfSorted(values);
}

bool IsSettled(const std::vector<double>& visit_medians, double target) {
  constexpr double kZ95 = 1.96;
  if (target <= 0 || visit_medians.size() < 2) {
    return false;
  }
  std::vector<double> sorted = visit_medians;
  std::sort(sorted.begin(), sorted.end());
  return kZ95 * ErrorOfSorted(sorted) < target * MedianOfSorted(sorted);
}

}  // namespace syncnas
