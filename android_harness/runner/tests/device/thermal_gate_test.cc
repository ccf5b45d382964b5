#include "device/thermal_gate.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "device/device_state.h"
#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

// A device whose status, caps and temperature a test sets.
class Device {
 public:
  Device() {
    folder_.Write("dumpsys", "#!/bin/sh\necho 'IsStatusOverride: false'\ncat \"${0%/*}/status\"\n");
    chmod((folder_.path() + "/dumpsys").c_str(), 0700);
    SetStatus("Thermal Status: 0");
    SetCap(4, 2'000'000);
    SetCap(5, 2'000'000);
  }

  void SetStatus(const std::string& line) const { folder_.Write("status", line + "\n"); }
  void SetCap(int core, int64_t khz) const {
    folder_.Write("sys/devices/system/cpu/cpu" + std::to_string(core) + "/cpufreq/scaling_max_freq",
                  std::to_string(khz) + "\n");
  }
  void SetTemperature(int64_t milli_celsius) const {
    folder_.Write("sys/class/thermal/thermal_zone0/temp", std::to_string(milli_celsius) + "\n");
  }

  [[nodiscard]] GateSpec spec() const {
    GateSpec spec;
    spec.status = {folder_.path() + "/dumpsys", "thermalservice"};
    spec.slowdown = 0.2;
    spec.system = folder_.path() + "/sys";
    return spec;
  }

  [[nodiscard]] ThermalGate gate() const {
    UnitSpec big;
    big.name = "cpu0";
    big.cores = {4, 5};
    UnitSpec free;
    free.name = "cpu1";
    return {spec(), {big, free}};
  }

 private:
  const test::TemporaryFolder folder_;
};

std::string Fields(const ThermalState& state) {
  JsonLine line;
  state.Report(line);
  return line.Finish();
}

TEST(GateReportsWhatItSees) {
  const Device device;
  device.SetTemperature(41'500);
  ThermalGate gate = device.gate();
  CHECK_CONTAINS(Fields(gate.Look()),
                 R"("temperature_mc":41500,"thermal_status":0,"caps_khz":{"cpu0":[2000000,2000000]},)"
                 R"("slowdown":null,"hot":null)");
}

TEST(GateKnowsNothingWhereTheSystemSaysNothing) {
  GateSpec spec;
  spec.system = "/nowhere";
  UnitSpec unit;
  unit.name = "cpu0";
  unit.cores = {0};
  ThermalGate gate(spec, {unit});
  CHECK_CONTAINS(
      Fields(gate.Check()),
      R"("temperature_mc":null,"thermal_status":null,"caps_khz":{"cpu0":[null]},"slowdown":null,"hot":null)");
}

TEST(GateIsHotAtAStatusAboveNone) {
  const Device device;
  ThermalGate gate = device.gate();
  CHECK(!gate.Check().hot);
  device.SetStatus("Thermal Status: 1");
  CHECK_EQUAL(gate.Check().hot.value_or(""), "thermal status 1 (light)");
  device.SetStatus("Thermal Status: 0");
  CHECK(!gate.Check().hot);
}

TEST(GateDoesNotBelieveAServiceThatTalksNonsense) {
  const Device device;
  ThermalGate gate = device.gate();
  for (const char* line : {"Thermal Status: 9", "Thermal Status: hot", "", "Thermal Status: 12"}) {
    device.SetStatus(line);
    const ThermalState state = gate.Check();
    CHECK(!state.thermal_status && !state.hot);
  }
  CHECK_EQUAL(ThermalStatusIn("a\nThermal Status: 3\nb").value_or(-1), 3);
  CHECK_EQUAL(ThermalStatusIn("Thermal Status: 6").value_or(-1), 6);
  CHECK(!ThermalStatusIn("the Thermal Status: 3"));
}

TEST(GateHoldsCapsAgainstTheHighestSeen) {
  const Device device;
  device.SetCap(4, 1'200'000);
  ThermalGate gate = device.gate();
  // A user may have fixed the clock there: a cap below the core's limit alone is not heat.
  CHECK(!gate.Check().hot);
  device.SetCap(4, 1'500'000);
  CHECK(!gate.Check().hot);
  device.SetCap(4, 1'200'000);
  CHECK_EQUAL(gate.Check().hot.value_or(""), "the clock cap of core 4 fell from 1500000 to 1200000 kHz");
  CHECK(gate.Look().hot.has_value());
  device.SetCap(4, 1'500'000);
  CHECK(!gate.Check().hot);
}

TEST(GateIsHotWhenASentinelSlowsDown) {
  const Device device;
  ThermalGate gate = device.gate();
  gate.NoteSentinel("s", {110, 100, 500});
  gate.NoteSentinel("t", {1000});
  CHECK(!gate.Check().hot);
  gate.NoteSentinel("s", {119, 300});
  CHECK_CONTAINS(Fields(gate.Check()), R"("slowdown":0.1900,"hot":null)");
  gate.NoteSentinel("s", {150, 150});
  gate.NoteSentinel("t", {1100});
  CHECK_EQUAL(gate.Check().hot.value_or(""), "the sentinel s slowed down by 50 %");
  // What was slow then says nothing about now.
  CHECK(!gate.Check().slowdown);
  gate.NoteSentinel("s", {105});
  CHECK(!gate.Check().hot);
}

TEST(GateDoesNotTakeTheFirstVisitOfAHotDeviceForItsPace) {
  const Device device;
  ThermalGate gate = device.gate();
  device.SetStatus("Thermal Status: 3");
  gate.NoteSentinel("s", {200});
  CHECK(gate.Check().hot.has_value());
  device.SetStatus("Thermal Status: 0");
  gate.NoteSentinel("s", {100});
  CHECK(!gate.Check().hot);
  gate.NoteSentinel("s", {130});
  CHECK_EQUAL(gate.Check().hot.value_or(""), "the sentinel s slowed down by 30 %");
}

TEST(GateWithoutALimitForSentinelsOnlyTellsTheirPace) {
  const Device device;
  GateSpec spec = device.spec();
  spec.slowdown = 0;
  ThermalGate gate(spec, {});
  gate.NoteSentinel("s", {100});
  gate.NoteSentinel("s", {1000});
  const ThermalState state = gate.Check();
  CHECK(!state.hot);
  CHECK_EQUAL(state.slowdown.value_or(0), 9.0);
}

}  // namespace
}  // namespace syncnas
