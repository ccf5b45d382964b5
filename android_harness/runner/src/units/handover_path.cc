#include "units/handover_path.h"

namespace syncnas {

HandoverPath PathBetween(Buffer& output, Buffer& input) {
  if (output.host() != nullptr) {
    return HandoverPath::kUpload;
  }
  return input.host() != nullptr ? HandoverPath::kReadback : HandoverPath::kMemcpy;
}

}  // namespace syncnas
