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

  // The host's side: the network's inputs and its outputs, by their numbers.
  [[nodiscard]] const AlignedMemory& input(size_t number) const { return inputs_[number]; }
  [[nodiscard]] AlignedMemory& output(size_t number) { return outputs_[number]; }

  // Where an output of a segment is read to, for all its peers that have it copied out; null where none has. It is an
  // input of one of them that is host memory, else staging memory.
  [[nodiscard]] void* landing(size_t segment, size_t output) const { return landings_[segment][output].memory; }
  // The memory that a receiver copies an output from: the sender's own over upload, else where it was read to.
  [[nodiscard]] const void* Source(size_t sender, size_t output, size_t receiver) const;

 private:
  void FindWorkers(const CollabSpec& spec, const PhaseResources& phase);
  void ReadInputs();
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
  // A tensor on its way from one segment to another.
  struct Handed {
    size_t sender;
    size_t output;
    size_t receiver;
    size_t input;
  };
  void ForEachOf(size_t receiver, const std::function<void(const Handed&)>& visit) const;
  // All that one unit hands to another.
  void ForEachHandover(const UnitPair& pair, const std::function<void(const Handed&)>& visit) const;
  [[nodiscard]] Buffer& Given(const Handed& handed) const { return model(handed.sender).output(handed.output); }

  Manifest manifest_;
  std::vector<UnitWorker*> workers_;
  std::vector<std::unique_ptr<PlacedModel>> placed_;
  PairPaths paths_;
  std::vector<AlignedMemory> inputs_;
  std::vector<AlignedMemory> outputs_;
  // Per segment and output: see `landing`. `input` is null where it is staging memory.
  struct Landing {
    void* memory = nullptr;
    Buffer* input = nullptr;
    AlignedMemory staging;
  };
  [[nodiscard]] Landing& LandingOf(const Handed& handed) { return landings_[handed.sender][handed.output]; }
  std::vector<std::vector<Landing>> landings_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_COLLAB_MODELS_H_
