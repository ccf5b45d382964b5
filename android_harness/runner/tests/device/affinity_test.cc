#include "device/affinity.h"

#include <sched.h>

#include <thread>
#include <vector>

#include "support/check.h"

namespace syncnas {
namespace {

TEST(AffinityIsReadBack) {
  std::thread([] {
    const std::vector<int> all = CurrentCores();
    ConfineToCores({all.back()});
    CHECK_EQUAL(sched_getcpu(), all.back());
    std::vector<int> inherited;
    std::thread([&inherited] { inherited = CurrentCores(); }).join();
    CHECK(inherited == std::vector<int>{all.back()});
    ConfineToCores(all);
    CHECK(CurrentCores() == all);
    CHECK_FAILS(ConfineToCores({1023}), "affinity to cores 1023 was refused");
    // The system grants what is there of this mask and says nothing.
    CHECK_FAILS(ConfineToCores({all.front(), 1023}), "was refused: the system gave");
  }).join();
}

}  // namespace
}  // namespace syncnas
