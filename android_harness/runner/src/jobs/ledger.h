#ifndef SYNCNAS_RUNNER_JOBS_LEDGER_H_
#define SYNCNAS_RUNNER_JOBS_LEDGER_H_

#include <cstdint>

#include "base/clock.h"

namespace syncnas {

// Where the phase's time went, in nanoseconds of wall time.
struct Ledger {
  // Warm-ups, first runs and samples.
  int64_t sampled_ns = 0;
  // Creating models with their buffers and inputs, and taking them down again.
  int64_t created_ns = 0;
};

// Adds the time of its life to an account, on every way out.
class Meter {
 public:
  explicit Meter(int64_t& account) : account_(account), begin_(NowNs()) {}
  ~Meter() { account_ += NowNs() - begin_; }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

 private:
  int64_t& account_;
  int64_t begin_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_LEDGER_H_
