#include "jobs/load.h"

#include "base/aligned_memory.h"
#include "base/failure.h"
#include "base/tensor.h"

namespace syncnas {

void FillInputs(Model& model, Random& random) {
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    const TensorType& type = model.inputs()[i];
    AlignedMemory values(type.Bytes());
    FillRandom(type, random, values.data());
    model.AllocateInput(i).Write(values.data());
  }
}

Load::Load(const LoadSpec& spec, const JobContext& context, Random& random)
    : placed_(context.workers.At(spec.unit), spec.model, context.ledger), running_(WaitSpec{WaitMode::kCondvar, 0}) {
  placed_.worker().Run([this, &random] { FillInputs(placed_.model(), random); });
}

void Load::Begin() {
  ++begun_;
  stop_.store(false, std::memory_order_relaxed);
  placed_.worker().Start([this] { Loop(); });
  if (!running_.Await(begun_)) {
    End();  // throws the reason
  }
}

void Load::Loop() {
  try {
    placed_.model().Run();
    running_.Publish(begun_);
    while (!stop_.load(std::memory_order_relaxed)) {
      placed_.model().Run();
    }
  } catch (const Failure& failure) {
    running_.Abort();
    throw Failure("the load on unit " + placed_.worker().spec().name + ": " + failure.what());
  }
}

void Load::End() {
  stop_.store(true, std::memory_order_relaxed);
  placed_.worker().Finish();
}

LoadSession::LoadSession(const std::vector<std::unique_ptr<Load>>& loads) {
  for (const std::unique_ptr<Load>& load : loads) {
    try {
      load->Begin();
    } catch (const Failure&) {
      EndAll();  // no destructor runs for an object whose constructor throws
      throw;
    }
    running_.push_back(load.get());
  }
}

LoadSession::~LoadSession() { EndAll(); }

std::optional<std::string> LoadSession::EndAll() {
  std::optional<std::string> first_reason;
  for (Load* load : running_) {
    try {
      load->End();
    } catch (const Failure& failure) {
      first_reason = first_reason.value_or(failure.what());
    }
  }
  running_.clear();
  return first_reason;
}

void LoadSession::Finish() {
  if (const std::optional<std::string> reason = EndAll()) {
    throw Failure(*reason);
  }
}

}  // namespace syncnas
