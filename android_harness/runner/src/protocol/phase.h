#ifndef SYNCNAS_RUNNER_PROTOCOL_PHASE_H_
#define SYNCNAS_RUNNER_PROTOCOL_PHASE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/job_spec.h"
#include "protocol/unit_spec.h"

namespace syncnas {

// The work that the runner is given (formats.md, "Phase"), checked: names that are used exist, numbers are in
// range.

enum class Order { kGiven, kShuffled };

struct RepeatSpec {
  int64_t min_rounds = 1;
  int64_t max_rounds = 1;
  // How closely the median must be known for a job to be finished, as a fraction of it (IsSettled); 0: never before
  // max_rounds.
  double target_ci = 0;
};

struct SentinelSpec {
  // Indexes into PhaseSpec::jobs, in the order in which they are visited.
  std::vector<size_t> jobs;
  int64_t every = 16;
};

// When the device is too hot to be measured, and how long it may take to cool down.
struct GateSpec {
  // A program that prints what Android's `dumpsys thermalservice` does, with its arguments; empty: none is asked.
  std::vector<std::string> status;
  // The lowest thermal status at which the device is too hot. Android: at 1 (light) nobody notices anything, and phones
  // that charge stay there for hours.
  int64_t hot_at = 2;
  // A lower clock cap is no heat, but the device's own new limit, once it has stayed so long while the thermal status
  // was none; 0: never.
  double settle_s = 15;
  // A file of settings that were made for the phase, with a line "PATH NUMBER" each; the gate tells which of them are
  // not so any more. Empty: none were.
  std::string held;
  double every_s = 5;
  // Sentinels that take so much longer than at first, as a fraction, tell that it is hot; 0: they do not.
  double slowdown = 0;
  double cool_s = 300;
  double poll_s = 5;
  int64_t retries = 3;
  std::string system = "/sys";
};

struct PhaseSpec {
  std::string name;
  uint64_t seed = 0;
  // What the device was made to be like while the phase runs, by name; the journal repeats it.
  std::map<std::string, std::string> conditions;
  RuntimePaths runtime;
  // Where GPU units keep the programs that they compile; empty: nowhere.
  std::string program_cache;
  // A program that prints the last lines of the system's log, with its arguments; empty: there is none to be asked.
  std::vector<std::string> log;
  std::vector<UnitSpec> units;
  Order order = Order::kGiven;
  bool resident = false;
  RepeatSpec repeat;
  SentinelSpec sentinel;
  std::optional<GateSpec> gate;
  // 0: no limit.
  double limit_s = 0;
  std::vector<JobSpec> jobs;
};

// Reads a phase; relative paths in it are seen from `folder`. Throws Failure whose sentence names the field.
PhaseSpec ParsePhase(std::string_view text, const std::string& folder);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_PHASE_H_
