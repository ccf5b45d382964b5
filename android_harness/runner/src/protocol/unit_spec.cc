#include "protocol/unit_spec.h"

namespace syncnas {

const char* Name(UnitKind kind) {
  switch (kind) {
    case UnitKind::kCpu:
      return "cpu";
    case UnitKind::kGpu:
      return "gpu";
    case UnitKind::kNnapi:
      return "nnapi";
  }
  return "";
}

const char* Name(GpuBackend backend) {
  switch (backend) {
    case GpuBackend::kDefault:
      return "";
    case GpuBackend::kOpenCl:
      return "opencl";
    case GpuBackend::kWebGpu:
      return "webgpu";
    case GpuBackend::kOpenGl:
      return "opengl";
  }
  return "";
}

std::string Title(const UnitSpec& unit) {
  const std::string backend = Name(unit.backend);
  return Name(unit.kind) + (backend.empty() ? "" : " (" + backend + ")");
}

}  // namespace syncnas
