#include "device/governed_clock.h"

#include <string>

#include "device/device_state.h"
#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

constexpr int64_t kStep = GovernedClock::kStepNs;

class Cores {
 public:
  void Set(int core, const std::string& governor, int64_t khz) const {
    const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(core) + "/cpufreq/";
    folder_.Write(folder + "scaling_governor", governor + "\n");
    folder_.Write(folder + "scaling_cur_freq", std::to_string(khz) + "\n");
  }
  void SetCap(int core, int64_t khz) const {
    folder_.Write("sys/devices/system/cpu/cpu" + std::to_string(core) + "/cpufreq/scaling_max_freq",
                  std::to_string(khz) + "\n");
  }
  [[nodiscard]] std::string system() const { return folder_.path() + "/sys"; }

 private:
  const test::TemporaryFolder folder_;
};

TEST(OnlyClocksThatFollowTheLoadAreGoverned) {
  const Cores cores;
  cores.Set(0, "schedutil", 1'000'000);
  cores.Set(1, "performance", 1'000'000);
  cores.Set(2, "userspace", 1'000'000);
  CHECK(IsGoverned(0, cores.system()));
  CHECK(!IsGoverned(1, cores.system()));
  CHECK(!IsGoverned(2, cores.system()));
  CHECK(!IsGoverned(3, cores.system()));
  CHECK(GovernedClock({1, 2, 3}, cores.system()).IsSteady(0));
  CHECK(!GovernedClock({1, 2, 3}, cores.system()).HasCores());
}

TEST(AGovernedClockIsSteadyWhereTwoLooksAgree) {
  const Cores cores;
  cores.Set(0, "schedutil", 300'000);
  GovernedClock clock({0}, cores.system());
  CHECK(!clock.IsSteady(0));
  cores.Set(0, "schedutil", 1'800'000);
  CHECK(!clock.IsSteady(kStep));
  // Too early for another look.
  CHECK(!clock.IsSteady(kStep + 1));
  cores.Set(0, "schedutil", 1'790'000);
  CHECK(clock.IsSteady(2 * kStep));
  cores.Set(0, "schedutil", 1'000'000);
  CHECK(!clock.IsSteady(3 * kStep));
}

TEST(AClockAtItsCapIsSteadyAtOnce) {
  const Cores cores;
  cores.Set(0, "schedutil", 1'800'000);
  cores.SetCap(0, 1'804'800);
  CHECK(GovernedClock({0}, cores.system()).IsSteady(0));
  cores.SetCap(0, 2'000'000);
  CHECK(!GovernedClock({0}, cores.system()).IsSteady(0));
}

}  // namespace
}  // namespace syncnas
