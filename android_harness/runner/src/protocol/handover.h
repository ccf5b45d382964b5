#ifndef SYNCNAS_RUNNER_PROTOCOL_HANDOVER_H_
#define SYNCNAS_RUNNER_PROTOCOL_HANDOVER_H_

#include <cstdint>

namespace syncnas {

// The way of features from one unit to another: both see the same memory; the sender reads it into staging memory, from
// which the receiver writes it; the sender reads it straight into the receiver's memory; the receiver writes it
// straight from the sender's memory. A phase asks for one of the first two; where memory cannot be shared, the runner
// takes one of the last two if it can.
enum class HandoverPath { kShared, kMemcpy, kReadback, kUpload };

const char* Name(HandoverPath path);

enum class WaitMode { kSpin, kCondvar, kHybrid };

// The way to wait for a peer. Hybrid spins for `spin_us` before it sleeps; the other modes ignore it.
struct WaitSpec {
  WaitMode mode = WaitMode::kSpin;
  int64_t spin_us = 100;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_HANDOVER_H_
