#ifndef SYNCNAS_RUNNER_DEVICE_THERMAL_GATE_H_
#define SYNCNAS_RUNNER_DEVICE_THERMAL_GATE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
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

  // A lower clock cap that is the device's own limit from now on.
  struct NewCap {
    int core = 0;
    int64_t from_khz = 0;
    int64_t to_khz = 0;
  };

  // A setting that was made for the phase and is not so any more; `found` is nothing where it cannot be read.
  struct ChangedSetting {
    std::string file;
    int64_t wanted = 0;
    std::optional<int64_t> found;
  };

  int64_t t_ns = 0;
  std::optional<int64_t> temperature_mc;
  std::optional<int64_t> thermal_status;
  // The clock caps of the units that are confined to cores.
  std::vector<UnitCaps> caps;
  std::vector<NewCap> new_caps;
  std::vector<ChangedSetting> changed;
  // The slowdown, as a fraction, of the sentinel that slowed down most.
  std::optional<double> slowdown;
  // Why the device is too hot to be measured; nothing where it is not.
  std::optional<std::string> hot;

  // The fields of the state line, from "temperature_mc" on.
  void Report(JsonLine& line) const;
  void ReportNewCaps(JsonLine& line) const;
};

// Tells whether the device is too hot to be measured: by Android's thermal status, by clock caps that fell, and by
// sentinels that slowed down. A cap below the core's own limit is none of its business: a user may have fixed the
// clocks. Nor is one that fell and stays while the thermal status is none: vendors lower caps in power saving and after
// a touch boost. It is noted, and from then on it is what other caps are held against.
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
  struct Lowered {
    int64_t khz = 0;
    int64_t since_ns = 0;
  };

  void CompareCap(int core, int64_t khz, ThermalState& state);
  // Whether a cap that fell has stayed where it is for long enough, without heat.
  bool HasSettled(int core, int64_t khz, const ThermalState& state);
  void TakeNewCap(int core, int64_t khz);
  void CompareHeld(ThermalState& state) const;
  void CompareSentinels(ThermalState& state) const;

  const GateSpec spec_;
  std::vector<UnitSpec> units_;
  // The highest cap of each core in all looks so far: a phase may begin on a hot device, whose caps rise when it cools
  // down.
  std::map<int, int64_t> highest_khz_;
  // Caps that became the device's own since the last look that found it fit, which tells of them.
  std::vector<ThermalState::NewCap> untold_;
  // The caps that fell, and since when they are where they are.
  std::map<int, Lowered> lowered_;
  // The settings that were made for the phase: file and number.
  std::vector<std::pair<std::string, int64_t>> held_;
  // The paces of the sentinels, by id.
  std::map<std::string, Pace> paces_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_THERMAL_GATE_H_
