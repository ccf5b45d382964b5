#include "protocol/phase.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/failure.h"
#include "json/fields.h"
#include "json/json.h"

namespace syncnas {

namespace {

constexpr int64_t kFormat = 1;
// Bounds that no sensible phase reaches. They keep a slip of the pen from filling the memory or sleeping for days.
constexpr int64_t kMostRuns = 100'000;
constexpr int64_t kMostRounds = 10'000;
constexpr int64_t kMostMicroseconds = 60'000'000;
constexpr int64_t kMostThreads = 256;
constexpr int64_t kHighestCore = 1023;
constexpr double kMostSeconds = 1e7;
constexpr double kShortestPollS = 0.001;
constexpr double kMostSlowdown = 100;

// Which engine drives which kinds of units; as in collab/units.py.
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
    phase_.name = fields.Text("phase");
    phase_.seed = static_cast<uint64_t>(fields.Whole("seed", 0, INT64_MAX, 0));
    ReadRuntime(fields);
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
      phase_.jobs.push_back(ReadJob(fields));
      if (!ids.insert(phase_.jobs.back().id).second) {
        throw Failure(fields.FullName("id") + " is \"" + phase_.jobs.back().id + "\", as an earlier job's");
      }
      fields.RefuseOthers();
    }
  }

  JobSpec ReadJob(Fields& fields) {
    enum class Kind { kTime, kTransfer, kCollab };
    JobSpec job;
    job.id = fields.Text("id");
    switch (fields.Choice<Kind>("kind",
                                {{"time", Kind::kTime}, {"transfer", Kind::kTransfer}, {"collab", Kind::kCollab}})) {
      case Kind::kTime:
        job.work = ReadTime(fields);
        break;
      case Kind::kTransfer:
        job.work = ReadTransfer(fields);
        break;
      case Kind::kCollab:
        job.work = ReadCollab(fields);
        break;
    }
    return job;
  }

  void RequireUnit(const std::string& where, const std::string& unit) const {
    const bool known = std::any_of(phase_.units.begin(), phase_.units.end(),
                                   [&unit](const UnitSpec& spec) { return spec.name == unit; });
    if (!known) {
      throw Failure(where + " is \"" + unit + "\", and the phase has no unit of that name");
    }
  }

  std::string Unit(Fields& fields, const char* name) const {
    std::string unit = fields.Text(name);
    RequireUnit(fields.FullName(name), unit);
    return unit;
  }

  static SampleSpec ReadSamples(Fields& fields) {
    SampleSpec samples;
    samples.warmup = fields.Whole("warmup", 0, kMostRuns, 0);
    samples.runs = fields.Whole("runs", 1, kMostRuns);
    samples.gap_us = fields.Whole("gap_us", 0, kMostMicroseconds, 0);
    return samples;
  }

  static WaitSpec ReadWait(Fields& fields) {
    WaitSpec wait;
    if (fields.Has("wait")) {
      wait.mode = fields.Choice<WaitMode>(
          "wait", {{"spin", WaitMode::kSpin}, {"condvar", WaitMode::kCondvar}, {"hybrid", WaitMode::kHybrid}});
    }
    wait.spin_us = fields.Whole("spin_us", 0, kMostMicroseconds, wait.spin_us);
    return wait;
  }

  static HandoverPath ReadPath(Fields& fields) {
    return fields.Choice<HandoverPath>("path", {{"shared", HandoverPath::kShared}, {"memcpy", HandoverPath::kMemcpy}});
  }

  // `busy`: the units that the job itself keeps at work.
  std::vector<LoadSpec> ReadLoads(Fields& fields, std::set<std::string> busy) const {
    std::vector<LoadSpec> loads;
    if (const Json* array = fields.FindArray("load")) {
      for (const Json& element : array->elements()) {
        Fields load(element, fields.FullName("load[" + std::to_string(loads.size()) + "]"));
        loads.push_back({Unit(load, "unit"), Path(load, "model")});
        if (!busy.insert(loads.back().unit).second) {
          throw Failure(load.FullName("unit") + " is \"" + loads.back().unit + "\", which is busy in this job");
        }
        load.RefuseOthers();
      }
    }
    return loads;
  }

  TimeSpec ReadTime(Fields& fields) {
    TimeSpec time;
    time.unit = Unit(fields, "unit");
    time.model = Path(fields, "model");
    time.samples = ReadSamples(fields);
    time.samples.warmup_us = fields.Whole("warmup_us", 0, kMostMicroseconds, 0);
    time.loads = ReadLoads(fields, {time.unit});
    return time;
  }

  TransferSpec ReadTransfer(Fields& fields) {
    TransferSpec transfer;
    transfer.from = Unit(fields, "from");
    transfer.to = Unit(fields, "to");
    if (transfer.from == transfer.to) {
      throw Failure(fields.FullName("to") + " is \"" + transfer.to + "\", the sender itself");
    }
    transfer.model = Path(fields, "model");
    if (fields.Has("between")) {
      transfer.between = Path(fields, "between");
    }
    transfer.path = ReadPath(fields);
    transfer.wait = ReadWait(fields);
    transfer.samples = ReadSamples(fields);
    return transfer;
  }

  CollabSpec ReadCollab(Fields& fields) {
    CollabSpec collab;
    collab.manifest = Path(fields, "manifest");
    std::set<std::string> busy;
    if (const Json* bind = fields.FindObject("bind")) {
      Fields bound(*bind, fields.FullName("bind"));
      std::map<std::string, std::string> taken;
      for (const Json::Member& member : bind->members()) {
        const std::string unit = Unit(bound, member.first.c_str());
        if (const auto [other, is_new] = taken.emplace(unit, member.first); !is_new) {
          throw Failure(bound.FullName(member.first) + " is \"" + unit + "\", which " + other->second +
                        " is bound to as well");
        }
        collab.bind[member.first] = unit;
        busy.insert(unit);
      }
    }
    collab.loads = ReadLoads(fields, busy);
    collab.sequential =
        fields.Has("mode") && fields.Choice<bool>("mode", {{"concurrent", false}, {"sequential", true}});
    collab.path = ReadPath(fields);
    collab.wait = ReadWait(fields);
    collab.samples = ReadSamples(fields);
    if (fields.Has("output")) {
      collab.output = Path(fields, "output");
    }
    return collab;
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
    spec.status = fields.Texts("status");
    if (!spec.status.empty()) {
      spec.status.front() = InFolder(folder_, spec.status.front()).full;
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

const char* Name(UnitKind kind) {
  switch (kind) {
    case UnitKind::kCpu:
      return "cpu";
    case UnitKind::kGpu:
      return "gpu";
    case UnitKind::kNnapi:
      return "nnapi";
  }
  return "";
}

const char* Name(HandoverPath path) {
  switch (path) {
    case HandoverPath::kShared:
      return "shared";
    case HandoverPath::kMemcpy:
      return "memcpy";
    case HandoverPath::kReadback:
      return "readback";
    case HandoverPath::kUpload:
      return "upload";
  }
  return "";
}

PhaseSpec ParsePhase(std::string_view text, const std::string& folder) {
  return PhaseReader(folder).Read(Json::Parse(text));
}

}  // namespace syncnas
