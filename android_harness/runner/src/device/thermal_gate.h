#ifndef SYNCNAS_RUNNER_DEVICE_THERMAL_GATE_H_
#define SYNCNAS_RUNNER_DEVICE_THERMAL_GATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "json/json_line.h"
#include "protocol/phase.h"

namespace syncnas {

// The result of one look at the device. Its parts hold nothing where the system does not say.
struct ThermalState {
  struct UnitCaps {
    std::string unit;
    // One per core of the unit.
    std::vector<std::optional<int64_t>> khz;
  };

  int64_t t_ns = 0;
  std::optional<int64_t> temperature_mc;
  std::optional<int64_t> thermal_status;
  // The clock caps of the units that are confined to cores.
  std::vector<UnitCaps> caps;
  // The slowdown, as a fraction, of the sentinel that slowed down most.
  std::optional<double> slowdown;
  // Why the device is too hot to be measured; nothing where it is not.
  std::optional<std::string> hot;

  // The fields of the state line, from "temperature_mc" on.
  void Report(JsonLine& line) const;
};

// Tells whether the device is too hot to be measured: by Android's thermal status, by clock caps that fell, and by
// sentinels that slowed down. A cap below the core's own limit is none of its business: a user may have fixed the
// clocks.
class ThermalGate {
 public:
  ThermalGate(GateSpec spec, const std::vector<UnitSpec>& units);

  // A sentinel's visit; `total_ns` is not empty.
  void NoteSentinel(const std::string& job, const std::vector<int64_t>& total_ns);

  // Looks at status and caps alone: enough to tell whether it makes sense to measure again.
  ThermalState Look();

  // Looks at the sentinels' latest visits as well. They are compared with the first ones, unless a status or a cap told
  // of heat right after those. After a hot state the latest visits are forgotten.
  ThermalState Check();

 private:
  struct Pace {
    std::optional<int64_t> first_ns;
    // True once a check has found the device fit since the first visit.
    bool is_trusted = false;
    std::optional<int64_t> latest_ns;
  };

  [[nodiscard]] std::optional<int64_t> AskStatus() const;
  void CompareCap(int core, int64_t khz, ThermalState& state);
  void CompareSentinels(ThermalState& state) const;

  const GateSpec spec_;
  std::vector<UnitSpec> units_;
  // The highest cap of each core in all looks so far: a phase may begin on a hot device, whose caps rise when it cools
  // down.
  std::map<int, int64_t> highest_khz_;
  // The paces of the sentinels, by id.
  std::map<std::string, Pace> paces_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_THERMAL_GATE_H_
