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
  CHECK(bench.log().runs.load() > 20);
  const Json done = Bench::Only(events, "done");
  // The first run, the warm-ups and two samples.
  CHECK_EQUAL(Bench::Number(done, "warmups"), bench.log().runs.load() - 3);
  CHECK(Bench::Field(done, "warm").type() == Json::Type::kNull);
}

TEST(TimeJobWarmsUpUntilItIsSteady) {
  Bench bench;
  const auto events = bench.Run(R"("resident": true, "repeat": {"max_rounds": 2}, "jobs": [)" +
                                TimeJobText("a", "steady", R"(, "warmup_limit_us": 10000000)") + "]");
  const std::vector<Json> done = Bench::SelectExactly(events, "done", 2);
  // What the averages leave out is the first run after creation, and that of a visit where the model is there already.
  CHECK(Bench::Number(done[0], "warmups") >= 2);
  CHECK(Bench::Number(done[1], "warmups") >= 3);
  CHECK(Bench::Field(done[0], "warm").boolean() && Bench::Field(done[1], "warm").boolean());
  const auto cut_off = bench.Run("\"jobs\": [" + TimeJobText("b", "steady", R"(, "warmup_limit_us": 1)") + "]");
  CHECK_EQUAL(Bench::Number(Bench::Only(cut_off, "done"), "warmups"), 1);
  CHECK(Bench::Field(Bench::Only(cut_off, "done"), "warm").type() == Json::Type::kBool);
  CHECK(!Bench::Field(Bench::Only(cut_off, "done"), "warm").boolean());
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
