#include "device/affinity.h"

#include <sched.h>

#include <cerrno>

#include <string>

#include "base/failure.h"
#include "base/files.h"

namespace syncnas {

namespace {

std::string List(const std::vector<int>& cores) {
  std::string text;
  for (const int core : cores) {
    text += (text.empty() ? "" : ",") + std::to_string(core);
  }
  return text;
}

}  // namespace

std::vector<int> CurrentCores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  // Pid 0 is the calling thread; bionic has no pthread_getaffinity_np.
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) {
    throw Failure("the affinity cannot be read: " + ErrorText(errno));
  }
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<size_t>(core), &mask)) {
      cores.push_back(core);
    }
  }
  return cores;
}

void ConfineToCores(const std::vector<int>& cores) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  for (const int core : cores) {
    CPU_SET(static_cast<size_t>(core), &mask);
  }
  if (sched_setaffinity(0, sizeof(mask), &mask) != 0) {
    throw Failure("affinity to cores " + List(cores) + " was refused: " + ErrorText(errno));
  }
  const std::vector<int> given = CurrentCores();
  if (given != cores) {
    throw Failure("affinity to cores " + List(cores) + " was refused: the system gave " + List(given));
  }
}

}  // namespace syncnas
