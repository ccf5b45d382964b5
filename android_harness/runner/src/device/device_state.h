#ifndef SYNCNAS_RUNNER_DEVICE_DEVICE_STATE_H_
#define SYNCNAS_RUNNER_DEVICE_DEVICE_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncnas {

// `system_folder` is "/sys" but in tests. Nothing where the system does not say (many phones hide both from a shell).

// The whole number that a file of the system begins with.
std::optional<int64_t> NumberIn(const std::string& path);

// The core's present clock in kHz.
std::optional<int64_t> CoreClockKhz(int core, const std::string& system_folder = "/sys");

// Whether the core's clock can be read and follows its load; false where it is fixed ("performance", "powersave",
// "userspace").
bool IsGoverned(int core, const std::string& system_folder = "/sys");

// The highest clock in kHz that the core may take just now: thermal drivers lower it when it gets hot.
std::optional<int64_t> CoreClockCapKhz(int core, const std::string& system_folder = "/sys");

// The hottest thermal zone, in thousandths of a degree Celsius. Zones that report nonsense (sensors that are switched
// off give values below absolute zero or of thousands of degrees) do not count.
std::optional<int64_t> HottestZoneMilliCelsius(const std::string& system_folder = "/sys");

// Android's thermal status, 0 (none) to 6 (shutdown), from what `dumpsys thermalservice` prints. Nothing where it has
// no such line, as where the service refuses to be asked.
std::optional<int64_t> ThermalStatusIn(std::string_view dump);

// "moderate" for 2.
const char* ThermalStatusName(int64_t status);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_DEVICE_STATE_H_
