#include "units/unit_worker.h"

#include <new>
#include <utility>

#include "base/clock.h"
#include "base/failure.h"
#include "device/affinity.h"
#include "units/event_count.h"

namespace syncnas {

namespace {

// A visit hands over some short tasks one after the other, and a thread that has fallen asleep takes 50 us to come back
// (virtual machines); whoever waits spins for as long before it sleeps. A visit warms up for longer than that.
constexpr int64_t kSpinNs = 50'000;

template <typename Predicate>
void SpinFor(int64_t duration_ns, const Predicate& is_over) {
  const int64_t give_up = NowNs() + duration_ns;
  while (!is_over() && NowNs() < give_up) {
    RelaxCpu();
  }
}

}  // namespace

UnitWorker::UnitWorker(UnitSpec spec, Engine& engine)
    : spec_(std::move(spec)), thread_([this, &engine] { Loop(engine); }) {
  try {
    Finish();
  } catch (const Failure&) {
    Join();
    throw;
  }
}

UnitWorker::~UnitWorker() { Join(); }

void UnitWorker::Join() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void UnitWorker::Start(std::function<void()> task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    task_ = std::move(task);
    busy_ = true;
  }
  changed_.notify_all();
}

void UnitWorker::Finish() {
  SpinFor(kSpinNs, [this] { return !busy_; });
  std::optional<std::string> failure;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !busy_; });
    failure = std::exchange(failure_, std::nullopt);
  }
  if (failure) {
    throw Failure(*failure);
  }
}

void UnitWorker::Run(std::function<void()> task) {
  Start(std::move(task));
  Finish();
}

std::optional<std::string> UnitWorker::Attempt(const std::function<void()>& task) {
  // An exception must not leave the thread, and what is thrown is no more than its sentence.
  try {
    task();
  } catch (const std::bad_alloc&) {
    return "unit " + spec_.name + ": not enough memory";
  } catch (const std::exception& error) {
    return error.what();
  }
  return std::nullopt;
}

void UnitWorker::Loop(Engine& engine) {
  std::function<void()> task = [this, &engine] { Open(engine); };
  while (true) {
    std::optional<std::string> failure = Attempt(task);
    // Destroys on this thread what the task holds, before anybody is told that it is done.
    task = nullptr;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      failure_ = std::move(failure);
      busy_ = false;
    }
    changed_.notify_all();
    const auto is_wanted = [this] { return ending_ || busy_; };
    SpinFor(kSpinNs, is_wanted);
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, is_wanted);
    if (ending_) {
      break;
    }
    task = std::exchange(task_, nullptr);
  }
  unit_.reset();
}

void UnitWorker::Open(Engine& engine) {
  free_cores_ = CurrentCores();
  if (!spec_.cores.empty()) {
    ConfineToCores(spec_.cores);
  }
  cores_ = CurrentCores();
  unit_ = engine.OpenUnit(spec_);
}

std::unique_ptr<Model> UnitWorker::CreateModel(const FilePath& path) {
  if (spec_.kind == UnitKind::kCpu || spec_.cores.empty()) {
    return unit_->CreateModel(path);
  }
  ConfineToCores(free_cores_);
  std::unique_ptr<Model> model;
  try {
    model = unit_->CreateModel(path);
  } catch (const Failure&) {
    ConfineToCores(cores_);
    throw;
  }
  ConfineToCores(cores_);
  return model;
}

}  // namespace syncnas
