#include "device/device_state.h"

#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

TEST(ClocksAndTemperaturesAreRead) {
  const test::TemporaryFolder sys;
  sys.Write("devices/system/cpu/cpu3/cpufreq/scaling_cur_freq", "1804800\n");
  sys.Write("class/thermal/thermal_zone0/temp", "41000\n");
  sys.Write("class/thermal/thermal_zone1/temp", "43500\n");
  sys.Write("class/thermal/thermal_zone2/temp", "-274000\n");
  sys.Write("class/thermal/thermal_zone3/temp", "2147483647\n");
  sys.Write("class/thermal/thermal_zone4/temp", "off\n");
  sys.Write("class/thermal/cooling_device0/temp", "99000\n");
  CHECK_EQUAL(CoreClockKhz(3, sys.path()).value_or(-1), 1804800);
  CHECK(!CoreClockKhz(4, sys.path()));
  CHECK_EQUAL(HottestZoneMilliCelsius(sys.path()).value_or(-1), 43500);
  CHECK(!HottestZoneMilliCelsius(sys.path() + "/nowhere"));
}

}  // namespace
}  // namespace syncnas
