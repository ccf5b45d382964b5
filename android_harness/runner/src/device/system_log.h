#ifndef SYNCNAS_RUNNER_DEVICE_SYSTEM_LOG_H_
#define SYNCNAS_RUNNER_DEVICE_SYSTEM_LOG_H_

#include <string>
#include <vector>

namespace syncnas {

// Returns the reason of a failure together with what this process last wrote to the system's log: on Android, runtimes
// say there what was wrong, and return a number. `command` prints the log's end, "--pid=N" is added to it; empty, or
// failing: there is nothing to add.
std::string WithLog(const std::string& reason, const std::vector<std::string>& command);

// The last lines of a log, without logcat's own headings, printable, in one line; "" where there are none.
std::string LastWords(const std::string& log);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_SYSTEM_LOG_H_
