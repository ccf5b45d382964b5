#include "units/handoff.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "support/check.h"
#include "units/release_gate.h"

namespace syncnas {
namespace {

const std::vector<WaitSpec>& AllWaits() {
  static const std::vector<WaitSpec> waits = {
      {WaitMode::kSpin, 0}, {WaitMode::kCondvar, 0}, {WaitMode::kHybrid, 0}, {WaitMode::kHybrid, 20}};
  return waits;
}

// Spinning costs a whole time slice wherever threads have to share a core, so it is tried less often.
uint64_t Rounds(const WaitSpec& wait) { return wait.mode == WaitMode::kSpin ? 300 : 3000; }

TEST(HandoffPingPongCarriesPlainMemory) {
  for (const WaitSpec& wait : AllWaits()) {
    Handoff ping(wait);
    Handoff pong(wait);
    const uint64_t rounds = Rounds(wait);
    uint64_t payload = 0;  // not atomic: only the hand-off orders the two threads
    std::thread echo([&] {
      for (uint64_t i = 1; i <= rounds; ++i) {
        ping.Await(i);
        payload = payload * 2 + 1;
        pong.Publish(i);
      }
    });
    uint64_t expected = 0;
    for (uint64_t i = 1; i <= rounds; ++i) {
      payload += i;
      expected = (expected + i) * 2 + 1;
      ping.Publish(i);
      CHECK(pong.Await(i));
      if (payload != expected) {
        test::ReportFailure(__FILE__, __LINE__, "the payload was not carried over");
        break;
      }
    }
    echo.join();
  }
}

TEST(HandoffReachesAllWaiters) {
  for (const WaitSpec& wait : AllWaits()) {
    Handoff handoff(wait);
    std::atomic<int> awake{0};
    std::vector<std::thread> waiters;
    waiters.reserve(4);
    for (uint64_t i = 1; i <= 4; ++i) {
      waiters.emplace_back([&handoff, &awake, i] { awake += handoff.Await(i) ? 1 : 0; });
    }
    handoff.Publish(2);
    handoff.Publish(4);
    for (std::thread& waiter : waiters) {
      waiter.join();
    }
    CHECK_EQUAL(awake.load(), 4);
    CHECK(handoff.Await(3));
  }
}

TEST(HandoffAbortFreesWaiters) {
  for (const WaitSpec& wait : AllWaits()) {
    Handoff handoff(wait);
    handoff.Publish(1);
    std::atomic<int> freed{0};
    std::vector<std::thread> waiters;
    waiters.reserve(3);
    for (int i = 0; i < 3; ++i) {
      waiters.emplace_back([&handoff, &freed] { freed += handoff.Await(2) ? 0 : 1; });
    }
    SleepNs(1'000'000);
    handoff.Abort();
    handoff.Abort();
    for (std::thread& waiter : waiters) {
      waiter.join();
    }
    CHECK_EQUAL(freed.load(), 3);
    CHECK(!handoff.Await(2));
    CHECK(handoff.Await(1));
  }
}

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
