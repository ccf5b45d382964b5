#ifndef SYNCNAS_RUNNER_ENGINES_LITERT_ABI_H_
#define SYNCNAS_RUNNER_ENGINES_LITERT_ABI_H_

#include <cstddef>
#include <cstdint>

// The part of libLiteRt.so's C interface that the engine calls, version 2.1.6 and later, declared here so that the
// runner is built without the runtime and takes whichever library the device has. Handles are opaque pointers, every
// call returns a status, 0 for success.
namespace syncnas::litert {

struct EnvironmentHandle;
struct ModelHandle;
struct SignatureHandle;
struct SubgraphHandle;
struct TensorHandle;
struct OptionsHandle;
struct OpaqueOptionsHandle;
struct CompiledModelHandle;
struct RequirementsHandle;
struct TensorBufferHandle;

using Status = int;
constexpr Status kOk = 0;

enum AnyType : int32_t { kAnyInt = 2, kAnyString = 8 };
struct Any {
  AnyType type;
  union {
    int64_t int_value;
    const char* string_value;
  };
};
static_assert(sizeof(Any) == 16);

enum EnvironmentTag : int32_t { kRuntimeLibraryDir = 22, kAutoRegisterAccelerators = 24, kMinLoggerSeverity = 25 };
constexpr int64_t kLogErrors = 3;
struct EnvironmentOption {
  EnvironmentTag tag;
  Any value;
};
static_assert(sizeof(EnvironmentOption) == 24);

constexpr size_t kMostDimensions = 8;
struct Layout {
  uint32_t rank : 7;
  uint32_t has_strides : 1;
  int32_t dims[kMostDimensions];
  uint32_t strides[kMostDimensions];
};
static_assert(sizeof(Layout) == 68);

struct RankedTensorType {
  int32_t element;
  Layout layout;
};
static_assert(sizeof(RankedTensorType) == 72);

enum Accelerator : int { kCpu = 1, kGpu = 2 };
// Kinds of memory of a buffer.
enum BufferType : int {
  kHostMemory = 1,
  kAhwb = 2,
  kDmaBuf = 4,
  kGlBuffer = 6,
  kOpenCl = 10,
  kOpenClPacked = 14,
  kWebGpu = 20,
  kWebGpuTexture = 22,
  kWebGpuPacked = 26
};
enum LockMode : int { kLockRead = 0, kLockWrite = 1 };

// X(name without its LiteRt prefix, parameters)
#define SYNCNAS_LITERT_FUNCTIONS(X)                                                                                    \
  X(CreateEnvironment, (int, const EnvironmentOption*, EnvironmentHandle**))                                           \
  X(DestroyEnvironment, (EnvironmentHandle*))                                                                          \
  X(CreateModelFromFile, (EnvironmentHandle*, const char*, ModelHandle**))                                             \
  X(DestroyModel, (ModelHandle*))                                                                                      \
  X(GetModelSignature, (ModelHandle*, size_t, SignatureHandle**))                                                      \
  X(GetSignatureSubgraph, (SignatureHandle*, SubgraphHandle**))                                                        \
  X(GetNumSubgraphInputs, (SubgraphHandle*, size_t*))                                                                  \
  X(GetSubgraphInput, (SubgraphHandle*, size_t, TensorHandle**))                                                       \
  X(GetNumSubgraphOutputs, (SubgraphHandle*, size_t*))                                                                 \
  X(GetSubgraphOutput, (SubgraphHandle*, size_t, TensorHandle**))                                                      \
  X(GetRankedTensorType, (TensorHandle*, RankedTensorType*))                                                           \
  X(CreateOptions, (OptionsHandle**))                                                                                  \
  X(DestroyOptions, (OptionsHandle*))                                                                                  \
  X(SetOptionsHardwareAccelerators, (OptionsHandle*, int))                                                             \
  X(CreateOpaqueOptions, (const char*, void*, void (*)(void*), OpaqueOptionsHandle**))                                 \
  X(DestroyOpaqueOptions, (OpaqueOptionsHandle*))                                                                      \
  X(AddOpaqueOptions, (OptionsHandle*, OpaqueOptionsHandle*))                                                          \
  X(CreateCompiledModel, (EnvironmentHandle*, ModelHandle*, OptionsHandle*, CompiledModelHandle**))                    \
  X(DestroyCompiledModel, (CompiledModelHandle*))                                                                      \
  X(CompiledModelIsFullyAccelerated, (CompiledModelHandle*, bool*))                                                    \
  X(GetCompiledModelInputBufferRequirements, (CompiledModelHandle*, size_t, size_t, RequirementsHandle**))             \
  X(GetCompiledModelOutputBufferRequirements, (CompiledModelHandle*, size_t, size_t, RequirementsHandle**))            \
  X(GetTensorBufferRequirementsBufferSize, (RequirementsHandle*, size_t*))                                             \
  X(GetNumTensorBufferRequirementsSupportedBufferTypes, (RequirementsHandle*, int*))                                   \
  X(GetTensorBufferRequirementsSupportedTensorBufferType, (RequirementsHandle*, int, int*))                            \
  X(GetCompiledModelInputTensorLayout, (CompiledModelHandle*, size_t, size_t, Layout*))                                \
  X(GetCompiledModelOutputTensorLayouts, (CompiledModelHandle*, size_t, size_t, Layout*, bool))                        \
  X(CreateManagedTensorBufferFromRequirements,                                                                         \
    (EnvironmentHandle*, const RankedTensorType*, RequirementsHandle*, TensorBufferHandle**))                          \
  X(CreateTensorBufferFromHostMemory, (const RankedTensorType*, void*, size_t, void (*)(void*), TensorBufferHandle**)) \
  X(DestroyTensorBuffer, (TensorBufferHandle*))                                                                        \
  X(LockTensorBuffer, (TensorBufferHandle*, void**, int))                                                              \
  X(UnlockTensorBuffer, (TensorBufferHandle*))                                                                         \
  X(RunCompiledModel, (CompiledModelHandle*, size_t, size_t, TensorBufferHandle**, size_t, TensorBufferHandle**))

}  // namespace syncnas::litert

#endif  // SYNCNAS_RUNNER_ENGINES_LITERT_ABI_H_
