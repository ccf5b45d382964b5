#include "units/release_gate.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "support/check.h"

namespace syncnas {
namespace {

TEST(ReleaseGateHoldsAllUntilAllAreThere) {
  for (const WaitMode mode : {WaitMode::kSpin, WaitMode::kCondvar}) {
    constexpr size_t kParties = 3;
    const uint64_t runs = mode == WaitMode::kSpin ? 50 : 500;
    ReleaseGate gate(kParties, mode);
    std::vector<uint64_t> finished(kParties);  // not atomic: the gate orders the threads
    std::vector<std::vector<int64_t>> releases(kParties);
    std::atomic<int> early{0};
    std::vector<std::thread> parties;
    parties.reserve(kParties);
    for (size_t me = 0; me < kParties; ++me) {
      parties.emplace_back([&, me] {
        for (uint64_t run = 0; run < runs; ++run) {
          releases[me].push_back(gate.Pass(run).value_or(-1));
          early += NowNs() < releases[me].back() ? 1 : 0;
          if (run % 2 == 0) {
            finished[me] = run;
            continue;
          }
          // Odd runs only read, so this is a race unless the gate keeps the runs apart.
          for (const uint64_t other : finished) {
            early += other + 1 == run ? 0 : 1;
          }
        }
      });
    }
    for (std::thread& party : parties) {
      party.join();
    }
    CHECK_EQUAL(early.load(), 0);
    CHECK(releases[0] == releases[1] && releases[1] == releases[2]);
    CHECK(releases[0].back() > 0);
  }
}

TEST(ReleaseGateHasTheLastToArriveDecideForAll) {
  for (const WaitMode mode : {WaitMode::kSpin, WaitMode::kCondvar}) {
    constexpr size_t kParties = 3;
    constexpr uint64_t kRuns = 50;
    ReleaseGate gate(kParties, mode);
    std::vector<uint64_t> told(kParties);  // not atomic, and neither is what is decided: the gate orders the threads
    uint64_t sum = 0;
    uint64_t decisions = 0;
    std::atomic<int> wrong{0};
    std::vector<std::thread> parties;
    parties.reserve(kParties);
    for (size_t me = 0; me < kParties; ++me) {
      parties.emplace_back([&, me] {
        for (uint64_t run = 0; run < kRuns; ++run) {
          told[me] = run + me;
          gate.Pass(run, [&] {
            ++decisions;
            sum = told[0] + told[1] + told[2];
          });
          wrong += sum == 3 * run + 3 ? 0 : 1;
        }
      });
    }
    for (std::thread& party : parties) {
      party.join();
    }
    CHECK_EQUAL(wrong.load(), 0);
    CHECK_EQUAL(decisions, kRuns);
  }
}

TEST(ReleaseGateAbortFreesThoseWhoWait) {
  for (const WaitMode mode : {WaitMode::kSpin, WaitMode::kCondvar}) {
    ReleaseGate gate(2, mode);
    bool released = true;
    std::thread party([&gate, &released] { released = gate.Pass(0).has_value(); });
    SleepNs(1'000'000);
    gate.Abort();
    party.join();
    CHECK(!released);
  }
}

}  // namespace
}  // namespace syncnas
