#ifndef SYNCNAS_RUNNER_BASE_STATS_H_
#define SYNCNAS_RUNNER_BASE_STATS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace syncnas {

struct MedianInterval {
  double median = 0;
  double low = 0;
  double high = 0;
};

// Returns how many samples lie below the lower end of the 95 % confidence interval of the median of n samples, or
// nothing where n is too small for any (below 6). Distribution-free: the number of samples below the median is
// binomial(n, 1/2), so the interval reaches from the r-th smallest to the r-th largest, with the largest r for which
// each end misses the median with at most 2.5 %.
std::optional<size_t> SamplesBelowMedianInterval(size_t n);

// Nothing where there are too few samples. Takes a copy because it sorts.
std::optional<MedianInterval> MedianInterval95(std::vector<int64_t> samples);

// Returns whether the interval is narrower than `target` times the median on either side. Never for a target of 0.
bool IsSettled(const std::vector<int64_t>& samples, double target);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_STATS_H_
