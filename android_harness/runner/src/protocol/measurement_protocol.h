#ifndef SYNCNAS_RUNNER_PROTOCOL_MEASUREMENT_PROTOCOL_H_
#define SYNCNAS_RUNNER_PROTOCOL_MEASUREMENT_PROTOCOL_H_

#include <cstdint>

namespace syncnas {

// The number of the way in which samples are taken. It goes up by one whenever a sample changes its meaning: what lies
// between its two looks at the clock, what ran before it, or in what order and how often jobs are visited. Samples of
// two numbers are never put into one statistic. android_harness/protocol/phases.py has the same number, and
// formats.md the same history:
//
// 1  Phases and journals without a number. Not all of it is one way of measuring: units came to run something between
//    two hand-overs while it was in use, which changed what a hand-over takes. So a runner's version counts as well.
// 2  The number itself. A visit warms up until its runs are steady, jobs of a group are visited side by side, jobs are
//    settled by visits, large buffers are mapped anew at each visit, and a sender runs twice before each hand-over.
inline constexpr int64_t kMeasurementProtocol = 2;

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_MEASUREMENT_PROTOCOL_H_
