#include "jobs/time_job.h"

#include <string>
#include <vector>

#include "base/clock.h"
#include "support/bench.h"
#include "support/check.h"

namespace syncnas {
namespace {

using test::Bench;
using test::TimeJobText;

TEST(TimeJobRunsBesideItsLoads) {
  Bench bench;
  const auto events = bench.Run(
      "\"jobs\": [" +
      TimeJobText("a", "awaits_loads",
                  R"(, "gap_us": 300, "load": [{"unit": "u1", "model": "m"}, {"unit": "g0", "model": "m"}])") +
      "," + TimeJobText("b", "outlives", R"(, "load": [{"unit": "u1", "model": "fails"}])") + "," +
      TimeJobText("c", "m", R"(, "load": [{"unit": "u1", "model": "nothere"}])") + "," +
      TimeJobText("d", "m", R"(, "load": [{"unit": "u1", "model": "m"}, {"unit": "bad", "model": "m"}])") + "," +
      TimeJobText("e") + "]");
  CHECK_EQUAL(Bench::Order(events), "a b c d e");
  CHECK_EQUAL(Bench::Select(events, "done").size(), 2U);
  CHECK_EQUAL(Bench::Reason(events, "b"), "the load on unit u1: the fake model fails in run 3");
  CHECK_CONTAINS(Bench::Reason(events, "c"), "cannot read nothere");
  CHECK_CONTAINS(Bench::Reason(events, "d"), "unit bad cannot be had");
  const auto at_once = bench.Run(
      "\"jobs\": [" +
      TimeJobText("f", "m", R"(, "load": [{"unit": "u1", "model": "m"}, {"unit": "u2", "model": "fails_at_once"}])") +
      "]");
  CHECK_EQUAL(Bench::Reason(at_once, "f"), "the load on unit u2: the fake model fails in run 1");
}

TEST(TimeJobWarmsUpForAsLongAsItIsTold) {
  Bench bench;
  const int64_t begin = NowNs();
  const auto events = bench.Run("\"jobs\": [" + TimeJobText("a", "m", R"(, "warmup_us": 20000)") + "]");
  CHECK(NowNs() - begin >= 20000 * kNanosecondsPerMicrosecond);
  CHECK_EQUAL(Bench::Select(events, "done").size(), 1U);
  CHECK(bench.log().runs.load() > 20);
}

TEST(TimeJobTakesDisturbedSamplesAgain) {
  Bench bench;
  // A model that sleeps is off its core for longer than any disturbance; on a GPU unit that is how it has to be.
  const auto events =
      bench.Run("\"jobs\": [" + TimeJobText("calm") + "," + TimeJobText("disturbed", "slow") + "," +
                TimeJobText("beside_load", "slow", R"(, "load": [{"unit": "u1", "model": "m"}])") +
                R"(, {"id": "gpu", "kind": "time", "unit": "g0", "model": "slow", "warmup": 1, "runs": 2}])");
  for (const Json& event : Bench::Select(events, "done")) {
    const bool is_disturbed = Bench::Text(event, "job") == "disturbed";
    const size_t disturbed = Bench::Elements(event, "disturbed_ns").size();
    CHECK(Bench::Text(event, "job") == "calm" || disturbed == (is_disturbed ? 2U : 0U));
    for (const char* name : {"write_ns", "run_ns", "read_ns", "total_ns", "cpu_ns"}) {
      CHECK_EQUAL(Bench::Elements(event, "samples", name).size(), 2U);
    }
  }
  CHECK_EQUAL(Bench::Select(events, "done").size(), 4U);
}

}  // namespace
}  // namespace syncnas
