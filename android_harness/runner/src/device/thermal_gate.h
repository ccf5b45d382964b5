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

// What one look at the device told. Nothing where the system does not say.
struct ThermalState {
  struct UnitCaps {
    std::string unit;
    // One per core of the unit.
    std::vector<std::optional<int64_t>> khz;
  };

  int64_t t_ns = 0;
  std::optional<int64_t> temperature_mc;
  std::optional<int64_t> thermal_status;
  // Of the units that are confined to cores.
  std::vector<UnitCaps> caps;
  // By how much, as a fraction, the sentinel that slowed down most did.
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

  // By status and caps alone: whether it makes sense to measure again.
  ThermalState Look();

  // By the sentinels' latest visits as well. What they took first is what later visits are held against, unless that
  // was in the same breath as a status or a cap that tells of heat. After a hot state their latest visits are
  // forgotten.
  ThermalState Check();

 private:
  struct Pace {
    std::optional<int64_t> first_ns;
    // Whether a check has found the device fit since the first visit.
    bool is_trusted = false;
    std::optional<int64_t> latest_ns;
  };

  [[nodiscard]] std::optional<int64_t> AskStatus() const;
  void CompareCap(int core, int64_t khz, ThermalState& state);
  void CompareSentinels(ThermalState& state) const;

  const GateSpec spec_;
  std::vector<UnitSpec> units_;
  // By core, of all looks so far: a phase may begin on a hot device, whose caps rise when it cools down.
  std::map<int, int64_t> highest_khz_;
  // By the sentinel's id.
  std::map<std::string, Pace> paces_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_THERMAL_GATE_H_
