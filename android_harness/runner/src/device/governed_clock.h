#ifndef SYNCNAS_RUNNER_DEVICE_GOVERNED_CLOCK_H_
#define SYNCNAS_RUNNER_DEVICE_GOVERNED_CLOCK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace syncnas {

// The clocks of cores whose governor follows the load, as on phones: they rise for some milliseconds when a core gets
// to work. Cores whose clock is fixed, or cannot be read, are none of it.
class GovernedClock {
 public:
  // Between two looks that are compared: a step of schedutil and of interactive takes up to 4 ms, and their measure of
  // the load forgets half within 32 ms.
  static constexpr int64_t kStepNs = 5'000'000;
  static constexpr double kTolerance = 0.02;

  explicit GovernedClock(const std::vector<int>& cores, std::string system_folder = "/sys");

  // Whether there is no such core, all are at their caps, above which no governor goes, or their clocks are where they
  // were a step ago; else false as long as only one look was taken.
  bool IsSteady(int64_t now_ns);

  [[nodiscard]] bool HasCores() const { return !cores_.empty(); }

 private:
  [[nodiscard]] std::vector<std::optional<int64_t>> Look() const;
  [[nodiscard]] bool AreAtTheirCaps() const;

  std::vector<int> cores_;
  std::string system_folder_;
  // Of the latest look; empty before the first.
  std::vector<std::optional<int64_t>> khz_;
  int64_t looked_ns_ = 0;
  bool is_steady_ = false;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_GOVERNED_CLOCK_H_
