#include "jobs/time_job.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "base/tensor.h"
#include "device/device_state.h"

namespace syncnas {

namespace {

// A sample that takes longer than its thread was on a core, by more than this time and this share of the sample (one
// part in so many), had to wait for something else on the core.
constexpr int64_t kUndisturbedNs = 20'000;
constexpr int64_t kUndisturbedShare = 20;

}  // namespace

TimeJob::TimeJob(TimeSpec spec, const PhaseResources& phase)
    : Job(phase), spec_(std::move(spec)), warm_up_(spec_.samples) {
  const auto runs = static_cast<size_t>(spec_.samples.runs);
  for (std::vector<int64_t>* samples : {&write_ns_, &run_ns_, &read_ns_, &total_ns_, &cpu_ns_}) {
    samples->resize(runs);
  }
}

int64_t TimeJob::Create() {
  placed_ = std::make_unique<PlacedModel>(phase().workers.At(spec_.unit), spec_.model);
  Model& model = placed_->model();
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    host_inputs_.push_back(phase().host.Values(model.inputs()[i], i));
  }
  for (size_t i = 0; i < model.outputs().size(); ++i) {
    host_outputs_.push_back(phase().host.Landing(model.outputs()[i].Bytes(), i));
  }
  placed_->worker().Run([&model] {
    for (size_t i = 0; i < model.inputs().size(); ++i) {
      model.AllocateInput(i);
    }
  });
  Random random(phase().seed);
  for (const LoadSpec& load : spec_.loads) {
    loads_.push_back(std::make_unique<Load>(load, phase(), random));
  }
  return placed_->create_ns();
}

void TimeJob::Measure() {
  LoadSession session(loads_);
  placed_->worker().Run([this] { TakeSamples(); });
  session.Finish();
}

void TimeJob::WriteInputs(Model& model) {
  for (size_t i = 0; i < host_inputs_.size(); ++i) {
    model.input(i).Write(host_inputs_[i]->data());
  }
}

void TimeJob::ReadOutputs(Model& model) {
  for (size_t i = 0; i < host_outputs_.size(); ++i) {
    model.output(i).Read(host_outputs_[i]->data());
  }
}

void TimeJob::TakeSamples() {
  Model& model = placed_->model();
  first_ns_.reset();
  if (!ran_before_) {
    WriteInputs(model);
    const int64_t begin = NowNs();
    model.Run();
    first_ns_ = NowNs() - begin;
    ran_before_ = true;
  }
  warm_up_ = WarmUp(spec_.samples, first_ns_.has_value(), GovernedClock(placed_->worker().cores()));
  while (!warm_up_.IsDone()) {
    // As a sample is taken, so that its own code is warm as well; the first sample takes its place.
    const int64_t end = TakeSample(model, 0);
    warm_up_.Add(end - total_ns_[0], end);
  }
  disturbed_ns_.clear();
  for (size_t i = 0; i < total_ns_.size();) {
    SleepNs(spec_.samples.gap_us * kNanosecondsPerMicrosecond);
    TakeSample(model, i);
    if (IsDisturbed(i) && disturbed_ns_.size() < total_ns_.size()) {
      disturbed_ns_.push_back(total_ns_[i]);
    } else {
      ++i;
    }
  }
}

bool TimeJob::IsDisturbed(size_t index) const {
  // Only where all the work is the thread's own, and nobody was asked to share its core.
  const UnitSpec& unit = placed_->worker().spec();
  if (unit.kind != UnitKind::kCpu || unit.threads != 1 || !loads_.empty()) {
    return false;
  }
  return total_ns_[index] - cpu_ns_[index] > std::max(kUndisturbedNs, total_ns_[index] / kUndisturbedShare);
}

int64_t TimeJob::TakeSample(Model& model, size_t index) {
  const int64_t cpu_begin = ThreadCpuNs();
  const int64_t begin = NowNs();
  WriteInputs(model);
  const int64_t written = NowNs();
  model.Run();
  const int64_t ran = NowNs();
  ReadOutputs(model);
  const int64_t end = NowNs();
  cpu_ns_[index] = ThreadCpuNs() - cpu_begin;
  write_ns_[index] = written - begin;
  run_ns_[index] = ran - written;
  read_ns_[index] = end - ran;
  total_ns_[index] = end - begin;
  return end;
}

void TimeJob::ReportVisit(JsonLine& line) const {
  line.Name("first_ns").OptionalInt(first_ns_);
  warm_up_.Report(line);
  line.Name("accelerated").Bool(placed_->model().fully_accelerated());
  line.Name("cached");
  if (const std::optional<bool> cached = placed_->model().had_programs(); cached) {
    line.Bool(*cached);
  } else {
    line.Null();
  }
  line.Name("buffers").Strings(placed_->model().buffer_kinds());
  line.Name("output_buffers").Strings(placed_->model().output_kinds());
  line.Name("samples").BeginObject();
  line.Name("write_ns").Ints(write_ns_);
  line.Name("run_ns").Ints(run_ns_);
  line.Name("read_ns").Ints(read_ns_);
  line.Name("total_ns").Ints(total_ns_);
  line.Name("cpu_ns").Ints(cpu_ns_);
  line.EndObject();
  line.Name("disturbed_ns").Ints(disturbed_ns_);
  line.Name("clock_khz").BeginArray();
  for (const int core : placed_->worker().cores()) {
    line.OptionalInt(CoreClockKhz(core));
  }
  line.EndArray();
  line.Name("cap_khz").BeginArray();
  for (const int core : placed_->worker().cores()) {
    line.OptionalInt(CoreClockCapKhz(core));
  }
  line.EndArray();
  line.Name("temperature_mc").OptionalInt(HottestZoneMilliCelsius());
}

}  // namespace syncnas
