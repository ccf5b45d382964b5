#include "units/event_count.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "support/check.h"

namespace syncnas {
namespace {

const std::vector<WaitSpec>& AllWaits() {
  static const std::vector<WaitSpec> waits = {
      {WaitMode::kSpin, 0}, {WaitMode::kCondvar, 0}, {WaitMode::kHybrid, 0}, {WaitMode::kHybrid, 20}};
  return waits;
}

// Spinning costs a whole time slice wherever threads have to share a core, so it is tried less often.
uint64_t Rounds(const WaitSpec& wait) { return wait.mode == WaitMode::kSpin ? 300 : 3000; }

TEST(EventCountPingPongCarriesPlainMemory) {
  for (const WaitSpec& wait : AllWaits()) {
    EventCount ping(wait);
    EventCount pong(wait);
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

TEST(EventCountReachesAllWaiters) {
  for (const WaitSpec& wait : AllWaits()) {
    EventCount event_count(wait);
    std::atomic<int> awake{0};
    std::vector<std::thread> waiters;
    waiters.reserve(4);
    for (uint64_t i = 1; i <= 4; ++i) {
      waiters.emplace_back([&event_count, &awake, i] { awake += event_count.Await(i) ? 1 : 0; });
    }
    event_count.Publish(2);
    event_count.Publish(4);
    for (std::thread& waiter : waiters) {
      waiter.join();
    }
    CHECK_EQUAL(awake.load(), 4);
    CHECK(event_count.Await(3));
  }
}

TEST(EventCountAbortFreesWaiters) {
  for (const WaitSpec& wait : AllWaits()) {
    EventCount event_count(wait);
    event_count.Publish(1);
    std::atomic<int> freed{0};
    std::vector<std::thread> waiters;
    waiters.reserve(3);
    for (int i = 0; i < 3; ++i) {
      waiters.emplace_back([&event_count, &freed] { freed += event_count.Await(2) ? 0 : 1; });
    }
    SleepNs(1'000'000);
    event_count.Abort();
    event_count.Abort();
    for (std::thread& waiter : waiters) {
      waiter.join();
    }
    CHECK_EQUAL(freed.load(), 3);
    CHECK(!event_count.Await(2));
    CHECK(event_count.Await(1));
  }
}

}  // namespace
}  // namespace syncnas
