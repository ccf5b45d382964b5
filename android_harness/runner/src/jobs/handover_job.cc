#include "jobs/handover_job.h"

#include <cstring>

#include <utility>

#include "base/clock.h"
#include "base/failure.h"
#include "base/random.h"
#include "units/event_count.h"
#include "units/handover_path.h"
#include "units/run_together.h"

namespace syncnas {

namespace {

// Reads one byte of every cache line. The loads do not depend on each other, so they overlap as a kernel's would.
void TouchLines(const void* data, size_t bytes) {
  const auto* at = static_cast<const volatile unsigned char*>(data);
  for (size_t i = 0; i < bytes; i += kCacheLine) {
    static_cast<void>(at[i]);
  }
}

std::vector<int64_t> Difference(const std::vector<int64_t>& later, const std::vector<int64_t>& earlier) {
  std::vector<int64_t> difference(later.size());
  for (size_t i = 0; i < later.size(); ++i) {
    difference[i] = later[i] - earlier[i];
  }
  return difference;
}

}  // namespace

struct HandoverJob::Meeting {
  explicit Meeting(const WaitSpec& wait) : ready(wait), handed(wait) {}

  void Abort() {
    ready.Abort();
    handed.Abort();
  }

  // Counts the hand-overs that the receiver is ready for: it is done with those before, and past its pause.
  EventCount ready;
  // Counts the hand-overs that the sender has made.
  EventCount handed;
};

HandoverJob::HandoverJob(HandoverSpec spec, const PhaseResources& phase) : Job(phase), spec_(std::move(spec)) {
  const auto runs = static_cast<size_t>(spec_.samples.runs);
  for (std::vector<int64_t>* moments :
       {&run_at_ns_, &rerun_at_ns_, &begin_ns_, &signal_ns_, &awake_ns_, &taken_ns_, &taken_again_ns_}) {
    moments->resize(runs);
  }
}

int64_t HandoverJob::Create() {
  sender_ = std::make_unique<PlacedModel>(phase().workers.At(spec_.from), spec_.model);
  receiver_ = std::make_unique<PlacedModel>(phase().workers.At(spec_.to), spec_.model);
  CheckModel();
  bytes_ = sender_->model().outputs()[0].Bytes();
  const bool has_next_model = !spec_.next_model.full.empty();
  senders_next_ =
      std::make_unique<PlacedModel>(sender_->worker(), has_next_model ? spec_.next_model : spec_.model);
  if (has_next_model) {
    receivers_next_ = std::make_unique<PlacedModel>(receiver_->worker(), spec_.next_model);
  }
  sender_->worker().Run([this] {
    Random random(phase().seed);
    FillInputs(sender_->model(), random);
    FillInputs(senders_next_->model(), random);
  });
  receiver_->worker().Run([this] {
    path_ = Connect();
    if (receivers_next_ != nullptr) {
      Random random(phase().seed);
      FillInputs(receivers_next_->model(), random);
    }
  });
  return sender_->create_ns() + receiver_->create_ns();
}

HandoverPath HandoverJob::Connect() {
  Buffer& output = sender_->model().output(0);
  if (spec_.path == HandoverPath::kShared && receiver_->model().ShareInput(0, output)) {
    return HandoverPath::kShared;
  }
  Buffer& input = receiver_->model().AllocateInput(0);
  const HandoverPath path = spec_.path == HandoverPath::kMemcpy ? HandoverPath::kMemcpy : PathBetween(output, input);
  if (path == HandoverPath::kMemcpy) {
    staging_ = AlignedMemory(bytes_);
  }
  if (CopiesOut(path)) {
    destination_ = path == HandoverPath::kReadback ? input.host() : staging_.data();
  }
  if (CopiesIn(path)) {
    source_ = path == HandoverPath::kUpload ? output.host() : staging_.data();
  }
  return path;
}

void HandoverJob::CheckModel() const {
  const Model& model = sender_->model();
  if (model.inputs().size() != 1 || model.outputs().size() != 1 || model.inputs()[0] != model.outputs()[0]) {
    throw Failure(spec_.model.shown + " must have one input and one output of the same shape");
  }
}

void HandoverJob::Measure() {
  Meeting meeting(spec_.wait);
  RunTogether({{&sender_->worker(), [this, &meeting] { Send(meeting); }},
               {&receiver_->worker(), [this, &meeting] { Receive(meeting); }}},
              [&meeting] { meeting.Abort(); });
  total_ns_ = Difference(taken_ns_, begin_ns_);
  CheckArrived();
}

void HandoverJob::Send(Meeting& meeting) {
  const auto warmup = static_cast<size_t>(spec_.samples.warmup);
  const size_t handovers = warmup + begin_ns_.size();
  Buffer& output = sender_->model().output(0);
  for (size_t i = 0; i < handovers; ++i) {
    if (i >= warmup) {
      SleepNs(spec_.samples.gap_us * kNanosecondsPerMicrosecond);
    }
    if (!meeting.ready.Await(i + 1)) {
      return;
    }
    const int64_t run_at = NowNs();
    // What the receiver has read lies in its cache as well; writing there takes the lines back from it.
    sender_->model().Run();
    const int64_t rerun_at = NowNs();
    sender_->model().Run();
    const int64_t begin = NowNs();
    int64_t signal = begin;
    if (destination_ != nullptr) {
      output.Read(destination_);
      signal = NowNs();
    }
    meeting.handed.Publish(i + 1);
    if (i >= warmup) {
      run_at_ns_[i - warmup] = run_at;
      rerun_at_ns_[i - warmup] = rerun_at;
      begin_ns_[i - warmup] = begin;
      signal_ns_[i - warmup] = signal;
    }
    // As a unit goes on with its next segment: the receiver takes the data while the sender uses the memory, too.
    senders_next_->model().Run();
  }
}

void HandoverJob::Receive(Meeting& meeting) {
  const auto warmup = static_cast<size_t>(spec_.samples.warmup);
  const size_t handovers = warmup + begin_ns_.size();
  Buffer& input = receiver_->model().input(0);
  for (size_t i = 0; i < handovers; ++i) {
    if (i >= warmup) {
      SleepNs(spec_.samples.gap_us * kNanosecondsPerMicrosecond);
    }
    // Only now: if the sender could signal while this thread still rose from its pause, that would count as wake-up.
    meeting.ready.Publish(i + 1);
    if (!meeting.handed.Await(i + 1)) {
      return;
    }
    const int64_t awake = NowNs();
    Take(input);
    const int64_t taken = NowNs();
    Take(input);
    const int64_t taken_again = NowNs();
    if (i >= warmup) {
      awake_ns_[i - warmup] = awake;
      taken_ns_[i - warmup] = taken;
      taken_again_ns_[i - warmup] = taken_again;
    }
    if (receivers_next_ != nullptr) {
      receivers_next_->model().Run();
    }
  }
}

void HandoverJob::Take(Buffer& input) {
  if (source_ != nullptr) {
    input.Write(source_);
  } else {
    TouchLines(input.host(), bytes_);
  }
}

void HandoverJob::CheckArrived() {
  AlignedMemory sent(bytes_);
  AlignedMemory arrived(bytes_);
  sender_->worker().Run([this, &sent] { sender_->model().output(0).Read(sent.data()); });
  receiver_->worker().Run([this, &arrived] { receiver_->model().input(0).Read(arrived.data()); });
  if (std::memcmp(sent.data(), arrived.data(), bytes_) != 0) {
    throw Failure("what unit " + spec_.to + " received is not what unit " + spec_.from + " had sent");
  }
}

void HandoverJob::ReportVisit(JsonLine& line) const {
  line.Name("accelerated").Bool(sender_->model().fully_accelerated() && receiver_->model().fully_accelerated());
  line.Name("path").String(Name(path_));
  line.Name("sender_buffers").Strings(sender_->model().output_kinds());
  line.Name("receiver_buffers").Strings(receiver_->model().buffer_kinds());
  line.Name("bytes").Int(static_cast<int64_t>(bytes_));
  line.Name("samples").BeginObject();
  line.Name("run_ns").Ints(Difference(rerun_at_ns_, run_at_ns_));
  line.Name("rerun_ns").Ints(Difference(begin_ns_, rerun_at_ns_));
  line.Name("read_ns").Ints(Difference(signal_ns_, begin_ns_));
  line.Name("wakeup_ns").Ints(Difference(awake_ns_, signal_ns_));
  line.Name("write_ns").Ints(Difference(taken_ns_, awake_ns_));
  line.Name("rewrite_ns").Ints(Difference(taken_again_ns_, taken_ns_));
  line.Name("total_ns").Ints(total_ns_);
  line.EndObject();
}

}  // namespace syncnas
