#ifndef SYNCNAS_RUNNER_UNITS_UNIT_WORKER_H_
#define SYNCNAS_RUNNER_UNITS_UNIT_WORKER_H_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engines/engine.h"
#include "protocol/phase.h"

namespace syncnas {

// A unit and the one thread that drives it: everything that the unit does, it does on this thread, which is confined to
// the unit's cores for good. The thread that hands out the tasks sleeps while they run.
class UnitWorker {
 public:
  // Returns when the thread is confined and the unit is open. Throws Failure where either cannot be had.
  UnitWorker(UnitSpec spec, Engine& engine);
  ~UnitWorker();
  UnitWorker(const UnitWorker&) = delete;
  UnitWorker& operator=(const UnitWorker&) = delete;

  [[nodiscard]] const UnitSpec& spec() const { return spec_; }
  // Where the thread really runs, as read back.
  [[nodiscard]] const std::vector<int>& cores() const { return cores_; }

  // Hands a task over; one at a time.
  void Start(std::function<void()> task);
  // Sleeps until the task is done. Throws Failure with the task's reason if it failed.
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
  // Guarded by mutex_.
  std::function<void()> task_;
  bool busy_ = true;
  bool ending_ = false;
  std::optional<std::string> failure_;

  // Last, so that all the above is there when it starts.
  std::thread thread_;
};

// The phase's units by name, those that could not be had among them.
class Workers {
 public:
  void Add(std::unique_ptr<UnitWorker> worker);
  void AddFailed(const std::string& unit, const std::string& reason) { failed_[unit] = reason; }

  // Throws Failure with the reason if the unit could not be had.
  UnitWorker& At(const std::string& unit);

 private:
  std::map<std::string, std::unique_ptr<UnitWorker>> workers_;
  std::map<std::string, std::string> failed_;
};

// One task per worker, at the same time.
struct PlacedTask {
  UnitWorker* worker;
  std::function<void()> task;
};

// Returns when all are done. When one fails, `abort` is called (on that task's thread), which must make the others
// return; the first failure is thrown.
void RunTogether(const std::vector<PlacedTask>& tasks, const std::function<void()>& abort);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_UNITS_UNIT_WORKER_H_
