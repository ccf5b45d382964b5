#ifndef SYNCNAS_RUNNER_ENGINES_ENGINE_H_
#define SYNCNAS_RUNNER_ENGINES_ENGINE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/tensor.h"
#include "protocol/unit_spec.h"

namespace syncnas {

// The interface of a runtime that drives units. An engine makes units, a unit makes models, a model has buffers; each
// must be destroyed before its maker. Everything that can fail throws Failure.

// Memory that one input or output of one model is bound to.
class Buffer {
 public:
  virtual ~Buffer() = default;

  // The size of the tensor, densely packed, which Write and Read move.
  [[nodiscard]] virtual size_t bytes() const = 0;

  // Copies between the caller's memory and the unit's. Done when they return.
  virtual void Write(const void* source) = 0;
  virtual void Read(void* destination) = 0;

  // The memory itself where the unit works on host memory, else null.
  [[nodiscard]] virtual void* host() = 0;
};

// A model compiled for one unit. Used by the thread that created it only; other threads may touch the host memory of
// its buffers while it does not run.
class Model {
 public:
  virtual ~Model() = default;

  [[nodiscard]] virtual const std::vector<TensorType>& inputs() const = 0;
  [[nodiscard]] virtual const std::vector<TensorType>& outputs() const = 0;

  // Returns whether every operation runs where the unit is, none elsewhere. False also where the runtime lets nobody
  // look.
  [[nodiscard]] virtual bool fully_accelerated() const = 0;

  // Whether the programs that it runs had been compiled and kept before it was created; nothing where none are kept.
  [[nodiscard]] virtual std::optional<bool> had_programs() const { return std::nullopt; }

  // The kinds of memory that the runtime takes for the first input: "host", "ahwb", "opencl-packed", "kind-30" ...
  // (formats.md, "Journal"); and those that it takes for the first output.
  [[nodiscard]] virtual const std::vector<std::string>& buffer_kinds() const = 0;
  [[nodiscard]] virtual const std::vector<std::string>& output_kinds() const = 0;

  // Each input must be given memory before the first Run, by one of these two. Giving it again replaces what it had.
  virtual Buffer& AllocateInput(size_t index) = 0;
  // Makes the input read the memory of `peer`, an output or input of another model, without a copy of the caller's.
  // False, with nothing changed, where this unit cannot see that memory. The memory lives until both models are gone. A
  // runtime whose models have memory of their own may take over the peer's data at the beginning of each run, but only
  // from models of the same unit, which do not run meanwhile.
  virtual bool ShareInput(size_t index, Buffer& peer) = 0;

  // Outputs have their memory from the start.
  [[nodiscard]] virtual Buffer& input(size_t index) = 0;
  [[nodiscard]] virtual Buffer& output(size_t index) = 0;

  // Runs until the outputs are really there, not merely queued. Allocates nothing of ours.
  virtual void Run() = 0;
};

class Unit {
 public:
  virtual ~Unit() = default;

  // Threads that the runtime starts for the model inherit the affinity of the calling thread.
  virtual std::unique_ptr<Model> CreateModel(const FilePath& path) = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Names the library, as exactly as can be told, for the journal.
  [[nodiscard]] virtual std::string description() const = 0;

  // Called on the thread that will drive the unit. Units are opened and used concurrently.
  virtual std::unique_ptr<Unit> OpenUnit(const UnitSpec& spec) = 0;
};

// Opens the engine of that name, whose libraries are among `runtime`. `kinds` are the kinds of units that it will be
// asked for.
using EngineOpener = std::function<std::unique_ptr<Engine>(const std::string& name, const RuntimePaths& runtime,
                                                           const std::set<UnitKind>& kinds)>;

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_ENGINES_ENGINE_H_
