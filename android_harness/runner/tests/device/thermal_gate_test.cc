#include "device/thermal_gate.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/clock.h"
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
                 R"("new_caps":[],"changed":[],"slowdown":null,"hot":null)");
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
      R"("temperature_mc":null,"thermal_status":null,"caps_khz":{"cpu0":[null]},"new_caps":[],"changed":[],"slowdown":null,"hot":null)");
}

TEST(GateIsHotAtTheStatusThatItIsGiven) {
  const Device device;
  ThermalGate gate = device.gate();
  CHECK(!gate.Check().hot);
  // Phones that charge are there for hours, and nothing is slower for it.
  device.SetStatus("Thermal Status: 1");
  const ThermalState light = gate.Check();
  CHECK_EQUAL(light.thermal_status.value_or(-1), 1);
  CHECK(!light.hot);
  device.SetStatus("Thermal Status: 2");
  CHECK_EQUAL(gate.Check().hot.value_or(""), "thermal status 2 (moderate)");
  device.SetStatus("Thermal Status: 0");
  CHECK(!gate.Check().hot);
  GateSpec spec = device.spec();
  spec.hot_at = 1;
  device.SetStatus("Thermal Status: 1");
  CHECK_EQUAL(ThermalGate(spec, {}).Check().hot.value_or(""), "thermal status 1 (light)");
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

TEST(GateTakesACapThatStaysWithoutHeatForTheDevicesOwn) {
  const Device device;
  GateSpec spec = device.spec();
  spec.settle_s = 0.02;
  UnitSpec big;
  big.name = "cpu0";
  big.cores = {4};
  ThermalGate gate(spec, {big});
  gate.NoteSentinel("s", {100});
  CHECK(!gate.Check().hot);
  device.SetCap(4, 1'500'000);
  CHECK(gate.Look().hot.has_value());
  // It still moves: the wait begins anew.
  SleepNs(30'000'000);
  device.SetCap(4, 1'400'000);
  CHECK(gate.Look().hot.has_value());
  // Heat may lower caps as well; while there is any, none of them is the device's own.
  device.SetStatus("Thermal Status: 1");
  SleepNs(30'000'000);
  CHECK(gate.Look().hot.has_value());
  device.SetStatus("Thermal Status: 0");
  SleepNs(30'000'000);
  CHECK_CONTAINS(Fields(gate.Look()), R"("new_caps":[{"core":4,"from_khz":2000000,"to_khz":1400000}])");
  // Sentinels are held against what they take at the new clock.
  gate.NoteSentinel("s", {200});
  const ThermalState later = gate.Check();
  CHECK(!later.hot);
  CHECK(later.new_caps.empty());
  device.SetCap(4, 1'300'000);
  CHECK_EQUAL(gate.Check().hot.value_or(""), "the clock cap of core 4 fell from 1400000 to 1300000 kHz");
}

TEST(GateDoesNotKnowThatACapIsNoHeatWhereNoServiceSaysSo) {
  const Device device;
  GateSpec spec = device.spec();
  spec.status.clear();
  spec.settle_s = 0.01;
  UnitSpec big;
  big.name = "cpu0";
  big.cores = {4};
  ThermalGate gate(spec, {big});
  CHECK(!gate.Check().hot);
  device.SetCap(4, 1'500'000);
  CHECK(gate.Look().hot.has_value());
  SleepNs(20'000'000);
  CHECK(gate.Look().hot.has_value());
}

TEST(GateTellsWhichSettingsAreNotWhatTheyWereMade) {
  const Device device;
  const test::TemporaryFolder folder;
  folder.Write("gpu_max", "740\n");
  folder.Write("held", folder.path() + "/gpu_max 740\n" + folder.path() + "/gone 5\n");
  GateSpec spec = device.spec();
  spec.held = folder.path() + "/held";
  ThermalGate gate(spec, {});
  CHECK_CONTAINS(Fields(gate.Check()), R"(/gone","wanted":5,"found":null}],"slowdown")");
  folder.Write("gone", "5");
  CHECK(gate.Check().changed.empty());
  folder.Write("gpu_max", "587\n");
  CHECK_CONTAINS(Fields(gate.Check()), R"(/gpu_max","wanted":740,"found":587}],"slowdown")");
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
