#ifndef SYNCNAS_RUNNER_COLLAB_MODELS_H_
#define SYNCNAS_RUNNER_COLLAB_MODELS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "aligned_memory.h"
#include "collab_plan.h"
#include "job.h"
#include "manifest.h"
#include "phase.h"

namespace syncnas {

// A bundle that is ready to run: every segment's model on its unit, every input connected to where it comes from.
class CollabModels {
 public:
  // Throws Failure: files that are missing or have another size than the manifest says, units that are not there,
  // models whose tensors are not those of the manifest, own features that a unit cannot hand from one model to the
  // next.
  CollabModels(const CollabSpec& spec, const JobContext& context);

  [[nodiscard]] const Manifest& manifest() const { return manifest_; }
  // By manifest unit.
  [[nodiscard]] UnitWorker& worker(size_t unit) const { return *workers_[unit]; }
  [[nodiscard]] Model& model(size_t segment) const { return placed_[segment]->model(); }
  // The paths that were possible.
  [[nodiscard]] const PairPaths& paths() const { return paths_; }
  [[nodiscard]] bool fully_accelerated() const;
  [[nodiscard]] int64_t create_ns() const;

  // The host's side: the network's input, its output, and per segment what its peers copy its output from (empty where
  // nobody does).
  [[nodiscard]] const AlignedMemory& input() const { return input_; }
  [[nodiscard]] AlignedMemory& output() { return output_; }
  [[nodiscard]] AlignedMemory& staging(size_t segment) { return staging_[segment]; }

 private:
  void FindWorkers(const CollabSpec& spec, const JobContext& context);
  void ReadInput();
  void CreateModels(const JobContext& context);
  void CheckModel(const SegmentSpec& segment, const Model& model) const;
  void ConnectOwnInputs(size_t segment);
  void ConnectPeers();
  bool SharePair(const UnitPair& pair);
  void AllocatePair(const UnitPair& pair);

  Manifest manifest_;
  std::vector<UnitWorker*> workers_;
  std::vector<std::unique_ptr<PlacedModel>> placed_;
  PairPaths paths_;
  AlignedMemory input_;
  AlignedMemory output_;
  std::vector<AlignedMemory> staging_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_COLLAB_MODELS_H_
