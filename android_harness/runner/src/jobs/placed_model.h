#ifndef SYNCNAS_RUNNER_JOBS_PLACED_MODEL_H_
#define SYNCNAS_RUNNER_JOBS_PLACED_MODEL_H_

#include <cstdint>
#include <memory>

#include "base/files.h"
#include "base/random.h"
#include "engines/engine.h"
#include "jobs/ledger.h"
#include "units/unit_worker.h"

namespace syncnas {

// A model that lives on its unit's thread: created there, destroyed there.
class PlacedModel {
 public:
  // Throws Failure where the model cannot be created.
  PlacedModel(UnitWorker& worker, const FilePath& path);
  ~PlacedModel();
  PlacedModel(const PlacedModel&) = delete;
  PlacedModel& operator=(const PlacedModel&) = delete;

  [[nodiscard]] UnitWorker& worker() const { return worker_; }
  [[nodiscard]] int64_t create_ns() const { return create_ns_; }
  // To be used on the worker's thread.
  [[nodiscard]] Model& model() const { return *model_; }

 private:
  UnitWorker& worker_;
  std::unique_ptr<Model> model_;
  int64_t create_ns_ = 0;
};

// Gives every input of a model memory and fills it with plain random values (FillRandom). On the model's own thread.
void FillInputs(Model& model, Random& random);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_PLACED_MODEL_H_
