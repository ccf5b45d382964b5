#ifndef SYNCNAS_RUNNER_DEVICE_STATE_H_
#define SYNCNAS_RUNNER_DEVICE_STATE_H_

#include <cstdint>
#include <optional>
#include <string>

namespace syncnas {

// `system_folder` is "/sys" but in tests. Nothing where the system does not say (many phones hide both from a shell).

// The core's present clock in kHz.
std::optional<int64_t> CoreClockKhz(int core, const std::string& system_folder = "/sys");

// The hottest thermal zone, in thousandths of a degree Celsius. Zones that report nonsense (sensors that are switched
// off give values below absolute zero or of thousands of degrees) do not count.
std::optional<int64_t> HottestZoneMilliCelsius(const std::string& system_folder = "/sys");

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_STATE_H_
