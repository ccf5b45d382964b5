#include "jobs/collab_job.h"

#include <set>
#include <string>
#include <utility>

#include "base/failure.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "base/random.h"

namespace syncnas {

namespace {

// "out.f32", and beside it "out.f32.1" and so on.
FilePath NumberedFile(const FilePath& first, size_t number) {
  const std::string suffix = number == 0 ? "" : "." + std::to_string(number);
  return {first.shown + suffix, first.full + suffix};
}

}  // namespace

CollabJob::CollabJob(CollabSpec spec, const PhaseResources& phase) : Job(phase), spec_(std::move(spec)) {}

int64_t CollabJob::Create() {
  models_ = std::make_unique<CollabModels>(spec_, phase());
  Random random(phase().seed);
  for (const LoadSpec& load : spec_.loads) {
    RequireIdle(load);
    loads_.push_back(std::make_unique<Load>(load, phase(), random));
  }
  return models_->create_ns();
}

// Without a binding, only the manifest tells which units the bundle itself keeps at work.
void CollabJob::RequireIdle(const LoadSpec& load) const {
  for (size_t unit = 0; unit < models_->manifest().units.size(); ++unit) {
    if (models_->worker(unit).spec().name == load.unit) {
      throw Failure("unit " + load.unit + " cannot be the load: the bundle runs on it");
    }
  }
}

void CollabJob::Measure() {
  LoadSession session(loads_);
  run_ = std::make_unique<CollabRun>(*models_, spec_, phase().trace.active());
  run_->Execute();
  session.Finish();
  total_ns_ = run_->TotalNs();
  if (!spec_.output.full.empty()) {
    for (size_t i = 0; i < models_->manifest().outputs.size(); ++i) {
      const AlignedMemory& output = models_->output(i);
      WriteFile(NumberedFile(spec_.output, i), output.data(), output.bytes());
    }
  }
}

void CollabJob::ReportVisit(JsonLine& line) const {
  run_->warm_up().Report(line);
  line.Name("accelerated").Bool(models_->fully_accelerated());
  ReportSteps(line);
  line.Name("total_ns").Ints(total_ns_);
  ReportOutputs(line);
  ReportPaths(line);
}

void CollabJob::ReportSteps(JsonLine& line) const {
  const Manifest& manifest = models_->manifest();
  const std::vector<CollabRun::StepRecord> records = run_->Records();
  line.Name("steps").BeginArray();
  for (const CollabRun::StepRecord& record : records) {
    line.BeginObject();
    line.Name("unit").String(manifest.units[record.unit]);
    line.Name("segment").String(manifest.segments[record.step.segment].name);
    line.Name("step").String(Name(record.step.kind));
    if (record.step.peer != kNobody) {
      line.Name("peer").String(PeerName(manifest, record.step));
    }
    line.EndObject();
  }
  line.EndArray();
  line.Name("begin_ns").BeginArray();
  for (const CollabRun::StepRecord& record : records) {
    line.Ints(record.begin_ns);
  }
  line.EndArray();
  line.Name("end_ns").BeginArray();
  for (const CollabRun::StepRecord& record : records) {
    line.Ints(record.end_ns);
  }
  line.EndArray();
}

void CollabJob::ReportOutputs(JsonLine& line) const {
  const std::vector<uint64_t> hashes = run_->OutputHashes();
  line.Name("outputs").BeginObject();
  line.Name("distinct").Int(static_cast<int64_t>(std::set<uint64_t>(hashes.begin(), hashes.end()).size()));
  line.Name("hash").String(Hex64(hashes.back()));
  line.EndObject();
}

void CollabJob::ReportPaths(JsonLine& line) const {
  line.Name("paths").BeginObject();
  for (const auto& [pair, path] : models_->paths()) {
    const std::vector<std::string>& units = models_->manifest().units;
    line.Name(units[pair.first] + ">" + units[pair.second]).String(Name(path));
  }
  line.EndObject();
}

}  // namespace syncnas
