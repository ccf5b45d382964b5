#include "engines/classic/engine.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "engines/classic/accelerator.h"
#include "engines/classic/buffer.h"
#include "engines/classic/interpreter.h"
#include "engines/classic/library.h"
#include "engines/program_cache.h"

namespace syncnas {

namespace {

using classic::GpuLibrary;
using classic::Interpreter;
using classic::Library;
using classic::TensorBuffer;

// The libraries that the units and models of one engine share.
struct Runtime {
  explicit Runtime(const FilePath& path) : library(path) {}

  Library library;
  // Null where no unit needs it or it cannot be loaded; `gpu_failure` says why it cannot.
  std::unique_ptr<GpuLibrary> gpu;
  std::string gpu_failure;
};

class ClassicModel final : public Model {
 public:
  ClassicModel(const Runtime& runtime, const Unit* owner, const UnitSpec& unit, const FilePath& path,
               const ProgramCache& cache)
      : owner_(owner),
        had_programs_(cache.had_programs()),
        interpreter_(std::make_shared<Interpreter>(runtime.library, runtime.gpu.get(), unit, path, cache)),
        buffer_kinds_({"host"}) {
    const Library& library = runtime.library;
    const classic::InterpreterHandle* handle = interpreter_->handle();
    for (int32_t i = 0; i < library.InterpreterGetInputTensorCount(handle); ++i) {
      AddTensor(library.InterpreterGetInputTensor(handle, i), inputs_, input_buffers_);
    }
    for (int32_t i = 0; i < library.InterpreterGetOutputTensorCount(handle); ++i) {
      AddTensor(library.InterpreterGetOutputTensor(handle, i), outputs_, output_buffers_);
    }
    sources_.resize(inputs_.size());
  }

  [[nodiscard]] const std::vector<TensorType>& inputs() const override { return inputs_; }
  [[nodiscard]] const std::vector<TensorType>& outputs() const override { return outputs_; }
  [[nodiscard]] bool fully_accelerated() const override { return interpreter_->fully_accelerated(); }
  [[nodiscard]] std::optional<bool> had_programs() const override { return had_programs_; }
  [[nodiscard]] const std::vector<std::string>& buffer_kinds() const override { return buffer_kinds_; }
  [[nodiscard]] const std::vector<std::string>& output_kinds() const override { return buffer_kinds_; }
  [[nodiscard]] Buffer& input(size_t index) override {
    return sources_.at(index) == nullptr ? *input_buffers_[index] : *sources_[index];
  }
  [[nodiscard]] Buffer& output(size_t index) override { return *output_buffers_.at(index); }

  Buffer& AllocateInput(size_t index) override {
    sources_.at(index).reset();
    return *input_buffers_[index];
  }

  bool ShareInput(size_t index, Buffer& peer) override {
    const auto* tensor = dynamic_cast<TensorBuffer*>(&peer);
    if (tensor == nullptr || tensor->owner() != owner_ || tensor->bytes() != inputs_.at(index).Bytes()) {
      return false;
    }
    sources_[index] = std::make_unique<TensorBuffer>(*tensor);
    return true;
  }

  void Run() override {
    for (size_t i = 0; i < sources_.size(); ++i) {
      if (sources_[i] != nullptr) {
        input_buffers_[i]->Write(sources_[i]->host());
      }
    }
    interpreter_->Invoke();
  }

 private:
  using Buffers = std::vector<std::unique_ptr<TensorBuffer>>;

  void AddTensor(const classic::TensorHandle* tensor, std::vector<TensorType>& types, Buffers& buffers) {
    types.push_back(classic::TypeOf(interpreter_->library(), tensor));
    buffers.push_back(std::make_unique<TensorBuffer>(interpreter_, tensor, types.back(), owner_));
  }

  const Unit* owner_;
  const std::optional<bool> had_programs_;
  std::shared_ptr<Interpreter> interpreter_;
  const std::vector<std::string> buffer_kinds_;
  std::vector<TensorType> inputs_;
  std::vector<TensorType> outputs_;
  Buffers input_buffers_;
  Buffers output_buffers_;
  // Per input: another model's output that is copied into the input at the beginning of a run, or null.
  Buffers sources_;
};

class ClassicUnit final : public Unit {
 public:
  ClassicUnit(const Runtime& runtime, UnitSpec spec) : runtime_(runtime), spec_(std::move(spec)) {}

  std::unique_ptr<Model> CreateModel(const FilePath& path) override {
    const ProgramCache cache(spec_, path, compiled_);
    auto model = std::make_unique<ClassicModel>(runtime_, this, spec_, path, cache);
    compiled_.insert(cache.key());
    return model;
  }

 private:
  const Runtime& runtime_;
  const UnitSpec spec_;
  CompiledKeys compiled_;
};

class ClassicEngine final : public Engine {
 public:
  ClassicEngine(const RuntimePaths& paths, bool with_gpu) : runtime_(paths.at("classic")) {
    const auto gpu = paths.find(kClassicGpuLibrary);
    if (!with_gpu || gpu == paths.end()) {
      return;
    }
    // CPU and NNAPI units work without the GPU's library.
    try {
      runtime_.gpu = std::make_unique<GpuLibrary>(gpu->second);
    } catch (const Failure& failure) {
      runtime_.gpu_failure = failure.what();
    }
  }

  [[nodiscard]] std::string description() const override {
    const std::string& description = runtime_.library.description();
    return runtime_.gpu == nullptr ? description : description + "; " + runtime_.gpu->fingerprint();
  }

  std::unique_ptr<Unit> OpenUnit(const UnitSpec& spec) override {
    if (spec.kind == UnitKind::kGpu && !runtime_.gpu_failure.empty()) {
      throw Failure(runtime_.gpu_failure);
    }
    classic::CheckUnit(runtime_.library, runtime_.gpu.get(), spec);
    return std::make_unique<ClassicUnit>(runtime_, spec);
  }

 private:
  Runtime runtime_;
};

}  // namespace

std::unique_ptr<Engine> OpenClassic(const RuntimePaths& runtime, const std::set<UnitKind>& kinds) {
  return std::make_unique<ClassicEngine>(runtime, kinds.count(UnitKind::kGpu) != 0);
}

}  // namespace syncnas
