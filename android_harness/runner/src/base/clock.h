#ifndef SYNCNAS_RUNNER_BASE_CLOCK_H_
#define SYNCNAS_RUNNER_BASE_CLOCK_H_

#include <cstdint>
#include <ctime>

namespace syncnas {

constexpr int64_t kNanosecondsPerSecond = 1'000'000'000;
constexpr int64_t kNanosecondsPerMicrosecond = 1'000;

inline int64_t ReadClockNs(clockid_t clock) {
  timespec moment{};
  clock_gettime(clock, &moment);
  return moment.tv_sec * kNanosecondsPerSecond + moment.tv_nsec;
}

// All moments of a phase are on this clock; reading it is no system call.
inline int64_t NowNs() { return ReadClockNs(CLOCK_MONOTONIC); }

// CPU time of the calling thread. A system call: keep it out of what is timed.
inline int64_t ThreadCpuNs() { return ReadClockNs(CLOCK_THREAD_CPUTIME_ID); }

// Sleeps at least so long, through signals. Returns at once for 0 and less.
void SleepNs(int64_t duration);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_CLOCK_H_
