#ifndef SYNCNAS_RUNNER_PROTOCOL_HANDOVER_H_
#define SYNCNAS_RUNNER_PROTOCOL_HANDOVER_H_

#include <cstdint>

namespace syncnas {

// How features get from one unit to another: both see the same memory; the sender reads it into staging memory, from
// which the receiver writes it; the sender reads it straight into the receiver's memory; the receiver writes it
// straight from the sender's memory. A phase asks for one of the first two; where memory cannot be shared, the runner
// takes one of the last two if it can.
enum class HandoverPath { kShared, kMemcpy, kReadback, kUpload };

const char* Name(HandoverPath path);

enum class WaitMode { kSpin, kCondvar, kHybrid };

// How to wait for a peer. `spin_us` counts for hybrid only: so long it spins before it sleeps.
struct WaitSpec {
  WaitMode mode = WaitMode::kSpin;
  int64_t spin_us = 100;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_HANDOVER_H_
