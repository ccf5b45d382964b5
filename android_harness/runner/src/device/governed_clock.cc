#include "device/governed_clock.h"

#include <cmath>
#include <utility>

#include "device/device_state.h"

namespace syncnas {

GovernedClock::GovernedClock(const std::vector<int>& cores, std::string system_folder)
    : system_folder_(std::move(system_folder)) {
  for (const int core : cores) {
    if (IsGoverned(core, system_folder_)) {
      cores_.push_back(core);
    }
  }
}

bool GovernedClock::IsSteady(int64_t now_ns) {
  if (cores_.empty()) {
    return true;
  }
  if (!khz_.empty() && now_ns - looked_ns_ < kStepNs) {
    return is_steady_;
  }
  const std::vector<std::optional<int64_t>> before = std::exchange(khz_, Look());
  looked_ns_ = now_ns;
  if (AreAtTheirCaps()) {
    is_steady_ = true;
    return true;
  }
  is_steady_ = !before.empty();
  for (size_t i = 0; i < before.size(); ++i) {
    if (before[i] && khz_[i]) {
      const auto was = static_cast<double>(*before[i]);
      is_steady_ = is_steady_ && std::abs(static_cast<double>(*khz_[i]) - was) <= kTolerance * was;
    }
  }
  return is_steady_;
}

bool GovernedClock::AreAtTheirCaps() const {
  for (size_t i = 0; i < cores_.size(); ++i) {
    const std::optional<int64_t> cap = CoreClockCapKhz(cores_[i], system_folder_);
    if (!cap || !khz_[i] || static_cast<double>(*khz_[i]) < (1 - kTolerance) * static_cast<double>(*cap)) {
      return false;
    }
  }
  return true;
}

std::vector<std::optional<int64_t>> GovernedClock::Look() const {
  std::vector<std::optional<int64_t>> khz;
  khz.reserve(cores_.size());
  for (const int core : cores_) {
    khz.push_back(CoreClockKhz(core, system_folder_));
  }
  return khz;
}

}  // namespace syncnas
