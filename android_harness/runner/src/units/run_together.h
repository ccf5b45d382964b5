#ifndef SYNCNAS_RUNNER_UNITS_RUN_TOGETHER_H_
#define SYNCNAS_RUNNER_UNITS_RUN_TOGETHER_H_

#include <functional>
#include <vector>

#include "units/unit_worker.h"

namespace syncnas {

// One task per worker, at the same time.
struct PlacedTask {
  UnitWorker* worker;
  std::function<void()> task;
};

// Returns when all are done. When one fails, `abort` is called (on that task's thread), which must make the others
// return; the first failure is thrown.
void RunTogether(const std::vector<PlacedTask>& tasks, const std::function<void()>& abort);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_UNITS_RUN_TOGETHER_H_
