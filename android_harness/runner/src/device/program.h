#ifndef SYNCNAS_RUNNER_DEVICE_PROGRAM_H_
#define SYNCNAS_RUNNER_DEVICE_PROGRAM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace syncnas {

// Runs a program and returns what it writes to its standard output. It is run without a shell, with nothing to read,
// and its error output is thrown away. `command` is its path and its arguments. Throws Failure where it cannot be run,
// ends with a status other than 0, writes more than `most_bytes` or takes longer than `most_ns`; it and what it started
// are then ended.
std::string OutputOf(const std::vector<std::string>& command, size_t most_bytes, int64_t most_ns);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_PROGRAM_H_
