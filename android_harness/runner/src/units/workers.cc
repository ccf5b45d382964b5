#include "units/workers.h"

#include <utility>

#include "base/failure.h"

namespace syncnas {

void Workers::Add(std::unique_ptr<UnitWorker> worker) {
  const std::string name = worker->spec().name;
  workers_[name] = std::move(worker);
}

UnitWorker& Workers::At(const std::string& unit) {
  const auto worker = workers_.find(unit);
  if (worker != workers_.end()) {
    return *worker->second;
  }
  const auto failed = failed_.find(unit);
  if (failed == failed_.end()) {
    throw Failure("the phase has no unit " + unit);
  }
  throw Failure("unit " + unit + " cannot be had: " + failed->second);
}

}  // namespace syncnas
