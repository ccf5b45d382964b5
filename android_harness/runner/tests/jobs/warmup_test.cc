#include "jobs/warmup.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "json/json.h"
#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

constexpr int64_t kMs = 1'000'000;

SampleSpec Limits(int64_t warmup, int64_t warmup_us, int64_t warmup_limit_us) {
  SampleSpec samples;
  samples.warmup = warmup;
  samples.warmup_us = warmup_us;
  samples.warmup_limit_us = warmup_limit_us;
  return samples;
}

// Runs without pause between them, each as long as `run_ns` says of its number (from 0), until the warm-up is done.
WarmUp Warmed(const SampleSpec& samples, const std::function<int64_t(int64_t)>& run_ns, bool had_first_run = false) {
  WarmUp warm_up(samples, had_first_run);
  int64_t now_ns = 7;
  while (!warm_up.IsDone()) {
    REQUIRE(warm_up.runs() < 100'000);
    const int64_t begin_ns = now_ns;
    now_ns += run_ns(warm_up.runs());
    warm_up.Add(begin_ns, now_ns);
  }
  return warm_up;
}

// The last value stays.
std::function<int64_t(int64_t)> Series(const std::vector<int64_t>& run_ns) {
  return [run_ns](int64_t run) { return run_ns[std::min(static_cast<size_t>(run), run_ns.size() - 1)]; };
}

TEST(WarmUpOfSteadyRunsEndsAsSoonAsTwoCouldBeCompared) {
  const SampleSpec samples = Limits(1, 0, 1'000'000);
  CHECK_EQUAL(Warmed(samples, Series({10 * kMs})).runs(), 3);
  CHECK_EQUAL(Warmed(samples, Series({10 * kMs}), true).runs(), 2);
  // However slow the first run is, it is not what the others are compared with.
  const WarmUp cold = Warmed(samples, Series({90 * kMs, 10 * kMs}));
  CHECK_EQUAL(cold.runs(), 3);
  CHECK(cold.IsWarm());
}

TEST(WarmUpGoesOnWhileRunsGetFaster) {
  // 13 and 10 ms are not alike, and averages come closer only while runs stay as they are.
  const WarmUp stepped = Warmed(Limits(1, 0, 1'000'000), Series({20 * kMs, 13 * kMs, 10 * kMs}));
  CHECK(stepped.IsWarm());
  CHECK(stepped.runs() > 4 && stepped.runs() < 12);
  // A core that comes to its speed within some runs, the steps ever smaller.
  const WarmUp ramped = Warmed(Limits(1, 0, 1'000'000), [](int64_t run) {
    return static_cast<int64_t>(5e6 * (1 + std::exp(-static_cast<double>(run) / 3)));
  });
  CHECK(ramped.IsWarm());
  CHECK(ramped.runs() > 5 && ramped.runs() < 15);
  // Getting slower is no steadiness either.
  CHECK(Warmed(Limits(1, 0, 1'000'000), Series({kMs, kMs, 2 * kMs, 3 * kMs})).runs() > 6);
}

TEST(WarmUpWaitsUntilAGovernorHasRaisedTheClock) {
  const test::TemporaryFolder folder;
  const auto set = [&folder](int64_t khz) {
    folder.Write("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n");
    folder.Write("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", std::to_string(khz) + "\n");
  };
  // Runs of 1 ms that are alike from the first on; the clock rises all the time, until run 40.
  const auto rising_until = [&](int64_t last) {
    set(300'000);
    WarmUp warm_up(Limits(1, 0, 1'000), false, GovernedClock({0}, folder.path() + "/sys"));
    for (int64_t now_ns = 0; !warm_up.IsDone(); now_ns += kMs) {
      warm_up.Add(now_ns, now_ns + kMs);
      set(300'000 + 50'000 * std::min(warm_up.runs(), last));
    }
    return warm_up;
  };
  const WarmUp raised = rising_until(40);
  CHECK(raised.IsWarm());
  CHECK(raised.runs() > 40 && raised.runs() < 60);
  const WarmUp endless = rising_until(1'000'000);
  CHECK(!endless.IsWarm());
  CHECK_EQUAL(endless.runs(), WarmUp::kGovernorLimitNs / kMs);
}

TEST(WarmUpKeepsToItsFloor) {
  CHECK_EQUAL(Warmed(Limits(9, 0, 1'000'000), Series({10 * kMs})).runs(), 9);
  CHECK_EQUAL(Warmed(Limits(1, 95'000, 1'000'000), Series({10 * kMs})).runs(), 10);
  // Also where the limit is lower.
  CHECK_EQUAL(Warmed(Limits(9, 0, 1), Series({10 * kMs})).runs(), 9);
  CHECK_EQUAL(Warmed(Limits(1, 95'000, 1), Series({10 * kMs})).runs(), 10);
  CHECK(Warmed(Limits(9, 0, 1), Series({10 * kMs})).IsWarm());
}

TEST(WarmUpWithoutARuleIsItsFloor) {
  CHECK_EQUAL(Warmed(Limits(0, 0, 0), Series({kMs})).runs(), 0);
  CHECK_EQUAL(Warmed(Limits(2, 0, 0), Series({kMs, 9 * kMs, kMs})).runs(), 2);
  CHECK_EQUAL(Warmed(Limits(0, 2500, 0), Series({kMs})).runs(), 3);
}

TEST(WarmUpIsCutOffWhereNothingSettles) {
  const WarmUp swinging = Warmed(Limits(1, 0, 50'000), [](int64_t run) { return run % 2 == 0 ? 10 * kMs : 5 * kMs; });
  CHECK(!swinging.IsWarm());
  CHECK_EQUAL(swinging.runs(), 7);
  // Runs that are longer than the limit: no more than the floor.
  const WarmUp lengthy = Warmed(Limits(1, 0, 50'000), Series({80 * kMs}));
  CHECK(!lengthy.IsWarm());
  CHECK_EQUAL(lengthy.runs(), 1);
}

TEST(WarmUpTakesShortRunsTogether) {
  // 50 runs of 2 us are one observation: single ones that take 50 % longer or shorter do not count as change ...
  const auto jittery = [](int64_t run) { return run % 2 == 0 ? int64_t{3'000} : int64_t{1'000}; };
  const WarmUp steady = Warmed(Limits(1, 0, 10'000), jittery);
  CHECK(steady.IsWarm());
  CHECK(steady.runs() >= 100 && steady.runs() < 110);
  // ... and a single one that is an outlier neither.
  const WarmUp outlier = Warmed(Limits(1, 0, 10'000), [](int64_t run) { return run == 60 ? 8'000 : 2'000; });
  CHECK(outlier.IsWarm());
  CHECK(outlier.runs() < 110);
  // But that each is nearly as long as the one before does not pass for steadiness, as 3 % would between longer ones.
  const WarmUp ramped = Warmed(Limits(1, 0, 100'000), [](int64_t run) {
    return static_cast<int64_t>(2e3 * (1 + 10 * std::exp(-static_cast<double>(run) / 30)));
  });
  CHECK(ramped.IsWarm());
  CHECK(ramped.runs() > 90);
}

TEST(WarmUpStandsNoise) {
  // Noise of 2 % about a constant: nearly always warm at once, and always long before the limit.
  Random random(3);
  int64_t at_once = 0;
  for (int visit = 0; visit < 1000; ++visit) {
    const WarmUp warm_up = Warmed(Limits(1, 0, 10'000'000), [&random](int64_t) {
      return 10 * kMs + random.Between(-350, 350) * 1000;
    });
    CHECK(warm_up.IsWarm());
    CHECK(warm_up.runs() < 30);
    at_once += warm_up.runs() == 3 ? 1 : 0;
  }
  CHECK(at_once > 950);
}

Json Reported(const WarmUp& warm_up) {
  JsonLine line;
  warm_up.Report(line);
  return Json::Parse(line.Finish());
}

TEST(WarmUpSaysHowItEnded) {
  const Json warm = Reported(Warmed(Limits(1, 0, 50'000), Series({kMs})));
  CHECK_EQUAL(REQUIRED(warm.Find("warmups")).whole().value_or(-1), 3);
  CHECK(REQUIRED(warm.Find("warm")).boolean());
  CHECK(!REQUIRED(Reported(Warmed(Limits(1, 0, 50'000), Series({80 * kMs}))).Find("warm")).boolean());
  const Json floor_alone = Reported(Warmed(Limits(2, 0, 0), Series({kMs})));
  CHECK_EQUAL(REQUIRED(floor_alone.Find("warmups")).whole().value_or(-1), 2);
  CHECK(REQUIRED(floor_alone.Find("warm")).type() == Json::Type::kNull);
}

}  // namespace
}  // namespace syncnas
