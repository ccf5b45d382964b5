#include "device/thermal_gate.h"

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

#include "base/clock.h"
#include "base/failure.h"
#include "base/files.h"
#include "device/device_state.h"
#include "device/program.h"

namespace syncnas {

namespace {

constexpr size_t kMostStatusBytes = 64 << 10;
constexpr int64_t kMostStatusNs = 5 * kNanosecondsPerSecond;

constexpr size_t kMostHeldBytes = 64 << 10;

// The lines "PATH NUMBER" of a file; none where it is not there, as no setting was made.
std::vector<std::pair<std::string, int64_t>> HeldIn(const std::string& path) {
  std::vector<std::pair<std::string, int64_t>> held;
  std::string text;
  try {
    text = path.empty() ? "" : ReadFile({path, path}, kMostHeldBytes);
  } catch (const Failure&) {
    return held;
  }
  std::istringstream words(text);
  std::string file;
  int64_t number = 0;
  while (words >> file >> number) {
    held.emplace_back(file, number);
  }
  return held;
}

std::string Percent(double fraction) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.0f %%", 100 * fraction);
  return text;
}

}  // namespace

void ThermalState::Report(JsonLine& line) const {
  line.Name("temperature_mc").OptionalInt(temperature_mc);
  line.Name("thermal_status").OptionalInt(thermal_status);
  line.Name("caps_khz").BeginObject();
  for (const UnitCaps& of_unit : caps) {
    line.Name(of_unit.unit).BeginArray();
    for (const std::optional<int64_t>& cap : of_unit.khz) {
      line.OptionalInt(cap);
    }
    line.EndArray();
  }
  line.EndObject();
  ReportNewCaps(line);
  line.Name("changed").BeginArray();
  for (const ChangedSetting& setting : changed) {
    line.BeginObject();
    line.Name("file").String(setting.file);
    line.Name("wanted").Int(setting.wanted);
    line.Name("found").OptionalInt(setting.found);
    line.EndObject();
  }
  line.EndArray();
  line.Name("slowdown");
  if (slowdown) {
    line.Number(*slowdown);
  } else {
    line.Null();
  }
  line.Name("hot");
  if (hot) {
    line.String(*hot);
  } else {
    line.Null();
  }
}

void ThermalState::ReportNewCaps(JsonLine& line) const {
  line.Name("new_caps").BeginArray();
  for (const NewCap& cap : new_caps) {
    line.BeginObject();
    line.Name("core").Int(cap.core);
    line.Name("from_khz").Int(cap.from_khz);
    line.Name("to_khz").Int(cap.to_khz);
    line.EndObject();
  }
  line.EndArray();
}

ThermalGate::ThermalGate(GateSpec spec, const std::vector<UnitSpec>& units)
    : spec_(std::move(spec)), held_(HeldIn(spec_.held)) {
  std::copy_if(units.begin(), units.end(), std::back_inserter(units_),
               [](const UnitSpec& unit) { return !unit.cores.empty(); });
}

void ThermalGate::NoteSentinel(const std::string& job, const std::vector<int64_t>& total_ns) {
  Pace& pace = paces_[job];
  // The smallest: others on the device make single samples longer, heat makes all of them longer.
  pace.latest_ns = *std::min_element(total_ns.begin(), total_ns.end());
  if (!pace.first_ns) {
    pace.first_ns = pace.latest_ns;
  }
}

ThermalState ThermalGate::Look() {
  ThermalState state;
  state.temperature_mc = HottestZoneMilliCelsius(spec_.system);
  state.thermal_status = AskStatus();
  state.t_ns = NowNs();
  if (state.thermal_status.value_or(0) >= spec_.hot_at) {
    state.hot = "thermal status " + std::to_string(*state.thermal_status) + " (" +
                ThermalStatusName(*state.thermal_status) + ")";
  }
  for (const UnitSpec& unit : units_) {
    ThermalState::UnitCaps& of_unit = state.caps.emplace_back();
    of_unit.unit = unit.name;
    for (const int core : unit.cores) {
      const std::optional<int64_t> cap = CoreClockCapKhz(core, spec_.system);
      of_unit.khz.push_back(cap);
      if (cap) {
        CompareCap(core, *cap, state);
      }
    }
  }
  CompareHeld(state);
  if (!state.hot) {
    state.new_caps.swap(untold_);
  }
  return state;
}

ThermalState ThermalGate::Check() {
  ThermalState state = Look();
  const bool is_hot_by_itself = state.hot.has_value();
  CompareSentinels(state);
  for (auto& [job, pace] : paces_) {
    if (is_hot_by_itself && !pace.is_trusted) {
      pace.first_ns.reset();
    }
    if (state.hot) {
      pace.latest_ns.reset();
    } else {
      pace.is_trusted = pace.first_ns.has_value();
    }
  }
  return state;
}

std::optional<int64_t> ThermalGate::AskStatus() const {
  if (spec_.status.empty()) {
    return std::nullopt;
  }
  try {
    return ThermalStatusIn(OutputOf(spec_.status, kMostStatusBytes, kMostStatusNs));
  } catch (const Failure&) {
    return std::nullopt;
  }
}

void ThermalGate::CompareCap(int core, int64_t khz, ThermalState& state) {
  int64_t& highest = highest_khz_.emplace(core, khz).first->second;
  if (khz >= highest) {
    highest = khz;
    lowered_.erase(core);
  } else if (HasSettled(core, khz, state)) {
    TakeNewCap(core, khz);
  } else if (!state.hot) {
    state.hot = "the clock cap of core " + std::to_string(core) + " fell from " + std::to_string(highest) + " to " +
                std::to_string(khz) + " kHz";
  }
}

bool ThermalGate::HasSettled(int core, int64_t khz, const ThermalState& state) {
  Lowered& lowered = lowered_.emplace(core, Lowered{khz, state.t_ns}).first->second;
  if (lowered.khz != khz || state.thermal_status != 0) {
    lowered = {khz, state.t_ns};
  }
  return spec_.settle_s > 0 &&
         static_cast<double>(state.t_ns - lowered.since_ns) >= spec_.settle_s * static_cast<double>(kNanosecondsPerSecond);
}

void ThermalGate::TakeNewCap(int core, int64_t khz) {
  int64_t& highest = highest_khz_.at(core);
  untold_.push_back({core, highest, khz});
  highest = khz;
  lowered_.erase(core);
  // Sentinels take longer at the new clock.
  paces_.clear();
}

void ThermalGate::CompareHeld(ThermalState& state) const {
  for (const auto& [file, wanted] : held_) {
    const std::optional<int64_t> found = NumberIn(file);
    if (found != wanted) {
      state.changed.push_back({file, wanted, found});
    }
  }
}

void ThermalGate::CompareSentinels(ThermalState& state) const {
  const std::string* slowest = nullptr;
  for (const auto& [job, pace] : paces_) {
    if (!pace.first_ns || !pace.latest_ns) {
      continue;
    }
    const double slowdown =
        static_cast<double>(*pace.latest_ns) / static_cast<double>(std::max<int64_t>(*pace.first_ns, 1)) - 1;
    if (!state.slowdown || slowdown > *state.slowdown) {
      state.slowdown = slowdown;
      slowest = &job;
    }
  }
  if (slowest != nullptr && spec_.slowdown > 0 && *state.slowdown > spec_.slowdown && !state.hot) {
    state.hot = "the sentinel " + *slowest + " slowed down by " + Percent(*state.slowdown);
  }
}

}  // namespace syncnas
