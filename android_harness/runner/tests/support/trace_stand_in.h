#ifndef SYNCNAS_RUNNER_TESTS_SUPPORT_TRACE_STAND_IN_H_
#define SYNCNAS_RUNNER_TESTS_SUPPORT_TRACE_STAND_IN_H_

#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace syncnas::test {

// One call of the library: the name of the section that began, or empty where one ended.
struct TraceCall {
  std::thread::id thread;
  std::string name;
};
using TraceCalls = std::vector<TraceCall>;

// Functions of the library besides Android's. Forgets all calls; the next `looks` looks find a trace being recorded, and
// a call takes so long at least.
using StandInResetFunction = void (*)(int64_t looks, int64_t nanoseconds);
// Gives all calls since, in order.
using StandInTakeFunction = void (*)(TraceCalls* taken);

}  // namespace syncnas::test

#endif  // SYNCNAS_RUNNER_TESTS_SUPPORT_TRACE_STAND_IN_H_
