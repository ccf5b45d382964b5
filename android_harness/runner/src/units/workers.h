#ifndef SYNCNAS_RUNNER_UNITS_WORKERS_H_
#define SYNCNAS_RUNNER_UNITS_WORKERS_H_

#include <map>
#include <memory>
#include <string>

#include "units/unit_worker.h"

namespace syncnas {

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

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_UNITS_WORKERS_H_
