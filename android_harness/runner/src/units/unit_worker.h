#ifndef SYNCNAS_RUNNER_UNITS_UNIT_WORKER_H_
#define SYNCNAS_RUNNER_UNITS_UNIT_WORKER_H_

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engines/engine.h"
#include "protocol/unit_spec.h"

namespace syncnas {

// A unit and the one thread that drives it: everything that the unit does, it does on this thread, which is confined to
// the unit's cores for good. The thread that hands out the tasks sleeps while they run, but for the first moments.
class UnitWorker {
 public:
  // Returns when the thread is confined and the unit is open. Throws Failure where either fails.
  UnitWorker(UnitSpec spec, Engine& engine);
  ~UnitWorker();
  UnitWorker(const UnitWorker&) = delete;
  UnitWorker& operator=(const UnitWorker&) = delete;

  [[nodiscard]] const UnitSpec& spec() const { return spec_; }
  // Where the thread really runs, as read back.
  [[nodiscard]] const std::vector<int>& cores() const { return cores_; }

  // Hands a task over; one at a time.
  void Start(std::function<void()> task);
  // Waits until the task is done. Throws Failure with the task's reason if it failed.
  void Finish();
  void Run(std::function<void()> task);

  // On the worker's own thread, that is, in a task. Threads that the runtime starts for a CPU model inherit the unit's
  // cores; those of other units stay free, because a driver's helpers would starve the thread that they serve.
  std::unique_ptr<Model> CreateModel(const FilePath& path);

 private:
  void Loop(Engine& engine);
  void Open(Engine& engine);
  std::optional<std::string> Attempt(const std::function<void()>& task);
  void Join();

  const UnitSpec spec_;
  std::vector<int> free_cores_;
  std::vector<int> cores_;
  std::unique_ptr<Unit> unit_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Written under mutex_. The flags are looked at without it by whoever waits and does not sleep yet.
  std::function<void()> task_;
  std::atomic<bool> busy_{true};
  std::atomic<bool> ending_{false};
  std::optional<std::string> failure_;

  // Last, so that all the above is there when it starts.
  std::thread thread_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_UNITS_UNIT_WORKER_H_
