#include "base/clock.h"

#include <cerrno>

namespace syncnas {

void SleepNs(int64_t duration) {
  if (duration <= 0) {
    return;
  }
  const int64_t until = NowNs() + duration;
  timespec moment{};
  moment.tv_sec = static_cast<time_t>(until / kNanosecondsPerSecond);
  moment.tv_nsec = static_cast<decltype(moment.tv_nsec)>(until % kNanosecondsPerSecond);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr) == EINTR) {
  }
}

}  // namespace syncnas
