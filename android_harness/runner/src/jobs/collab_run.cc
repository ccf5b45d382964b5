#include "jobs/collab_run.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/fingerprint.h"
#include "units/handover_path.h"
#include "units/run_together.h"

namespace syncnas {

namespace {

size_t UnitsWithSegments(const Manifest& manifest) {
  std::vector<bool> has_segments(manifest.units.size());
  for (const SegmentSpec& segment : manifest.segments) {
    has_segments[segment.unit] = true;
  }
  return static_cast<size_t>(std::count(has_segments.begin(), has_segments.end(), true));
}

std::vector<int> CoresOf(const CollabModels& models) {
  std::vector<int> cores;
  for (size_t unit = 0; unit < models.manifest().units.size(); ++unit) {
    const std::vector<int>& of_unit = models.worker(unit).cores();
    cores.insert(cores.end(), of_unit.begin(), of_unit.end());
  }
  return cores;
}

}  // namespace

CollabRun::CollabRun(CollabModels& models, const CollabSpec& spec, const SystemTrace* trace)
    : models_(models),
      trace_(trace),
      samples_(spec.samples),
      sequential_(spec.sequential),
      segments_(models.manifest().segments.size()),
      outputs_(models.manifest().outputs.size()),
      turn_(spec.wait),
      gate_(UnitsWithSegments(models.manifest()), spec.wait.mode),
      warm_up_gate_(UnitsWithSegments(models.manifest()), spec.wait.mode),
      warm_up_(spec.samples, false, GovernedClock(CoresOf(models))),
      output_hashes_(runs() * outputs_) {
  for (size_t i = 0; i < segments_; ++i) {
    ran_.emplace_back(spec.wait);
    was_read_.emplace_back(spec.wait);
  }
  const std::vector<std::vector<Step>> steps = PlanSteps(models.manifest(), models.paths());
  for (size_t unit = 0; unit < steps.size(); ++unit) {
    if (steps[unit].empty()) {
      continue;
    }
    UnitLine line;
    line.unit = unit;
    for (size_t i = 0; i < steps[unit].size(); ++i) {
      const Step& step = steps[unit][i];
      line.actions.push_back(Resolve(step));
      if (TellsPeers(steps[unit], i)) {
        line.actions.back().publish = &was_read_[step.segment];
      }
      if (trace_ != nullptr) {
        line.actions.back().section = SectionOf(unit, step);
      }
      if (step.peer == kNetworkOutput) {
        line.outputs.push_back(step.peer_tensor);
      }
    }
    MarkSegments(line);
    const size_t records = line.actions.size() * runs();
    line.begin_ns.resize(records);
    line.end_ns.resize(records);
    lines_.push_back(std::move(line));
  }
}

CollabRun::Action CollabRun::Resolve(const Step& step) {
  Action action;
  action.step = step;
  action.model = &models_.model(step.segment);
  const auto peer = static_cast<size_t>(std::max(step.peer, 0));
  switch (step.kind) {
    case StepKind::kWait: {
      const Manifest& manifest = models_.manifest();
      const UnitPair pair{manifest.segments[peer].unit, manifest.segments[step.segment].unit};
      action.await = CopiesOut(models_.paths().at(pair)) ? &was_read_[peer] : &ran_[peer];
      break;
    }
    case StepKind::kWrite:
      action.buffer = &action.model->input(step.tensor);
      action.source = step.peer == kNetworkInput ? models_.input(step.peer_tensor).data()
                                                 : models_.Source(peer, step.peer_tensor, step.segment);
      break;
    case StepKind::kRun:
      action.publish = &ran_[step.segment];
      break;
    case StepKind::kRead:
      action.buffer = &action.model->output(step.tensor);
      action.destination = step.peer == kNetworkOutput ? models_.output(step.peer_tensor).data()
                                                       : models_.landing(step.segment, step.tensor);
      break;
  }
  return action;
}

void CollabRun::MarkSegments(UnitLine& line) {
  for (size_t i = 0; i < line.actions.size(); ++i) {
    const size_t segment = line.actions[i].step.segment;
    line.actions[i].begins_segment = i == 0 || line.actions[i - 1].step.segment != segment;
    line.actions[i].ends_segment = i + 1 == line.actions.size() || line.actions[i + 1].step.segment != segment;
  }
}

std::string CollabRun::SectionOf(size_t unit, const Step& step) const {
  const Manifest& manifest = models_.manifest();
  std::string name = manifest.units[unit] + " " + manifest.segments[step.segment].name + " " + Name(step.kind);
  if (step.peer != kNobody) {
    name += " " + PeerName(manifest, step);
  }
  return SectionName(name);
}

void CollabRun::Execute() {
  std::vector<PlacedTask> tasks;
  for (UnitLine& line : lines_) {
    tasks.push_back({&models_.worker(line.unit), [this, &line] { Drive(line); }});
  }
  RunTogether(tasks, [this] { Abort(); });
}

void CollabRun::Abort() {
  gate_.Abort();
  warm_up_gate_.Abort();
  turn_.Abort();
  for (EventCount& event_count : ran_) {
    event_count.Abort();
  }
  for (EventCount& event_count : was_read_) {
    event_count.Abort();
  }
}

void CollabRun::Drive(UnitLine& line) {
  uint64_t run = 0;
  // All units see the same: the warm-up goes on only within the gate, where they have met.
  for (; !warm_up_.IsDone(); ++run) {
    const TraceSection section(trace_, "warm-up");
    // Warm-ups leave their moments in the first run's row, which the first run overwrites.
    const std::optional<int64_t> release = DriveRun(line, run, 0);
    if (!release || !warm_up_gate_.Pass(run, [this, &release] { warm_up_.Add(*release, *release + TotalNs(0)); })) {
      return;
    }
  }
  for (size_t row = 0; row < runs(); ++row) {
    SleepNs(samples_.gap_us * kNanosecondsPerMicrosecond);
    const std::string name = trace_ == nullptr ? std::string() : "sample " + std::to_string(row + 1);
    const TraceSection section(trace_, name.c_str());
    if (!DriveRun(line, run + row, row)) {
      return;
    }
    for (const size_t output : line.outputs) {
      const AlignedMemory& memory = models_.output(output);
      output_hashes_[row * outputs_ + output] = Fnv1a64(memory.data(), memory.bytes());
    }
  }
}

std::optional<int64_t> CollabRun::DriveRun(UnitLine& line, uint64_t run, size_t row) {
  const std::optional<int64_t> release = gate_.Pass(run);
  const size_t offset = row * line.actions.size();
  if (!release || !TakeSteps(line, run, *release, &line.begin_ns[offset], &line.end_ns[offset])) {
    return std::nullopt;
  }
  return release;
}

bool CollabRun::TakeSteps(UnitLine& line, uint64_t run, int64_t release, int64_t* begin_ns, int64_t* end_ns) {
  for (size_t i = 0; i < line.actions.size(); ++i) {
    const Action& action = line.actions[i];
    const uint64_t turn = run * segments_ + action.step.segment;
    if (sequential_ && action.begins_segment && !turn_.Await(turn)) {
      return false;
    }
    // Around the readings of the clock, and until the peer knows: a section is in no step's time, and no peer waits longer
    // for the end of one. But it lies between two steps, and so in the run's time.
    const TraceSection section(trace_, action.section.c_str());
    begin_ns[i] = NowNs() - release;
    if (!Perform(action, run)) {
      return false;
    }
    end_ns[i] = NowNs() - release;
    if (action.publish != nullptr) {
      action.publish->Publish(run + 1);
    }
    if (sequential_ && action.ends_segment) {
      turn_.Publish(turn + 1);
    }
  }
  return true;
}

bool CollabRun::Perform(const Action& action, uint64_t run) {
  switch (action.step.kind) {
    case StepKind::kWait:
      return action.await->Await(run + 1);
    case StepKind::kWrite:
      action.buffer->Write(action.source);
      return true;
    case StepKind::kRun:
      action.model->Run();
      return true;
    case StepKind::kRead:
      action.buffer->Read(action.destination);
      return true;
  }
  return false;
}

std::vector<CollabRun::StepRecord> CollabRun::Records() const {
  std::vector<StepRecord> records;
  for (const UnitLine& line : lines_) {
    for (size_t i = 0; i < line.actions.size(); ++i) {
      StepRecord record{line.unit, line.actions[i].step, {}, {}};
      for (size_t run = 0; run < runs(); ++run) {
        record.begin_ns.push_back(line.begin_ns[run * line.actions.size() + i]);
        record.end_ns.push_back(line.end_ns[run * line.actions.size() + i]);
      }
      records.push_back(std::move(record));
    }
  }
  return records;
}

std::vector<int64_t> CollabRun::TotalNs() const {
  std::vector<int64_t> totals;
  for (size_t row = 0; row < runs(); ++row) {
    totals.push_back(TotalNs(row));
  }
  return totals;
}

std::vector<uint64_t> CollabRun::OutputHashes() const {
  std::vector<uint64_t> hashes;
  for (size_t row = 0; row < runs(); ++row) {
    const uint64_t* first = &output_hashes_[row * outputs_];
    // Of several outputs, units read some each: the fingerprint is that of theirs.
    hashes.push_back(outputs_ == 1 ? *first : Fnv1a64(first, outputs_ * sizeof(uint64_t)));
  }
  return hashes;
}

int64_t CollabRun::TotalNs(size_t row) const {
  int64_t total = 0;
  for (const UnitLine& line : lines_) {
    total = std::max(total, line.end_ns[(row + 1) * line.actions.size() - 1]);
  }
  return total;
}

}  // namespace syncnas
