#include "phases/phase_runner.h"

#include <unistd.h>

#include <algorithm>
#include <new>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "base/clock.h"
#include "base/failure.h"
#include "base/storage_error.h"
#include "device/system_log.h"
#include "jobs/make_job.h"
#include "json/json_line.h"
#include "protocol/measurement_protocol.h"
#include "units/unit_worker.h"

namespace syncnas {

namespace {

constexpr int64_t kJournalFormat = 1;
// The condition that tells of a system's trace, whose sections are in the samples.
constexpr const char* kTracing = "tracing";
// The first pause of a cooling device, at most.
constexpr int64_t kFirstPauseNs = kNanosecondsPerSecond / 4;
// A request to stop ends a pause this soon.
constexpr int64_t kPauseStepNs = 50'000 * kNanosecondsPerMicrosecond;

const char* Abi() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#elif defined(__arm__)
  return "arm";
#elif defined(__i386__)
  return "x86";
#elif defined(__riscv)
  return "riscv64";
#else
  return "unknown";
#endif
}

JsonLine Event(const char* name) {
  JsonLine line;
  line.Name("event").String(name);
  return line;
}

int64_t ToNs(double seconds) { return static_cast<int64_t>(seconds * static_cast<double>(kNanosecondsPerSecond)); }

}  // namespace

PhaseRunner::PhaseRunner(const PhaseSpec& phase, const EngineOpener& open_engine, Journal& journal,
                         const SystemTrace& trace, const std::atomic<bool>& stop)
    : phase_(phase),
      open_engine_(open_engine),
      journal_(journal),
      stop_(stop),
      host_(phase.seed),
      trace_(trace),
      jobs_(phase.jobs.size()),
      schedule_(phase),
      group_(NewGroup()) {
  if (phase.gate) {
    gate_.emplace(*phase.gate, phase.units);
  }
}

void PhaseRunner::Run() {
  begin_ns_ = NowNs();
  OpenEngines();
  WritePhaseLine();
  OpenUnits();
  VisitJobs();
  // Before the end line: a runtime that crashes while it takes models down is then not taken for a phase that ended.
  jobs_.clear();
  WriteEndLine();
}

void PhaseRunner::OpenEngines() {
  std::map<std::string, std::set<UnitKind>> kinds;
  for (const UnitSpec& unit : phase_.units) {
    kinds[unit.engine].insert(unit.kind);
  }
  for (const auto& [name, wanted] : kinds) {
    try {
      engines_[name] = open_engine_(name, phase_.runtime, wanted);
    } catch (const Failure& failure) {
      engine_failures_[name] = failure.what();
    }
  }
}

void PhaseRunner::WritePhaseLine() {
  JsonLine line = Event("phase");
  line.Name("format").Int(kJournalFormat);
  line.Name("phase").String(phase_.name);
  line.Name("runner").String(SYNCNAS_RUNNER_VERSION);
  line.Name("protocol").Int(kMeasurementProtocol);
  line.Name("abi").String(Abi());
  line.Name("pid").Int(getpid());
  line.Name("t_ns").Int(NowNs());
  line.Name("unix_ns").Int(ReadClockNs(CLOCK_REALTIME));
  line.Name("engines").BeginObject();
  for (const auto& [name, engine] : engines_) {
    line.Name(name).String(engine->description());
  }
  line.EndObject();
  line.Name("conditions").BeginObject();
  std::map<std::string, std::string> conditions = phase_.conditions;
  if (trace_.began_on()) {
    conditions[kTracing] = "on";
  }
  for (const auto& [name, text] : conditions) {
    line.Name(name).String(text);
  }
  line.EndObject();
  journal_.Write(line.Finish());
}

void PhaseRunner::OpenUnits() {
  for (const UnitSpec& unit : phase_.units) {
    try {
      if (const auto failure = engine_failures_.find(unit.engine); failure != engine_failures_.end()) {
        throw Failure(failure->second);
      }
      auto worker = std::make_unique<UnitWorker>(unit, *engines_.at(unit.engine));
      JsonLine line = Event("unit");
      line.Name("unit").String(unit.name);
      line.Name("cores").Ints({worker->cores().begin(), worker->cores().end()});
      line.Name("t_ns").Int(NowNs());
      journal_.Write(line.Finish());
      workers_.Add(std::move(worker));
    } catch (const Failure& failure) {
      const std::string reason = WithLog(failure.what(), phase_.log);
      workers_.AddFailed(unit.name, reason);
      JsonLine line = Event("unit_failed");
      line.Name("unit").String(unit.name);
      line.Name("t_ns").Int(NowNs());
      line.Name("reason").String(reason);
      journal_.Write(line.Finish());
    }
  }
}

void PhaseRunner::VisitJobs() {
  group_ = NewGroup();
  if (gate_ && JudgeGroup() == Verdict::kEnds) {
    return;
  }
  while (true) {
    const std::optional<Visit> visit = schedule_.Next();
    const bool is_over = !visit || MustStop();
    if (!is_over) {
      VisitJob(*visit);
    }
    Verdict verdict = Verdict::kCounts;
    // Not between two jobs of a group, which would lie minutes apart if it were hot.
    if (gate_ && group_.visits > 0 &&
        (is_over || (!schedule_.IsWithinGroup() && NowNs() - group_.begin_ns >= ToNs(phase_.gate->every_s)))) {
      verdict = JudgeGroup();
    }
    if (verdict == Verdict::kEnds || (is_over && verdict == Verdict::kCounts)) {
      return;
    }
  }
}

void PhaseRunner::VisitJob(const Visit& visit) {
  ++visits_;
  ++group_.visits;
  const JobSpec& spec = phase_.jobs[visit.job];
  trace_.LookAgain();
  const TraceSection section(trace_.active(), SectionName("visit " + spec.id).c_str());
  JsonLine line = Event("start");
  line.Name("job").String(spec.id);
  line.Name("round").Int(visit.round);
  line.Name("t_ns").Int(NowNs());
  journal_.Write(line.Finish());

  std::unique_ptr<Job>& job = jobs_[visit.job];
  std::optional<std::string> failure;
  try {
    if (job == nullptr) {
      job = MakeJob(spec, {workers_, ledger_, host_, trace_, phase_.seed});
    }
    job->Visit();
  } catch (const StorageError&) {
    throw;
  } catch (const std::bad_alloc&) {
    failure = "not enough memory";
  } catch (const std::exception& error) {
    failure = WithLog(error.what(), phase_.log);
  }
  if (failure) {
    Fail(visit, *failure);
  } else {
    Complete(visit);
  }
}

void PhaseRunner::Complete(const Visit& visit) {
  std::unique_ptr<Job>& job = jobs_[visit.job];
  const std::string& id = phase_.jobs[visit.job].id;
  JsonLine line = Event("done");
  line.Name("job").String(id);
  line.Name("round").Int(visit.round);
  line.Name("t_ns").Int(NowNs());
  job->Report(line);
  journal_.Write(line.Finish());

  schedule_.Complete(visit.job, job->total_ns());
  const bool is_sentinel = schedule_.IsSentinel(visit.job);
  if (is_sentinel && gate_) {
    gate_->NoteSentinel(id, job->total_ns());
  }
  // A bundle's segments are placed in memory anew at each visit, as those of other jobs are: one placement takes up to a
  // tenth longer than another (an Intel Xeon), and told by a single one that would pass for the device's drift.
  const bool is_kept = is_sentinel && std::holds_alternative<TimeSpec>(phase_.jobs[visit.job].measurement);
  if (!is_kept && !phase_.resident) {
    const Meter meter(ledger_.created_ns);
    job.reset();
  }
}

void PhaseRunner::Fail(const Visit& visit, const std::string& reason) {
  ++failed_;
  schedule_.Fail(visit.job);
  jobs_[visit.job].reset();
  JsonLine line = Event("failed");
  line.Name("job").String(phase_.jobs[visit.job].id);
  line.Name("round").Int(visit.round);
  line.Name("t_ns").Int(NowNs());
  line.Name("reason").String(reason);
  journal_.Write(line.Finish());
}

PhaseRunner::VisitGroup PhaseRunner::NewGroup() const {
  VisitGroup group{NowNs(), 0, schedule_, {}};
  for (const std::unique_ptr<Job>& job : jobs_) {
    group.created.push_back(job != nullptr);
  }
  return group;
}

PhaseRunner::Verdict PhaseRunner::JudgeGroup() {
  const bool has_visits = group_.visits > 0;
  if (CloseGroup()) {
    retries_ = 0;
    return Verdict::kCounts;
  }
  if (MustStop()) {
    return Verdict::kEnds;
  }
  if (has_visits && ++retries_ > phase_.gate->retries) {
    stopped_ = "hot";
    return Verdict::kEnds;
  }
  return CoolDown() ? Verdict::kAgain : Verdict::kEnds;
}

bool PhaseRunner::CloseGroup() {
  const ThermalState state = gate_->Check();
  JsonLine line = Event("state");
  line.Name("t_ns").Int(state.t_ns);
  line.Name("since_ns").Int(group_.begin_ns);
  state.Report(line);
  journal_.Write(line.Finish());
  if (state.hot) {
    UndoGroup();
  }
  group_ = NewGroup();
  return !state.hot;
}

void PhaseRunner::UndoGroup() {
  schedule_.GoBackTo(group_.schedule);
  for (size_t job = 0; job < jobs_.size(); ++job) {
    if (!group_.created[job]) {
      jobs_[job].reset();
    }
  }
}

bool PhaseRunner::CoolDown() {
  const int64_t begin_ns = NowNs();
  const int64_t give_up_ns = begin_ns + ToNs(phase_.gate->cool_s);
  // A short look first: a sentinel may have been slowed down by something that is over.
  int64_t pause_ns = std::min(ToNs(phase_.gate->poll_s), kFirstPauseNs);
  while (Pause(std::min(pause_ns, give_up_ns - NowNs()))) {
    pause_ns = std::min(2 * pause_ns, ToNs(phase_.gate->poll_s));
    const ThermalState state = gate_->Look();
    if (!state.hot && VisitSentinels()) {
      JsonLine line = Event("cooled");
      line.Name("t_ns").Int(NowNs());
      line.Name("waited_ns").Int(NowNs() - begin_ns);
      line.Name("temperature_mc").OptionalInt(state.temperature_mc);
      state.ReportNewCaps(line);
      journal_.Write(line.Finish());
      schedule_.PassSentinels();
      group_ = NewGroup();
      return true;
    }
    if (stopped_ == nullptr && NowNs() >= give_up_ns) {
      stopped_ = "hot";
    }
  }
  return false;
}

bool PhaseRunner::VisitSentinels() {
  group_ = NewGroup();
  for (const size_t sentinel : phase_.sentinel.jobs) {
    if (MustStop()) {
      return false;
    }
    if (!schedule_.HasFailed(sentinel)) {
      VisitJob({sentinel, schedule_.round()});
    }
  }
  return group_.visits == 0 || CloseGroup();
}

bool PhaseRunner::Pause(int64_t duration_ns) {
  const int64_t until = NowNs() + duration_ns;
  while (!MustStop() && NowNs() < until) {
    SleepNs(std::min(kPauseStepNs, until - NowNs()));
  }
  return stopped_ == nullptr;
}

bool PhaseRunner::MustStop() {
  if (stopped_ == nullptr && stop_.load(std::memory_order_relaxed)) {
    stopped_ = "signal";
  }
  const double elapsed_s = static_cast<double>(NowNs() - begin_ns_) / static_cast<double>(kNanosecondsPerSecond);
  if (stopped_ == nullptr && phase_.limit_s > 0 && elapsed_s >= phase_.limit_s) {
    stopped_ = "limit_s";
  }
  return stopped_ != nullptr;
}

void PhaseRunner::WriteEndLine() {
  JsonLine line = Event("end");
  line.Name("phase").String(phase_.name);
  line.Name("t_ns").Int(NowNs());
  line.Name("visits").Int(visits_);
  line.Name("failed").Int(failed_);
  line.Name("sampled_ns").Int(ledger_.sampled_ns);
  line.Name("created_ns").Int(ledger_.created_ns);
  line.Name("stopped");
  if (stopped_ == nullptr) {
    line.Null();
  } else {
    line.String(stopped_);
  }
  journal_.Write(line.Finish());
}

}  // namespace syncnas
