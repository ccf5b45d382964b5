#ifndef SYNCNAS_RUNNER_ENGINES_CLASSIC_ABI_H_
#define SYNCNAS_RUNNER_ENGINES_CLASSIC_ABI_H_

#include <cstdarg>
#include <cstddef>
#include <cstdint>

// The part of classic TFLite's C interface that the engine calls, declared here so that the runner is built without the
// runtime and takes whichever library the device has. Handles are opaque pointers. Structures are declared as far as
// they are used; the runtime only ever appends to them.
namespace syncnas::classic {

struct ModelHandle;
struct OptionsHandle;
struct InterpreterHandle;
struct TensorHandle;
struct Node;

using Status = int;
constexpr Status kOk = 0;

struct IntArray {
  int size;
  // `size` of them.
  int data[1];
};

// An operation's kernel, or that of a part of the graph that a delegate has taken.
struct Registration {
  void* functions[5];
  int32_t builtin_code;
  // Of a delegate's kernel: the delegate's name.
  const char* custom_name;
};
constexpr int32_t kBuiltinDelegate = 51;
static_assert(offsetof(Registration, builtin_code) == 5 * sizeof(void*));
static_assert(offsetof(Registration, custom_name) == 6 * sizeof(void*));

// A graph, as a delegate sees it while it is applied.
struct Context {
  size_t tensors_size;
  Status (*GetExecutionPlan)(Context*, IntArray** nodes);
  void* functions_not_called[5];
  Status (*GetNodeAndRegistration)(Context*, int node, Node**, Registration**);
};
static_assert(offsetof(Context, GetExecutionPlan) == sizeof(void*));
static_assert(offsetof(Context, GetNodeAndRegistration) == 7 * sizeof(void*));

struct Delegate {
  void* data;
  // Called once for every graph of the model when the delegate is applied.
  Status (*Prepare)(Context*, Delegate*);
  void* buffer_handle_functions[3];
  int64_t flags;
  // Newer versions read more, for which null is "none".
  void* none[8];
};
// It need not see the sizes of all tensors, so that the graph is not prepared for it alone.
constexpr int64_t kAllowDynamicTensors = 1;
static_assert(offsetof(Delegate, Prepare) == sizeof(void*));
static_assert(offsetof(Delegate, flags) == 5 * sizeof(void*));

// Options of delegates are returned by value, and grow from version to version: what lies behind the fields that are
// known here is room for the library's own.
constexpr size_t kRoomForOptions = 256;

struct GpuOptions {
  // 0: single precision throughout. 1: half precision. This outranks the priorities that follow.
  int32_t is_precision_loss_allowed;
  int32_t inference_preference;
  int32_t inference_priorities[3];
  int64_t experimental_flags;
  int32_t max_delegated_partitions;
  // Where compiled programs are kept, by a token of the model; null: nowhere.
  const char* serialization_dir;
  const char* model_token;
  unsigned char others[kRoomForOptions];
};
static_assert(offsetof(GpuOptions, experimental_flags) == 24);
static_assert(offsetof(GpuOptions, serialization_dir) == 40);
// Flags: one of the two interfaces alone, no other where it is missing; and keeping compiled programs.
constexpr int64_t kOpenClOnly = 1 << 1;
constexpr int64_t kOpenGlOnly = 1 << 2;
constexpr int64_t kKeepPrograms = 1 << 3;
// Meant to run often: tuning the kernels may take its time.
constexpr int32_t kSustainedSpeed = 1;

struct NnapiOptions {
  int32_t execution_preference;
  // Null: NNAPI chooses.
  const char* accelerator_name;
  const char* cache_dir;
  const char* model_token;
  int32_t disallow_nnapi_cpu;
  int32_t allow_fp16;
  unsigned char others[kRoomForOptions];
};
static_assert(offsetof(NnapiOptions, accelerator_name) == sizeof(void*));
static_assert(offsetof(NnapiOptions, disallow_nnapi_cpu) == 4 * sizeof(void*));

// X(result, name without its TfLite prefix, parameters)
#define SYNCNAS_CLASSIC_FUNCTIONS(X)                                                                          \
  X(const char*, Version, ())                                                                                 \
  X(ModelHandle*, ModelCreateFromFile, (const char*))                                                         \
  X(void, ModelDelete, (ModelHandle*))                                                                        \
  X(OptionsHandle*, InterpreterOptionsCreate, ())                                                             \
  X(void, InterpreterOptionsDelete, (OptionsHandle*))                                                         \
  X(void, InterpreterOptionsSetNumThreads, (OptionsHandle*, int32_t))                                         \
  X(void, InterpreterOptionsAddDelegate, (OptionsHandle*, Delegate*))                                         \
  X(void, InterpreterOptionsSetErrorReporter, (OptionsHandle*, void (*)(void*, const char*, va_list), void*)) \
  X(InterpreterHandle*, InterpreterCreate, (const ModelHandle*, const OptionsHandle*))                        \
  X(void, InterpreterDelete, (InterpreterHandle*))                                                            \
  X(Status, InterpreterAllocateTensors, (InterpreterHandle*))                                                 \
  X(Status, InterpreterInvoke, (InterpreterHandle*))                                                          \
  X(int32_t, InterpreterGetInputTensorCount, (const InterpreterHandle*))                                      \
  X(TensorHandle*, InterpreterGetInputTensor, (const InterpreterHandle*, int32_t))                            \
  X(int32_t, InterpreterGetOutputTensorCount, (const InterpreterHandle*))                                     \
  X(const TensorHandle*, InterpreterGetOutputTensor, (const InterpreterHandle*, int32_t))                     \
  X(int, TensorType, (const TensorHandle*))                                                                   \
  X(int32_t, TensorNumDims, (const TensorHandle*))                                                            \
  X(int32_t, TensorDim, (const TensorHandle*, int32_t))                                                       \
  X(size_t, TensorByteSize, (const TensorHandle*))                                                            \
  X(void*, TensorData, (const TensorHandle*))

// Functions that not every library has.
#define SYNCNAS_CLASSIC_NNAPI_FUNCTIONS(X)                       \
  X(void, InterpreterOptionsSetUseNNAPI, (OptionsHandle*, bool)) \
  X(NnapiOptions, NnapiDelegateOptionsDefault, ())               \
  X(Delegate*, NnapiDelegateCreate, (const NnapiOptions*))       \
  X(void, NnapiDelegateDelete, (Delegate*))

// Functions of the library that holds the GPU delegate.
#define SYNCNAS_CLASSIC_GPU_FUNCTIONS(X)                 \
  X(GpuOptions, GpuDelegateOptionsV2Default, ())         \
  X(Delegate*, GpuDelegateV2Create, (const GpuOptions*)) \
  X(void, GpuDelegateV2Delete, (Delegate*))

}  // namespace syncnas::classic

#endif  // SYNCNAS_RUNNER_ENGINES_CLASSIC_ABI_H_
