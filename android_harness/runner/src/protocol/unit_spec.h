#ifndef SYNCNAS_RUNNER_PROTOCOL_UNIT_SPEC_H_
#define SYNCNAS_RUNNER_PROTOCOL_UNIT_SPEC_H_

#include <map>
#include <string>
#include <vector>

#include "base/files.h"

namespace syncnas {

enum class UnitKind { kCpu, kGpu, kNnapi };
enum class Precision { kFp32, kFp16 };

// The interface by which a GPU is driven; kDefault: the runtime's only one, or its choice.
enum class GpuBackend { kDefault, kOpenCl, kWebGpu, kOpenGl };

const char* Name(UnitKind kind);
// "opencl"; of kDefault "".
const char* Name(GpuBackend backend);

// The phase's name for the GPU delegate of the engine "classic": a library of its own, which is no engine.
constexpr const char* kClassicGpuLibrary = "classic_gpu";

// Libraries, by the name of the engine or of a further library of one.
using RuntimePaths = std::map<std::string, FilePath>;

// A compute unit of the device and how it is used (formats.md, "Phase", units).
struct UnitSpec {
  std::string name;
  UnitKind kind = UnitKind::kCpu;
  std::string engine;
  Precision precision = Precision::kFp32;
  int threads = 1;
  // Empty: the unit's threads run wherever the process may.
  std::vector<int> cores;
  GpuBackend backend = GpuBackend::kDefault;
  // Of GPU units: the phase's folder of compiled programs; empty: none are kept.
  std::string program_cache;
  // The accelerator that NNAPI is to use; empty: NNAPI chooses.
  std::string accelerator;
};

// The unit as messages name it: "cpu", "gpu", "gpu (opencl)".
std::string Title(const UnitSpec& unit);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_UNIT_SPEC_H_
