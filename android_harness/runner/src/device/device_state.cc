#include "device/device_state.h"

#include <dirent.h>

#include <cerrno>
#include <cstdlib>

#include <algorithm>
#include <array>
#include <memory>

#include "base/failure.h"
#include "base/files.h"

namespace syncnas {

namespace {

constexpr size_t kMostBytes = 4096;
constexpr int64_t kColdestMilliCelsius = -60'000;
constexpr int64_t kHottestMilliCelsius = 200'000;
constexpr std::array<std::string_view, 3> kFixedGovernors = {"performance", "powersave", "userspace"};
// In the order in which Android 10 and later number them.
constexpr std::array kThermalStatuses = {"none", "light", "moderate", "severe", "critical", "emergency", "shutdown"};

std::string CoreFile(int core, const char* name, const std::string& system_folder) {
  return system_folder + "/devices/system/cpu/cpu" + std::to_string(core) + "/cpufreq/" + name;
}

}  // namespace

std::optional<int64_t> NumberIn(const std::string& path) {
  std::string text;
  try {
    text = ReadFile({path, path}, kMostBytes);
  } catch (const Failure&) {
    return std::nullopt;
  }
  errno = 0;
  char* end = nullptr;
  const long long number = std::strtoll(text.c_str(), &end, 10);
  if (end == text.c_str() || errno != 0) {
    return std::nullopt;
  }
  return number;
}

std::optional<int64_t> CoreClockKhz(int core, const std::string& system_folder) {
  return NumberIn(CoreFile(core, "scaling_cur_freq", system_folder));
}

bool IsGoverned(int core, const std::string& system_folder) {
  std::string governor;
  try {
    const std::string path = CoreFile(core, "scaling_governor", system_folder);
    governor = ReadFile({path, path}, kMostBytes);
  } catch (const Failure&) {
    return false;
  }
  while (!governor.empty() && governor.back() == '\n') {
    governor.pop_back();
  }
  const bool is_fixed =
      std::find(kFixedGovernors.begin(), kFixedGovernors.end(), governor) != kFixedGovernors.end();
  return !is_fixed && CoreClockKhz(core, system_folder).has_value();
}

std::optional<int64_t> CoreClockCapKhz(int core, const std::string& system_folder) {
  return NumberIn(CoreFile(core, "scaling_max_freq", system_folder));
}

std::optional<int64_t> HottestZoneMilliCelsius(const std::string& system_folder) {
  const std::string zones = system_folder + "/class/thermal";
  const auto close_folder = [](DIR* folder) { closedir(folder); };
  const std::unique_ptr<DIR, decltype(close_folder)> folder(opendir(zones.c_str()), close_folder);
  std::optional<int64_t> hottest;
  if (folder == nullptr) {
    return hottest;
  }
  while (const dirent* entry = readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe): the folder is ours alone
    const std::string name = entry->d_name;
    if (name.rfind("thermal_zone", 0) != 0) {
      continue;
    }
    const std::optional<int64_t> zone = NumberIn(InFolder(zones, name + "/temp").full);
    if (zone && *zone >= kColdestMilliCelsius && *zone <= kHottestMilliCelsius) {
      hottest = std::max(hottest.value_or(*zone), *zone);
    }
  }
  return hottest;
}

std::optional<int64_t> ThermalStatusIn(std::string_view dump) {
  constexpr std::string_view kLabel = "Thermal Status: ";
  size_t at = 0;
  while (at < dump.size()) {
    const size_t end = std::min(dump.find('\n', at), dump.size());
    const std::string_view line = dump.substr(at, end - at);
    at = end + 1;
    if (line.size() == kLabel.size() + 1 && line.substr(0, kLabel.size()) == kLabel) {
      const int64_t status = line.back() - '0';
      if (status >= 0 && status < static_cast<int64_t>(kThermalStatuses.size())) {
        return status;
      }
    }
  }
  return std::nullopt;
}

const char* ThermalStatusName(int64_t status) { return kThermalStatuses.at(static_cast<size_t>(status)); }

}  // namespace syncnas
