#include "base/stats.h"

#include <cmath>

#include <algorithm>

namespace syncnas {

std::optional<size_t> SamplesBelowMedianInterval(size_t n) {
  constexpr double kMissEachSide = 0.025;
  // In logarithms, because 2^-n is no double for n > 1074.
  const auto count = static_cast<double>(n);
  double log_probability = -count * std::log(2.0);  // of exactly k = 0 samples below the median
  double cumulative = std::exp(log_probability);
  if (cumulative > kMissEachSide) {
    return std::nullopt;
  }
  size_t k = 0;
  while (true) {
    const auto next = static_cast<double>(k + 1);
    log_probability += std::log((count - next + 1) / next);
    cumulative += std::exp(log_probability);
    if (cumulative > kMissEachSide) {
      return k;
    }
    ++k;
  }
}

std::optional<MedianInterval> MedianInterval95(std::vector<int64_t> samples) {
  const size_t n = samples.size();
  const std::optional<size_t> below = SamplesBelowMedianInterval(n);
  if (!below) {
    return std::nullopt;
  }
  std::sort(samples.begin(), samples.end());
  const auto at = [&samples](size_t index) { return static_cast<double>(samples[index]); };
  return MedianInterval{(at((n - 1) / 2) + at(n / 2)) / 2, at(*below), at(n - 1 - *below)};
}

bool IsSettled(const std::vector<int64_t>& samples, double target) {
  if (target <= 0) {
    return false;
  }
  const std::optional<MedianInterval> interval = MedianInterval95(samples);
  if (!interval) {
    return false;
  }
  const double allowed = target * interval->median;
  return interval->median - interval->low < allowed && interval->high - interval->median < allowed;
}

}  // namespace syncnas
