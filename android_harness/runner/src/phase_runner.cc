#include "phase_runner.h"

#include <unistd.h>

#include <new>
#include <optional>
#include <set>
#include <utility>

#include "clock.h"
#include "failure.h"
#include "json_line.h"
#include "random.h"
#include "stats.h"

namespace syncnas {

namespace {

constexpr int64_t kJournalFormat = 1;

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

}  // namespace

PhaseRunner::PhaseRunner(const PhaseSpec& phase, const EngineOpener& open_engine, Journal& journal,
                         const std::atomic<bool>& stop)
    : phase_(phase), open_engine_(open_engine), journal_(journal), stop_(stop) {
  for (const JobSpec& job : phase.jobs) {
    JobState state;
    state.spec = &job;
    jobs_.push_back(std::move(state));
  }
  for (const size_t sentinel : phase.sentinel.jobs) {
    jobs_[sentinel].is_sentinel = true;
  }
}

void PhaseRunner::Run() {
  begin_ns_ = NowNs();
  OpenEngines();
  WritePhaseLine();
  OpenUnits();
  int64_t round = 0;
  for (; round < phase_.repeat.max_rounds && stopped_ == nullptr; ++round) {
    const std::vector<size_t> order = NextRound(round);
    if (order.empty()) {
      break;
    }
    RunRound(order, round);
  }
  if (visits_ > 0 && !sentinels_were_last_) {
    VisitSentinels(round - 1);
  }
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
  line.Name("abi").String(Abi());
  line.Name("pid").Int(getpid());
  line.Name("t_ns").Int(NowNs());
  line.Name("unix_ns").Int(ReadClockNs(CLOCK_REALTIME));
  line.Name("engines").BeginObject();
  for (const auto& [name, engine] : engines_) {
    line.Name(name).String(engine->description());
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
      workers_.AddFailed(unit.name, failure.what());
      JsonLine line = Event("unit_failed");
      line.Name("unit").String(unit.name);
      line.Name("t_ns").Int(NowNs());
      line.Name("reason").String(failure.what());
      journal_.Write(line.Finish());
    }
  }
}

std::vector<size_t> PhaseRunner::NextRound(int64_t round) const {
  // All jobs are shuffled and the finished ones left out, so that the order does not depend on how fast others settled.
  std::vector<size_t> all(jobs_.size());
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = i;
  }
  if (phase_.order == Order::kShuffled) {
    all = ShuffledOrder(all.size(), phase_.seed, static_cast<uint64_t>(round));
  }
  std::vector<size_t> order;
  for (const size_t job : all) {
    if (!jobs_[job].is_sentinel && !jobs_[job].finished) {
      order.push_back(job);
    }
  }
  return order;
}

void PhaseRunner::RunRound(const std::vector<size_t>& order, int64_t round) {
  if (!sentinels_were_last_) {
    VisitSentinels(round);
  }
  for (const size_t job : order) {
    if (MustStop()) {
      return;
    }
    VisitJob(jobs_[job], round);
    sentinels_were_last_ = false;
    if (++visits_since_sentinels_ >= phase_.sentinel.every) {
      VisitSentinels(round);
    }
  }
}

void PhaseRunner::VisitSentinels(int64_t round) {
  for (const size_t job : phase_.sentinel.jobs) {
    if (MustStop()) {
      return;
    }
    if (!jobs_[job].finished) {
      VisitJob(jobs_[job], round);
    }
  }
  visits_since_sentinels_ = 0;
  sentinels_were_last_ = true;
}

void PhaseRunner::VisitJob(JobState& state, int64_t round) {
  ++visits_;
  ++state.visits;
  JsonLine line = Event("start");
  line.Name("job").String(state.spec->id);
  line.Name("round").Int(round);
  line.Name("t_ns").Int(NowNs());
  journal_.Write(line.Finish());

  std::optional<std::string> failure;
  try {
    if (state.job == nullptr) {
      state.job = MakeJob(*state.spec, {workers_, ledger_, phase_.seed});
    }
    state.job->Visit();
  } catch (const std::bad_alloc&) {
    failure = "not enough memory";
  } catch (const std::exception& error) {
    failure = error.what();
  }
  if (failure) {
    Fail(state, round, *failure);
  } else {
    Complete(state, round);
  }
}

void PhaseRunner::Complete(JobState& state, int64_t round) {
  JsonLine line = Event("done");
  line.Name("job").String(state.spec->id);
  line.Name("round").Int(round);
  line.Name("t_ns").Int(NowNs());
  state.job->Report(line);
  journal_.Write(line.Finish());

  const std::vector<int64_t>& samples = state.job->total_ns();
  state.total_ns.insert(state.total_ns.end(), samples.begin(), samples.end());
  state.finished = !state.is_sentinel && state.visits >= phase_.repeat.min_rounds &&
                   IsSettled(state.total_ns, phase_.repeat.target_ci);
  if (!state.is_sentinel && !phase_.resident) {
    state.job.reset();
  }
}

void PhaseRunner::Fail(JobState& state, int64_t round, const std::string& reason) {
  ++failed_;
  state.finished = true;
  state.job.reset();
  JsonLine line = Event("failed");
  line.Name("job").String(state.spec->id);
  line.Name("round").Int(round);
  line.Name("t_ns").Int(NowNs());
  line.Name("reason").String(reason);
  journal_.Write(line.Finish());
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
