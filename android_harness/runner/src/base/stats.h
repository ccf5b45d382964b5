#ifndef SYNCNAS_RUNNER_BASE_STATS_H_
#define SYNCNAS_RUNNER_BASE_STATS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace syncnas {

// Which of n values from either end tell the error of their median, and how many of its standard errors these are
// counted as.
struct MedianRanks {
  size_t rank = 0;
  double distance = 0;
};

// For two values or more. The rank is (n + 1)/2 - sqrt(n), rounded with halves up, and 1 at least; the distance is what
// a standard normal variable exceeds as often as fewer than `rank` of n values lie below the median.
MedianRanks RanksOfMedian(size_t n);

// The median of at least one value. Both take copies because they sort.
double MedianOf(std::vector<double> values);
double MedianOf(const std::vector<int64_t>& values);

// The standard error of the median of independent values; nothing of fewer than two. Distribution-free: half the
// distance between two order statistics, in units of how many standard errors they are from the median (Price and
// Bonett, Estimating the variance of the sample median, J. Statist. Comput. Simul. 68, 2001). lut/statistics.py
// computes the same.
std::optional<double> ErrorOfMedian(std::vector<double> values);

// Returns whether the median of visits' medians is known to within `target` of it with a probability of about 95 %:
// 1.96 standard errors. Never for a target of 0, nor of fewer than two visits.
bool IsSettled(const std::vector<double>& visit_medians, double target);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_STATS_H_
