#ifndef SYNCNAS_RUNNER_PROTOCOL_PHASE_H_
#define SYNCNAS_RUNNER_PROTOCOL_PHASE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/files.h"

namespace syncnas {

// What the runner is given (docs/formats.md, "Phase"), checked: names that are used exist, numbers are in range.

enum class UnitKind { kCpu, kGpu, kNnapi };
enum class Precision { kFp32, kFp16 };
enum class Order { kGiven, kShuffled };
// How data gets from one unit to another: both see the same memory; the sender reads it into staging memory, from which
// the receiver writes it; the sender reads it straight into the receiver's memory; the receiver writes it straight from
// the sender's memory. A phase asks for one of the first two; where memory cannot be shared, the runner takes one of the
// last two if it can.
enum class HandoverPath { kShared, kMemcpy, kReadback, kUpload };
enum class WaitMode { kSpin, kCondvar, kHybrid };

const char* Name(UnitKind kind);
const char* Name(HandoverPath path);

// What the phase calls the GPU delegate of the engine "classic": a library of its own, which is no engine.
constexpr const char* kClassicGpuLibrary = "classic_gpu";

// By the name of the engine, or of a further library of one.
using RuntimePaths = std::map<std::string, FilePath>;

struct UnitSpec {
  std::string name;
  UnitKind kind = UnitKind::kCpu;
  std::string engine;
  Precision precision = Precision::kFp32;
  int threads = 1;
  // Empty: the unit's threads run wherever the process may.
  std::vector<int> cores;
  // Of NNAPI; empty: whichever it chooses.
  std::string accelerator;
};

// How to wait for a peer. `spin_us` counts for hybrid only: so long it spins before it sleeps.
struct WaitSpec {
  WaitMode mode = WaitMode::kSpin;
  int64_t spin_us = 100;
};

// How often a job is repeated within one visit, and how long the units pause before each sample. `warmup` counts the
// runs before the first sample; a time job goes on warming up until `warmup_us` have passed as well.
struct SampleSpec {
  int64_t warmup = 0;
  int64_t warmup_us = 0;
  int64_t runs = 1;
  int64_t gap_us = 0;
};

struct LoadSpec {
  std::string unit;
  FilePath model;
};

struct TimeSpec {
  std::string unit;
  FilePath model;
  SampleSpec samples;
  std::vector<LoadSpec> loads;
};

struct TransferSpec {
  std::string from;
  std::string to;
  FilePath model;
  // What either unit runs between two hand-overs; empty `full`: the sender another `model`, the receiver nothing.
  FilePath between;
  HandoverPath path = HandoverPath::kShared;
  WaitSpec wait;
  SampleSpec samples;
};

struct CollabSpec {
  FilePath manifest;
  // The manifest's units to the phase's; empty: the same names.
  std::map<std::string, std::string> bind;
  bool sequential = false;
  HandoverPath path = HandoverPath::kShared;
  WaitSpec wait;
  SampleSpec samples;
  std::vector<LoadSpec> loads;
  // Empty `full`: the last output is not kept.
  FilePath output;
};

struct JobSpec {
  std::string id;
  std::variant<TimeSpec, TransferSpec, CollabSpec> work;
};

struct RepeatSpec {
  int64_t min_rounds = 1;
  int64_t max_rounds = 1;
  // Relative half-width of the median's confidence interval at which a job is finished; 0: never before max_rounds.
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
  RuntimePaths runtime;
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
