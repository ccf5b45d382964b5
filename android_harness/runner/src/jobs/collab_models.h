#ifndef SYNCNAS_RUNNER_JOBS_COLLAB_MODELS_H_
#define SYNCNAS_RUNNER_JOBS_COLLAB_MODELS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/aligned_memory.h"
#include "base/tensor.h"
#include "jobs/collab_plan.h"
#include "jobs/job.h"
#include "jobs/placed_model.h"
#include "protocol/job_spec.h"
#include "protocol/manifest.h"
#include "units/workers.h"

namespace syncnas {

// A bundle that is ready to run: every segment's model on its unit, every input connected to where it comes from.
class CollabModels {
 public:
  // Throws Failure: files that are missing or have another size than the manifest says, units that are not there,
  // models whose tensors are not those of the manifest, own features that a unit cannot hand from one model to the
  // next.
  CollabModels(const CollabSpec& spec, const PhaseResources& phase);

  [[nodiscard]] const Manifest& manifest() const { return manifest_; }
  // Of a unit, by its index in the manifest.
  [[nodiscard]] UnitWorker& worker(size_t unit) const { return *workers_[unit]; }
  [[nodiscard]] Model& model(size_t segment) const { return placed_[segment]->model(); }
  // The paths that were possible.
  [[nodiscard]] const PairPaths& paths() const { return paths_; }
  [[nodiscard]] bool fully_accelerated() const;
  [[nodiscard]] int64_t create_ns() const;

  // The host's side: the network's input and its output.
  [[nodiscard]] const AlignedMemory& input() const { return input_; }
  [[nodiscard]] AlignedMemory& output() { return output_; }

  // Where a segment's output is read to, for all its peers that have it copied out; null where none has. It is an input
  // of one of them that is host memory, else staging memory.
  [[nodiscard]] void* landing(size_t segment) const { return landings_[segment].memory; }
  // The memory that a receiver copies from: the sender's own over upload, else the memory that its output was read to.
  [[nodiscard]] const void* Source(size_t sender, size_t receiver) const;

 private:
  void FindWorkers(const CollabSpec& spec, const PhaseResources& phase);
  void ReadInput();
  void CreateModels();
  void CheckModel(const SegmentSpec& segment, const Model& model) const;
  void ConnectOwnInputs(size_t segment);
  void ConnectPeers();
  // Called on the receiver's thread; tells by which path the pair hands over.
  HandoverPath ConnectPair(const UnitPair& pair, HandoverPath wanted);
  bool SharePair(const UnitPair& pair);
  HandoverPath AllocatePair(const UnitPair& pair);
  bool LandPair(const UnitPair& pair);
  void AddStaging();
  // Calls `visit(receiver, input index, sender)`, of segments, for all that one unit hands to another.
  void ForEachHandover(const UnitPair& pair, const std::function<void(size_t, size_t, size_t)>& visit) const;

  Manifest manifest_;
  std::vector<UnitWorker*> workers_;
  std::vector<std::unique_ptr<PlacedModel>> placed_;
  PairPaths paths_;
  AlignedMemory input_;
  AlignedMemory output_;
  // Per segment: see `landing`. `input` is null where it is staging memory.
  struct Landing {
    void* memory = nullptr;
    Buffer* input = nullptr;
    AlignedMemory staging;
  };
  std::vector<Landing> landings_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_COLLAB_MODELS_H_
