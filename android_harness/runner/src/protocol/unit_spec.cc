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

}  // namespace syncnas
