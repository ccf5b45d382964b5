#include "protocol/handover.h"

namespace syncnas {

const char* Name(HandoverPath path) {
  switch (path) {
    case HandoverPath::kShared:
      return "shared";
    case HandoverPath::kMemcpy:
      return "memcpy";
    case HandoverPath::kReadback:
      return "readback";
    case HandoverPath::kUpload:
      return "upload";
  }
  return "";
}

}  // namespace syncnas
