#include "protocol/job_reader.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/failure.h"
#include "json/json.h"

namespace syncnas {

namespace {

// Bounds that no sensible job reaches. They keep a slip of the pen from filling the memory or sleeping for days.
constexpr int64_t kMostRuns = 100'000;
constexpr int64_t kMostMicroseconds = 60'000'000;

class JobReader {
 public:
  JobReader(const std::vector<UnitSpec>& units, const std::string& folder) : units_(units), folder_(folder) {}

  JobSpec Read(Fields& fields) {
    enum class Kind { kTime, kHandover, kCollab };
    JobSpec job;
    job.id = fields.Text("id");
    switch (fields.Choice<Kind>("kind",
                                {{"time", Kind::kTime}, {"transfer", Kind::kHandover}, {"collab", Kind::kCollab}})) {
      case Kind::kTime:
        job.measurement = ReadTime(fields);
        break;
      case Kind::kHandover:
        job.measurement = ReadHandover(fields);
        break;
      case Kind::kCollab:
        job.measurement = ReadCollab(fields);
        break;
    }
    if (fields.Has("group")) {
      job.group = fields.Text("group");
    }
    job.settles = fields.Bool("settles", true);
    return job;
  }

 private:
  FilePath Path(Fields& fields, const char* name) const { return InFolder(folder_, fields.Text(name)); }

  void RequireUnit(const std::string& where, const std::string& unit) const {
    const bool known =
        std::any_of(units_.begin(), units_.end(), [&unit](const UnitSpec& spec) { return spec.name == unit; });
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

  // Of jobs that warm up until they are steady.
  static SampleSpec ReadSteadySamples(Fields& fields) {
    SampleSpec samples = ReadSamples(fields);
    samples.warmup_us = fields.Whole("warmup_us", 0, kMostMicroseconds, 0);
    samples.warmup_limit_us = fields.Whole("warmup_limit_us", 0, kMostMicroseconds, 0);
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
    time.samples = ReadSteadySamples(fields);
    time.loads = ReadLoads(fields, {time.unit});
    return time;
  }

  HandoverSpec ReadHandover(Fields& fields) {
    HandoverSpec handover;
    handover.from = Unit(fields, "from");
    handover.to = Unit(fields, "to");
    if (handover.from == handover.to) {
      throw Failure(fields.FullName("to") + " is \"" + handover.to + "\", the sender itself");
    }
    handover.model = Path(fields, "model");
    if (fields.Has("between")) {
      handover.next_model = Path(fields, "between");
    }
    handover.path = ReadPath(fields);
    handover.wait = ReadWait(fields);
    handover.samples = ReadSamples(fields);
    return handover;
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
    collab.samples = ReadSteadySamples(fields);
    if (fields.Has("output")) {
      collab.output = Path(fields, "output");
    }
    return collab;
  }

  const std::vector<UnitSpec>& units_;
  const std::string& folder_;
};

}  // namespace

JobSpec ReadJob(Fields& fields, const std::vector<UnitSpec>& units, const std::string& folder) {
  return JobReader(units, folder).Read(fields);
}

}  // namespace syncnas
