// A library with the functions of Android's <android/trace.h>, which keeps what it is told: the tests open it in the place of
// Android's own. Names of functions are Android's, or begin with StandIn for the tests.
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "support/trace_stand_in.h"

namespace {

std::mutex mutex;
syncnas::test::TraceCalls calls;
// How many looks find a trace being recorded, and how long a call takes at least.
int64_t looks_left = 0;
int64_t call_ns = 0;

void Keep(const char* name) {
  int64_t pause_ns = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex);
    calls.push_back({std::this_thread::get_id(), name});
    pause_ns = call_ns;
  }
  syncnas::SleepNs(pause_ns);
}

}  // namespace

// NOLINTBEGIN(readability-identifier-naming)
extern "C" {

bool ATrace_isEnabled() {
  const std::lock_guard<std::mutex> lock(mutex);
  return looks_left > 0 && looks_left-- > 0;
}

void ATrace_beginSection(const char* name) { Keep(name); }

void ATrace_endSection() { Keep(""); }

void StandInReset(int64_t looks, int64_t nanoseconds) {
  const std::lock_guard<std::mutex> lock(mutex);
  looks_left = looks;
  call_ns = nanoseconds;
  calls.clear();
}

void StandInTake(syncnas::test::TraceCalls* taken) {
  const std::lock_guard<std::mutex> lock(mutex);
  taken->swap(calls);
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming)
