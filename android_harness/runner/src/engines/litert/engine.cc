#include "engines/litert/engine.h"

#include <cstdlib>
#include <cstring>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/aligned_memory.h"
#include "base/failure.h"
#include "engines/litert/abi.h"
#include "engines/litert/buffer.h"
#include "engines/litert/handle.h"
#include "engines/litert/library.h"
#include "engines/program_cache.h"

namespace syncnas {

namespace {

using litert::BoundBuffer;
using litert::Check;
using litert::HostBuffer;
using litert::Library;
using litert::ManagedBuffer;
using litert::Owned;

// Also the index of the one entry that a file without signatures has.
constexpr size_t kSignature = 0;

// The library and the environment that the units and models of one engine share.
struct Runtime {
  explicit Runtime(const FilePath& path) : library(path), environment(library, &Library::DestroyEnvironment) {}

  Library library;
  Owned<litert::EnvironmentHandle> environment;
};

// Options travel to an accelerator as TOML text under the accelerator's name.
struct AcceleratorOptions {
  litert::Accelerator accelerator;
  const char* identifier;
  std::string toml;
};

// A text as a TOML string.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') {
      quoted += '\\';
    }
    quoted += character;
  }
  return quoted + '"';
}

// LiteRtGpuBackend of litert_gpu_types.h: 0 leaves the choice to the accelerator, which on Android takes OpenGL without
// a word where OpenCL cannot be loaded.
int BackendNumber(GpuBackend backend) {
  switch (backend) {
    case GpuBackend::kDefault:
      return 0;
    case GpuBackend::kOpenCl:
      return 1;
    case GpuBackend::kWebGpu:
      return 2;
    case GpuBackend::kOpenGl:
      return 3;
  }
  return 0;
}

AcceleratorOptions OptionsFor(const UnitSpec& unit, const ProgramCache& cache) {
  if (unit.kind == UnitKind::kCpu) {
    return {litert::kCpu, "xnnpack", "num_threads = " + std::to_string(unit.threads) + "\n"};
  }
  // wait_type 1: otherwise a run returns when its work is queued, and every time measured is too short. The GPU alone:
  // an operation that it lacks is to fail instead of running on the CPU.
  const char* precision = unit.precision == Precision::kFp16 ? "1" : "2";
  std::string toml = std::string("wait_type = 1\nprecision = ") + precision + "\n";
  if (unit.backend != GpuBackend::kDefault) {
    toml += "backend = " + std::to_string(BackendNumber(unit.backend)) + "\n";
  }
  if (cache.IsOn()) {
    // The programs alone: weights on disk would not make a run faster, and fill the phone's storage.
    toml += "serialization_dir = " + Quoted(cache.folder()) + "\nmodel_cache_key = " + Quoted(cache.key()) +
            "\nserialize_program_cache = true\ncache_only_compiled_programs = true\n";
  }
  return {litert::kGpu, "gpu_options", std::move(toml)};
}

// Throws Failure where the kinds of memory tell that the GPU is driven by another interface than the one asked for: the
// WebGPU accelerator, for one, does not heed the option (LiteRT 2.3.0). Kinds that every interface takes tell nothing.
void CheckBackend(GpuBackend wanted, const std::vector<std::string>& kinds) {
  static constexpr std::array<std::pair<GpuBackend, const char*>, 3> kPrefixes = {
      {{GpuBackend::kOpenCl, "opencl"}, {GpuBackend::kOpenGl, "gl"}, {GpuBackend::kWebGpu, "webgpu"}}};
  std::set<GpuBackend> told;
  for (const std::string& kind : kinds) {
    for (const auto& [backend, prefix] : kPrefixes) {
      if (kind.rfind(prefix, 0) == 0) {
        told.insert(backend);
      }
    }
  }
  if (wanted != GpuBackend::kDefault && !told.empty() && told.count(wanted) == 0) {
    throw Failure(std::string("LiteRT's accelerator drives the GPU by ") + Name(*told.begin()) + ", and " + Name(wanted) +
                  " was asked for");
  }
}

class LiteRtModel final : public Model {
 public:
  LiteRtModel(const Runtime& runtime, const Unit* owner, const UnitSpec& unit, const FilePath& path,
              const ProgramCache& cache)
      : runtime_(runtime),
        library_(runtime.library),
        owner_(owner),
        on_host_memory_(unit.kind == UnitKind::kCpu),
        had_programs_(cache.had_programs()),
        model_(library_, &Library::DestroyModel),
        compiled_(library_, &Library::DestroyCompiledModel) {
    // First, because the runtime's status would not say why a file cannot be read.
    CheckReadable(path);
    Check(library_.CreateModelFromFile(runtime.environment.get(), path.full.c_str(), model_.out()),
          ("read " + path.shown + " as a model").c_str());
    Compile(unit, path, cache);
    ReadTypes();
    input_kinds_ = inputs_.empty() ? std::vector<std::string>() : KindsIn(InputRequirements(0));
    output_kinds_ = outputs_.empty() ? std::vector<std::string>() : KindsIn(OutputRequirements(0));
    CheckBackend(unit.backend, input_kinds_);
    input_buffers_.resize(inputs_.size());
    input_handles_.resize(inputs_.size());
    for (size_t i = 0; i < outputs_.size(); ++i) {
      output_buffers_.push_back(Allocate(outputs_[i], OutputRequirements(i)));
      output_handles_.push_back(output_buffers_.back()->handle());
    }
  }

  [[nodiscard]] const std::vector<TensorType>& inputs() const override { return inputs_; }
  [[nodiscard]] const std::vector<TensorType>& outputs() const override { return outputs_; }
  [[nodiscard]] bool fully_accelerated() const override { return fully_accelerated_; }
  [[nodiscard]] std::optional<bool> had_programs() const override { return had_programs_; }
  [[nodiscard]] const std::vector<std::string>& buffer_kinds() const override { return input_kinds_; }
  [[nodiscard]] const std::vector<std::string>& output_kinds() const override { return output_kinds_; }
  [[nodiscard]] Buffer& input(size_t index) override { return *input_buffers_.at(index); }
  [[nodiscard]] Buffer& output(size_t index) override { return *output_buffers_.at(index); }

  Buffer& AllocateInput(size_t index) override {
    Bind(index, Allocate(inputs_.at(index), InputRequirements(index)));
    return *input_buffers_[index];
  }

  bool ShareInput(size_t index, Buffer& peer) override {
    const TensorType& type = inputs_.at(index);
    auto* host = dynamic_cast<HostBuffer*>(&peer);
    if (host != nullptr && on_host_memory_ && host->memory()->bytes() >= BytesIn(InputRequirements(index))) {
      Bind(index, std::make_unique<HostBuffer>(library_, type, host->memory()));
      return true;
    }
    // A managed buffer has one handle, which only the models of one unit may share: the same thread runs them all.
    auto* managed = dynamic_cast<ManagedBuffer*>(&peer);
    if (managed != nullptr && !on_host_memory_ && managed->owner() == owner_ && managed->bytes() == type.Bytes()) {
      Bind(index, std::make_unique<ManagedBuffer>(library_, type, managed->shared_handle(), owner_));
      return true;
    }
    return false;
  }

  void Run() override {
    Check(library_.RunCompiledModel(compiled_.get(), kSignature, input_handles_.size(), input_handles_.data(),
                                    output_handles_.size(), output_handles_.data()),
          "run the model");
  }

 private:
  void Compile(const UnitSpec& unit, const FilePath& path, const ProgramCache& cache) {
    const AcceleratorOptions chosen = OptionsFor(unit, cache);
    Owned<litert::OptionsHandle> options(library_, &Library::DestroyOptions);
    Check(library_.CreateOptions(options.out()), "create options");
    Check(library_.SetOptionsHardwareAccelerators(options.get(), chosen.accelerator), "choose an accelerator");

    char* toml = strdup(chosen.toml.c_str());
    Owned<litert::OpaqueOptionsHandle> opaque(library_, &Library::DestroyOpaqueOptions);
    if (library_.CreateOpaqueOptions(chosen.identifier, toml, &std::free, opaque.out()) != litert::kOk) {
      std::free(toml);
      throw Failure("LiteRT cannot create options for " + std::string(chosen.identifier));
    }
    Check(library_.AddOpaqueOptions(options.get(), opaque.get()), "add options");
    opaque.Release();  // `options` owns them now

    Check(library_.CreateCompiledModel(runtime_.environment.get(), model_.get(), options.get(), compiled_.out()),
          ("compile " + path.shown + " for a " + Title(unit) + " unit").c_str());
    bool took_all = false;
    Check(library_.CompiledModelIsFullyAccelerated(compiled_.get(), &took_all), "tell where operations run");
    // What XNNPACK leaves to the runtime's own kernels runs on the CPU as well, on the same threads.
    fully_accelerated_ = took_all || unit.kind == UnitKind::kCpu;
  }

  // Element types are known to the model file only, shapes best to the compiled model.
  void ReadTypes() {
    litert::SignatureHandle* signature = nullptr;
    Check(library_.GetModelSignature(model_.get(), kSignature, &signature), "find the model's signature");
    litert::SubgraphHandle* graph = nullptr;
    Check(library_.GetSignatureSubgraph(signature, &graph), "find the signature's graph");

    size_t count = 0;
    Check(library_.GetNumSubgraphInputs(graph, &count), "count the model's inputs");
    for (size_t i = 0; i < count; ++i) {
      litert::TensorHandle* tensor = nullptr;
      Check(library_.GetSubgraphInput(graph, i, &tensor), "find an input");
      litert::Layout layout{};
      Check(library_.GetCompiledModelInputTensorLayout(compiled_.get(), kSignature, i, &layout), "tell a shape");
      inputs_.push_back(litert::FromLiteRt(ElementOf(tensor), layout));
    }
    Check(library_.GetNumSubgraphOutputs(graph, &count), "count the model's outputs");
    std::vector<litert::Layout> layouts(count);
    Check(library_.GetCompiledModelOutputTensorLayouts(compiled_.get(), kSignature, count, layouts.data(), false),
          "tell the outputs' shapes");
    for (size_t i = 0; i < count; ++i) {
      litert::TensorHandle* tensor = nullptr;
      Check(library_.GetSubgraphOutput(graph, i, &tensor), "find an output");
      outputs_.push_back(litert::FromLiteRt(ElementOf(tensor), layouts[i]));
    }
  }

  std::vector<std::string> KindsIn(litert::RequirementsHandle* requirements) const {
    std::vector<std::string> kinds;
    int count = 0;
    Check(library_.GetNumTensorBufferRequirementsSupportedBufferTypes(requirements, &count), "count kinds of buffers");
    for (int i = 0; i < count; ++i) {
      int type = 0;
      Check(library_.GetTensorBufferRequirementsSupportedTensorBufferType(requirements, i, &type),
            "tell a kind of buffer");
      kinds.push_back(litert::BufferKind(type));
    }
    return kinds;
  }

  int32_t ElementOf(litert::TensorHandle* tensor) const {
    litert::RankedTensorType type{};
    Check(library_.GetRankedTensorType(tensor, &type), "tell a tensor's type");
    return type.element;
  }

  litert::RequirementsHandle* InputRequirements(size_t index) {
    litert::RequirementsHandle* requirements = nullptr;
    Check(library_.GetCompiledModelInputBufferRequirements(compiled_.get(), kSignature, index, &requirements),
          "tell what buffer an input needs");
    return requirements;
  }

  litert::RequirementsHandle* OutputRequirements(size_t index) {
    litert::RequirementsHandle* requirements = nullptr;
    Check(library_.GetCompiledModelOutputBufferRequirements(compiled_.get(), kSignature, index, &requirements),
          "tell what buffer an output needs");
    return requirements;
  }

  size_t BytesIn(litert::RequirementsHandle* requirements) const {
    size_t bytes = 0;
    Check(library_.GetTensorBufferRequirementsBufferSize(requirements, &bytes), "tell how large a buffer must be");
    return bytes;
  }

  // One kind of memory for all buffers of a unit: a GPU model refuses a mixture.
  std::unique_ptr<BoundBuffer> Allocate(const TensorType& type, litert::RequirementsHandle* requirements) {
    if (on_host_memory_) {
      const size_t bytes = std::max(type.Bytes(), BytesIn(requirements));
      return std::make_unique<HostBuffer>(library_, type, std::make_shared<AlignedMemory>(bytes));
    }
    auto handle = std::make_shared<Owned<litert::TensorBufferHandle>>(library_, &Library::DestroyTensorBuffer);
    const litert::RankedTensorType litert_type = litert::ToLiteRt(type);
    Check(library_.CreateManagedTensorBufferFromRequirements(runtime_.environment.get(), &litert_type, requirements,
                                                             handle->out()),
          "create a buffer");
    return std::make_unique<ManagedBuffer>(library_, type, std::move(handle), owner_);
  }

  void Bind(size_t index, std::unique_ptr<BoundBuffer> buffer) {
    input_handles_[index] = buffer->handle();
    input_buffers_[index] = std::move(buffer);
  }

  const Runtime& runtime_;
  const Library& library_;
  const Unit* owner_;
  const bool on_host_memory_;
  const std::optional<bool> had_programs_;
  // In this order: the compiled model goes first, and the buffers before it.
  Owned<litert::ModelHandle> model_;
  Owned<litert::CompiledModelHandle> compiled_;
  bool fully_accelerated_ = false;
  std::vector<std::string> input_kinds_;
  std::vector<std::string> output_kinds_;
  std::vector<TensorType> inputs_;
  std::vector<TensorType> outputs_;
  std::vector<std::unique_ptr<BoundBuffer>> input_buffers_;
  std::vector<std::unique_ptr<BoundBuffer>> output_buffers_;
  std::vector<litert::TensorBufferHandle*> input_handles_;
  std::vector<litert::TensorBufferHandle*> output_handles_;
};

class LiteRtUnit final : public Unit {
 public:
  LiteRtUnit(const Runtime& runtime, UnitSpec spec) : runtime_(runtime), spec_(std::move(spec)) {}

  std::unique_ptr<Model> CreateModel(const FilePath& path) override {
    const ProgramCache cache(spec_, path, compiled_);
    auto model = std::make_unique<LiteRtModel>(runtime_, this, spec_, path, cache);
    compiled_.insert(cache.key());
    return model;
  }

 private:
  const Runtime& runtime_;
  const UnitSpec spec_;
  CompiledKeys compiled_;
};

class LiteRtEngine final : public Engine {
 public:
  LiteRtEngine(const FilePath& path, bool with_gpu) : runtime_(path) {
    const std::string folder = FolderOf(path.full);
    std::vector<litert::EnvironmentOption> options;
    options.push_back(IntOption(litert::kMinLoggerSeverity, litert::kLogErrors));
    options.push_back(
        IntOption(litert::kAutoRegisterAccelerators, with_gpu ? litert::kCpu | litert::kGpu : litert::kCpu));
    if (with_gpu) {
      litert::EnvironmentOption library_folder{};
      library_folder.tag = litert::kRuntimeLibraryDir;
      library_folder.value.type = litert::kAnyString;
      library_folder.value.string_value = folder.c_str();
      options.push_back(library_folder);
    }
    Check(runtime_.library.CreateEnvironment(static_cast<int>(options.size()), options.data(),
                                             runtime_.environment.out()),
          "create an environment");
  }

  [[nodiscard]] std::string description() const override { return runtime_.library.fingerprint(); }

  std::unique_ptr<Unit> OpenUnit(const UnitSpec& spec) override {
    if (spec.kind == UnitKind::kCpu && spec.precision != Precision::kFp32) {
      throw Failure("the engine litert computes in fp32 on the CPU; fp16 is for a GPU");
    }
    return std::make_unique<LiteRtUnit>(runtime_, spec);
  }

 private:
  static litert::EnvironmentOption IntOption(litert::EnvironmentTag tag, int64_t value) {
    litert::EnvironmentOption option{};
    option.tag = tag;
    option.value.type = litert::kAnyInt;
    option.value.int_value = value;
    return option;
  }

  Runtime runtime_;
};

}  // namespace

std::unique_ptr<Engine> OpenLiteRt(const FilePath& library, const std::set<UnitKind>& kinds) {
  return std::make_unique<LiteRtEngine>(library, kinds.count(UnitKind::kGpu) != 0);
}

}  // namespace syncnas
