#include "jobs/load.h"

#include "base/failure.h"

namespace syncnas {

Load::Load(const LoadSpec& spec, const PhaseResources& phase, Random& random)
    : placed_(phase.workers.At(spec.unit), spec.model), running_(WaitSpec{WaitMode::kCondvar, 0}) {
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
