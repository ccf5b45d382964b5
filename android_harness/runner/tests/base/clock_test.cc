#include "base/clock.h"

#include "support/check.h"

namespace syncnas {
namespace {

TEST(SleepingTakesItsTime) {
  const int64_t begin = NowNs();
  SleepNs(2'000'000);
  CHECK(NowNs() - begin >= 2'000'000);
  SleepNs(0);
  SleepNs(-1);
}

}  // namespace
}  // namespace syncnas
