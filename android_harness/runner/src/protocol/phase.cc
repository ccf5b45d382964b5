#include "protocol/phase.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/failure.h"
#include "json/fields.h"
#include "json/json.h"
#include "protocol/job_reader.h"
#include "protocol/measurement_protocol.h"

namespace syncnas {

namespace {

constexpr int64_t kFormat = 1;
// Bounds that no sensible phase reaches. They keep a slip of the pen from filling the memory or sleeping for days.
constexpr int64_t kMostRounds = 10'000;
constexpr int64_t kMostThreads = 256;
constexpr int64_t kHighestCore = 1023;
constexpr double kMostSeconds = 1e7;
constexpr double kShortestPollS = 0.001;
constexpr double kMostSlowdown = 100;
// Android's "shutdown".
constexpr int64_t kHighestStatus = 6;
constexpr size_t kMostConditions = 64;
constexpr size_t kLongestConditionName = 64;
constexpr size_t kLongestCondition = 512;

// Whether a text can go into a line of any journal or table as it is: printable ASCII of at most that many characters.
bool IsPlain(const std::string& text, size_t longest) {
  const auto printable = [](char character) { return character >= ' ' && character <= '~'; };
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), printable);
}

// The kinds of units that each engine drives; as in collab/units.py.
const std::map<std::string, std::set<UnitKind>>& KindsByEngine() {
  static const std::map<std::string, std::set<UnitKind>> engines = {
      {"classic", {UnitKind::kCpu, UnitKind::kGpu, UnitKind::kNnapi}}, {"litert", {UnitKind::kCpu, UnitKind::kGpu}}};
  return engines;
}

// The engines that drive units of that kind, or all engines; for messages.
std::string EngineNames(std::optional<UnitKind> kind = std::nullopt) {
  std::string names;
  for (const auto& [engine, kinds] : KindsByEngine()) {
    if (!kind || kinds.count(*kind) != 0) {
      names += (names.empty() ? "" : ", ") + engine;
    }
  }
  return names;
}

class PhaseReader {
 public:
  explicit PhaseReader(std::string folder) : folder_(std::move(folder)) {}

  PhaseSpec Read(const Json& document) {
    Fields fields(document, "");
    fields.Whole("format", kFormat, kFormat);
    RequireProtocol(fields);
    phase_.name = fields.Text("phase");
    phase_.seed = static_cast<uint64_t>(fields.Whole("seed", 0, INT64_MAX, 0));
    ReadConditions(fields);
    ReadRuntime(fields);
    if (fields.Has("program_cache")) {
      phase_.program_cache = Path(fields, "program_cache").full;
    }
    phase_.log = Program(fields, "log");
    ReadUnits(fields);
    if (fields.Has("order")) {
      phase_.order = fields.Choice<Order>("order", {{"given", Order::kGiven}, {"shuffled", Order::kShuffled}});
    }
    phase_.resident = fields.Bool("resident", false);
    phase_.limit_s = fields.Number("limit_s", 0, kMostSeconds, 0);
    ReadRepeat(fields);
    ReadJobs(fields);
    ReadSentinel(fields);
    ReadGate(fields);
    fields.RefuseOthers();
    return std::move(phase_);
  }

 private:
  FilePath Path(Fields& fields, const char* name) const { return InFolder(folder_, fields.Text(name)); }

  // A program with its arguments; empty where there is none.
  std::vector<std::string> Program(Fields& fields, const char* name) const {
    std::vector<std::string> command = fields.Texts(name);
    if (!command.empty()) {
      command.front() = InFolder(folder_, command.front()).full;
    }
    return command;
  }

  // A phase without the number was written for the first protocol.
  static void RequireProtocol(Fields& fields) {
    const int64_t protocol = fields.Whole("protocol", 1, INT32_MAX, 1);
    if (protocol != kMeasurementProtocol) {
      throw Failure("protocol is " + std::to_string(protocol) + ", and this runner measures by protocol " +
                    std::to_string(kMeasurementProtocol) +
                    "; runner and host must be of one version: build the kit anew (python -m android_harness.build)");
    }
  }

  void ReadConditions(Fields& phase_fields) {
    const Json* conditions = phase_fields.FindObject("conditions");
    if (conditions == nullptr) {
      return;
    }
    if (conditions->members().size() > kMostConditions) {
      throw Failure("conditions has " + std::to_string(conditions->members().size()) + " entries, at most " +
                    std::to_string(kMostConditions) + " are taken");
    }
    Fields fields(*conditions, "conditions");
    for (const Json::Member& member : conditions->members()) {
      const std::string text = fields.Text(member.first.c_str());
      if (!IsPlain(member.first, kLongestConditionName) || !IsPlain(text, kLongestCondition)) {
        throw Failure("conditions: names of up to " + std::to_string(kLongestConditionName) + " and texts of up to " +
                      std::to_string(kLongestCondition) + " characters of printable ASCII are taken");
      }
      phase_.conditions[member.first] = text;
    }
  }

  void ReadRuntime(Fields& phase_fields) {
    const Json* runtime = phase_fields.FindObject("runtime");
    if (runtime == nullptr) {
      return;
    }
    Fields fields(*runtime, "runtime");
    for (const Json::Member& member : runtime->members()) {
      if (member.first != kClassicGpuLibrary) {
        RequireKnownEngine("runtime", member.first);
      }
      phase_.runtime[member.first] = Path(fields, member.first.c_str());
    }
  }

  static void RequireKnownEngine(const std::string& where, const std::string& engine) {
    if (KindsByEngine().count(engine) == 0) {
      throw Failure(where + ": there is no engine \"" + engine + "\"; known: " + EngineNames());
    }
  }

  void ReadUnits(Fields& phase_fields) {
    phase_fields.Require("units");
    for (const auto& [name, value] : phase_fields.FindObject("units")->members()) {
      if (name.empty() || name.find('\0') != std::string::npos) {
        throw Failure("units: a unit needs a name that is not empty and has no NUL character");
      }
      phase_.units.push_back(ReadUnit(name, value));
    }
  }

  [[nodiscard]] UnitSpec ReadUnit(const std::string& name, const Json& value) const {
    Fields fields(value, "units." + name);
    UnitSpec unit;
    unit.name = name;
    unit.kind = fields.Choice<UnitKind>(
        "kind", {{"cpu", UnitKind::kCpu}, {"gpu", UnitKind::kGpu}, {"nnapi", UnitKind::kNnapi}});
    unit.engine = fields.Text("engine");
    RequireKnownEngine(fields.FullName("engine"), unit.engine);
    if (KindsByEngine().at(unit.engine).count(unit.kind) == 0) {
      throw Failure(fields.FullName("engine") + " is \"" + unit.engine + "\", which does not drive " + Name(unit.kind) +
                    " units; known for them: " + EngineNames(unit.kind));
    }
    if (phase_.runtime.count(unit.engine) == 0) {
      throw Failure("runtime." + unit.engine + " is missing, and unit " + name + " needs it");
    }
    unit.precision = fields.Choice<Precision>("precision", {{"fp32", Precision::kFp32}, {"fp16", Precision::kFp16}});
    unit.threads = static_cast<int>(fields.Whole("threads", 1, kMostThreads, 1));
    std::set<int> seen;
    for (const int64_t core : fields.Wholes("cores", 0, kHighestCore)) {
      if (!seen.insert(static_cast<int>(core)).second) {
        throw Failure("units." + name + ".cores names core " + std::to_string(core) + " twice");
      }
    }
    unit.cores.assign(seen.begin(), seen.end());
    if (unit.kind == UnitKind::kGpu) {
      unit.program_cache = phase_.program_cache;
      if (fields.Has("backend")) {
        unit.backend = fields.Choice<GpuBackend>(
            "backend",
            {{"opencl", GpuBackend::kOpenCl}, {"webgpu", GpuBackend::kWebGpu}, {"opengl", GpuBackend::kOpenGl}});
      }
    }
    if (unit.kind == UnitKind::kNnapi && fields.Has("accelerator")) {
      unit.accelerator = fields.Text("accelerator");
    }
    fields.RefuseOthers();
    return unit;
  }

  void ReadRepeat(Fields& phase_fields) {
    const Json* repeat = phase_fields.FindObject("repeat");
    if (repeat == nullptr) {
      return;
    }
    Fields fields(*repeat, "repeat");
    phase_.repeat.min_rounds = fields.Whole("min_rounds", 1, kMostRounds, 1);
    phase_.repeat.max_rounds = fields.Whole("max_rounds", 1, kMostRounds, phase_.repeat.min_rounds);
    phase_.repeat.target_ci = fields.Number("target_ci", 0, 1, 0);
    if (phase_.repeat.max_rounds < phase_.repeat.min_rounds) {
      throw Failure("repeat.max_rounds is smaller than repeat.min_rounds");
    }
    fields.RefuseOthers();
  }

  void ReadJobs(Fields& phase_fields) {
    phase_fields.Require("jobs");
    std::set<std::string> ids;
    for (const Json& element : phase_fields.FindArray("jobs")->elements()) {
      Fields fields(element, "jobs[" + std::to_string(phase_.jobs.size()) + "]");
      phase_.jobs.push_back(ReadJob(fields, phase_.units, folder_));
      if (!ids.insert(phase_.jobs.back().id).second) {
        throw Failure(fields.FullName("id") + " is \"" + phase_.jobs.back().id + "\", as an earlier job's");
      }
      fields.RefuseOthers();
    }
  }

  void ReadSentinel(Fields& phase_fields) {
    const Json* sentinel = phase_fields.FindObject("sentinel");
    if (sentinel == nullptr) {
      return;
    }
    Fields fields(*sentinel, "sentinel");
    for (const std::string& id : fields.Texts("jobs")) {
      const auto job = std::find_if(phase_.jobs.begin(), phase_.jobs.end(),
                                    [&id](const JobSpec& candidate) { return candidate.id == id; });
      if (job == phase_.jobs.end()) {
        throw Failure("sentinel.jobs names \"" + id + "\", and the phase has no job of that id");
      }
      const auto index = static_cast<size_t>(job - phase_.jobs.begin());
      std::vector<size_t>& chosen = phase_.sentinel.jobs;
      if (std::find(chosen.begin(), chosen.end(), index) != chosen.end()) {
        throw Failure("sentinel.jobs names \"" + id + "\" twice");
      }
      if (!job->group.empty()) {
        throw Failure("sentinel.jobs names \"" + id + "\", which is of the group \"" + job->group + "\"");
      }
      chosen.push_back(index);
    }
    phase_.sentinel.every = fields.Whole("every", 1, INT64_MAX, phase_.sentinel.every);
    fields.RefuseOthers();
    if (!phase_.jobs.empty() && phase_.sentinel.jobs.size() == phase_.jobs.size()) {
      throw Failure("sentinel.jobs names every job, so there is nothing for them to stand watch over");
    }
  }

  void ReadGate(Fields& phase_fields) {
    const Json* gate = phase_fields.FindObject("gate");
    if (gate == nullptr) {
      return;
    }
    Fields fields(*gate, "gate");
    GateSpec& spec = phase_.gate.emplace();
    spec.status = Program(fields, "status");
    spec.hot_at = fields.Whole("hot_at", 1, kHighestStatus, spec.hot_at);
    spec.settle_s = fields.Number("settle_s", 0, kMostSeconds, spec.settle_s);
    if (fields.Has("held")) {
      spec.held = Path(fields, "held").full;
    }
    spec.every_s = fields.Number("every_s", 0, kMostSeconds, spec.every_s);
    spec.slowdown = fields.Number("slowdown", 0, kMostSlowdown, spec.slowdown);
    spec.cool_s = fields.Number("cool_s", 0, kMostSeconds, spec.cool_s);
    spec.poll_s = fields.Number("poll_s", kShortestPollS, kMostSeconds, spec.poll_s);
    spec.retries = fields.Whole("retries", 0, kMostRounds, spec.retries);
    if (fields.Has("system")) {
      spec.system = Path(fields, "system").full;
    }
    fields.RefuseOthers();
  }

  std::string folder_;
  PhaseSpec phase_;
};

}  // namespace

PhaseSpec ParsePhase(std::string_view text, const std::string& folder) {
  return PhaseReader(folder).Read(Json::Parse(text));
}

}  // namespace syncnas
