#ifndef SYNCNAS_RUNNER_UNITS_HANDOVER_PATH_H_
#define SYNCNAS_RUNNER_UNITS_HANDOVER_PATH_H_

#include "engines/engine.h"
#include "protocol/handover.h"

namespace syncnas {

// Returns whether the sender copies its output out before it signals ...
constexpr bool CopiesOut(HandoverPath path) { return path == HandoverPath::kMemcpy || path == HandoverPath::kReadback; }

// ... and whether the receiver copies it in after it woke up.
constexpr bool CopiesIn(HandoverPath path) { return path == HandoverPath::kMemcpy || path == HandoverPath::kUpload; }

// The path for two buffers that are not the same memory. One copy is enough where one of them is host memory, which the
// other one's unit can read or write. Where both are, the receiver copies: the sender has other things to do meanwhile.
HandoverPath PathBetween(Buffer& output, Buffer& input);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_UNITS_HANDOVER_PATH_H_
