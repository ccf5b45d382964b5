#include "engines/classic/accelerator.h"

#include <string>

#include "base/failure.h"

namespace syncnas::classic {

namespace {

// The names that the delegates give themselves in the graph.
constexpr const char* kGpuName = "TfLiteGpuDelegateV2";
constexpr const char* kNnapiName = "TfLiteNnapiDelegate";

void CheckNnapi(const Library& library, const UnitSpec& unit) {
  if (library.has_nnapi_delegate()) {
    return;
  }
  if (!library.has_nnapi_switch()) {
    throw Failure("the classic library cannot use NNAPI: it has neither TfLiteNnapiDelegateCreate nor a switch for it");
  }
  if (!unit.accelerator.empty()) {
    throw Failure("the classic library cannot be told which accelerator NNAPI is to use: it has no " +
                  std::string("TfLiteNnapiDelegateCreate; leave accelerator=") + unit.accelerator + " out");
  }
  if (unit.precision != Precision::kFp32) {
    throw Failure("the classic library cannot be told that NNAPI may compute in fp16: it has no " +
                  std::string("TfLiteNnapiDelegateCreate; use precision=fp32"));
  }
}

Owned<Delegate> MakeGpuDelegate(const GpuLibrary& gpu, const UnitSpec& unit, const ProgramCache& cache) {
  GpuOptions options = gpu.GpuDelegateOptionsV2Default();
  options.is_precision_loss_allowed = unit.precision == Precision::kFp16 ? 1 : 0;
  options.inference_preference = kSustainedSpeed;
  if (unit.backend == GpuBackend::kOpenCl) {
    options.experimental_flags |= kOpenClOnly;
  } else if (unit.backend == GpuBackend::kOpenGl) {
    options.experimental_flags |= kOpenGlOnly;
  }
  if (cache.IsOn()) {
    options.experimental_flags |= kKeepPrograms;
    options.serialization_dir = cache.folder().c_str();
    options.model_token = cache.key().c_str();
  }
  return {gpu.GpuDelegateV2Create(&options), gpu.GpuDelegateV2Delete};
}

Owned<Delegate> MakeNnapiDelegate(const Library& library, const UnitSpec& unit) {
  NnapiOptions options = library.NnapiDelegateOptionsDefault();
  options.accelerator_name = unit.accelerator.empty() ? nullptr : unit.accelerator.c_str();
  options.allow_fp16 = unit.precision == Precision::kFp16 ? 1 : 0;
  // NNAPI's reference implementation on the CPU would pass for an accelerator.
  options.disallow_nnapi_cpu = 1;
  return {library.NnapiDelegateCreate(&options), library.NnapiDelegateDelete};
}

// Null where a switch of the interpreter's own takes the place of a delegate.
Owned<Delegate> MakeDelegate(const Library& library, const GpuLibrary* gpu, const UnitSpec& unit,
                             const ProgramCache& cache) {
  if (unit.kind == UnitKind::kNnapi && !library.has_nnapi_delegate()) {
    return {nullptr, nullptr};
  }
  Owned<Delegate> delegate =
      unit.kind == UnitKind::kGpu ? MakeGpuDelegate(*gpu, unit, cache) : MakeNnapiDelegate(library, unit);
  if (delegate == nullptr) {
    throw Failure("TFLite cannot create a delegate for a " + Title(unit) + " unit");
  }
  return delegate;
}

}  // namespace

void CheckUnit(const Library& library, const GpuLibrary* gpu, const UnitSpec& unit) {
  switch (unit.kind) {
    case UnitKind::kCpu:
      if (unit.precision != Precision::kFp32) {
        throw Failure("the engine classic computes in fp32 on the CPU; fp16 is for a GPU or NNAPI");
      }
      break;
    case UnitKind::kGpu:
      if (gpu == nullptr) {
        throw Failure(std::string("runtime.") + kClassicGpuLibrary +
                      " is missing: the engine classic drives a GPU by a library of its own");
      }
      break;
    case UnitKind::kNnapi:
      CheckNnapi(library, unit);
      break;
  }
}

Accelerator::Accelerator(const Library& library, const GpuLibrary* gpu, const UnitSpec& unit, const ProgramCache& cache,
                         OptionsHandle* options)
    : delegate_(MakeDelegate(library, gpu, unit, cache)), inspector_(unit.kind == UnitKind::kGpu ? kGpuName : kNnapiName) {
  if (delegate_ != nullptr) {
    library.InterpreterOptionsAddDelegate(options, delegate_.get());
  } else {
    // Applied before the delegates that were added, the inspector among them.
    library.InterpreterOptionsSetUseNNAPI(options, true);
  }
  library.InterpreterOptionsAddDelegate(options, inspector_.delegate());
}

}  // namespace syncnas::classic
