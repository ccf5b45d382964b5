#ifndef SYNCNAS_RUNNER_DEVICE_AFFINITY_H_
#define SYNCNAS_RUNNER_DEVICE_AFFINITY_H_

#include <vector>

namespace syncnas {

// The cores that the calling thread may run on, ascending. Throws Failure.
std::vector<int> CurrentCores();

// Confines the calling thread, and threads that it starts from now on, to `cores` (ascending). The mask is read back:
// throws Failure if the system gave anything else, as an Android cpuset may, silently.
void ConfineToCores(const std::vector<int>& cores);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_AFFINITY_H_
