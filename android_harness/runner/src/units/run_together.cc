#include "units/run_together.h"

#include <exception>
#include <mutex>
#include <optional>
#include <string>

#include "base/failure.h"

namespace syncnas {

void RunTogether(const std::vector<PlacedTask>& tasks, const std::function<void()>& abort) {
  std::mutex mutex;
  std::optional<std::string> first_failure;
  for (const PlacedTask& placed : tasks) {
    placed.worker->Start([&placed, &abort, &mutex, &first_failure] {
      try {
        placed.task();
      } catch (const std::exception& error) {
        {
          const std::lock_guard<std::mutex> lock(mutex);
          if (!first_failure) {
            first_failure = error.what();
          }
        }
        abort();
      }
    });
  }
  for (const PlacedTask& placed : tasks) {
    placed.worker->Finish();
  }
  if (first_failure) {
    throw Failure(*first_failure);
  }
}

}  // namespace syncnas
