#include <string>
#include <vector>

#include "base/clock.h"
#include "json/json.h"
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
      TimeJobText("a", "in_company",
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
  const auto events = bench.Run(
      "\"jobs\": [" + TimeJobText("calm") + "," + TimeJobText("disturbed", "slow") + "," +
      TimeJobText("company", "slow", R"(, "load": [{"unit": "u1", "model": "m"}])") +
      R"(, {"id": "gpu", "kind": "time", "unit": "g0", "model": "slow", "warmup": 1, "runs": 2}])");
  for (const Json& event : Bench::Select(events, "done")) {
    const bool is_disturbed = Bench::Text(event, "job") == "disturbed";
    const size_t disturbed = event.Find("disturbed_ns")->elements().size();
    CHECK(Bench::Text(event, "job") == "calm" || disturbed == (is_disturbed ? 2U : 0U));
    for (const char* name : {"write_ns", "run_ns", "read_ns", "total_ns", "cpu_ns"}) {
      CHECK_EQUAL(event.Find("samples")->Find(name)->elements().size(), 2U);
    }
  }
  CHECK_EQUAL(Bench::Select(events, "done").size(), 4U);
}

std::string Transfer(const std::string& id, const std::string& to, const std::string& path, const std::string& wait,
                     const std::string& model = "m", const std::string& from = "u0") {
  return R"({"id": ")" + id + R"(", "kind": "transfer", "from": ")" + from + R"(", "to": ")" + to + R"(", "model": ")" + model +
         R"(", "path": ")" + path + R"(", "wait": ")" + wait + R"(", "spin_us": 5, "warmup": 3, "runs": 20})";
}

TEST(TransferJobHandsOverInEveryWay) {
  Bench bench;
  std::string jobs;
  for (const char* path : {"shared", "memcpy"}) {
    for (const char* wait : {"spin", "condvar", "hybrid"}) {
      jobs += (jobs.empty() ? "" : ",") + Transfer(std::string(path) + wait, "u1", path, wait);
    }
  }
  const auto events = bench.Run(R"("resident": true, "repeat": {"max_rounds": 2}, "jobs": [)" + jobs + "]");
  const std::vector<Json> done = Bench::Select(events, "done");
  CHECK_EQUAL(done.size(), 12U);
  for (const Json& event : done) {
    CHECK_EQUAL(Bench::Number(event, "bytes"), 256);
    for (const char* name : {"read_ns", "wakeup_ns", "write_ns", "rewrite_ns", "total_ns"}) {
      CHECK_EQUAL(event.Find("samples")->Find(name)->elements().size(), 20U);
      for (const Json& value : event.Find("samples")->Find(name)->elements()) {
        CHECK(*value.whole() >= 0);
      }
    }
  }
}

TEST(TransferJobTakesThePathThatThePairHas) {
  struct Pair {
    const char* from;
    const char* to;
    const char* path;
  };
  const std::vector<Pair> pairs = {{"u0", "u1", "shared"},   {"u0", "g0", "upload"}, {"g0", "u0", "readback"},
                                   {"g0", "g1", "memcpy"},   {"n0", "n1", "upload"}, {"u0", "n0", "upload"},
                                   {"g0", "n0", "readback"}, {"n0", "g0", "upload"}};
  Bench bench;
  std::string jobs;
  for (const Pair& pair : pairs) {
    for (const char* path : {"shared", "memcpy"}) {
      const std::string id = std::string(pair.from) + ">" + pair.to + " " + path;
      jobs += (jobs.empty() ? "" : ",") + Transfer(id, pair.to, path, "condvar", "m", pair.from);
    }
  }
  const std::vector<Json> done = Bench::Select(bench.Run("\"jobs\": [" + jobs + "]"), "done");
  CHECK_EQUAL(done.size(), 2 * pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    CHECK_EQUAL(Bench::Text(done[2 * i], "path"), pairs[i].path);
    CHECK_EQUAL(done[2 * i].Find("sender_buffers")->elements().at(0).text(), pairs[i].from[0] == 'g' ? "gl" : "host");
    CHECK_EQUAL(done[2 * i].Find("receiver_buffers")->elements().at(0).text(), pairs[i].to[0] == 'g' ? "gl" : "host");
    CHECK_EQUAL(Bench::Text(done[2 * i + 1], "path"), "memcpy");
    const bool copies_out = Bench::Text(done[2 * i], "path") == "readback";
    for (const Json& value : done[2 * i].Find("samples")->Find("read_ns")->elements()) {
      CHECK(copies_out || pairs[i].path == std::string("memcpy") || *value.whole() == 0);
    }
  }
}

TEST(TransferJobRunsSomethingElseBetweenHandovers) {
  // 3 + 20 hand-overs: the sender runs its model each time, and both run what is between.
  constexpr int kHandovers = 23;
  const auto with_between = [](const std::string& between) {
    std::string job = Transfer("x", "g0", "shared", "condvar");
    return job.insert(job.size() - 1, R"(, "between": ")" + between + "\"");
  };
  Bench plain;
  CHECK_EQUAL(Bench::Select(plain.Run("\"jobs\": [" + Transfer("x", "g0", "shared", "condvar") + "]"), "done").size(), 1U);
  CHECK_EQUAL(plain.log().runs.load(), 2 * kHandovers);
  Bench bench;
  const auto events = bench.Run("\"jobs\": [" + with_between("two") + "]");
  CHECK_EQUAL(Bench::Select(events, "done").size(), 1U);
  CHECK_EQUAL(bench.log().runs.load(), 3 * kHandovers);
  Bench failing;
  const auto failed = failing.Run("\"jobs\": [" + with_between("fails") + "," + TimeJobText("next") + "]");
  CHECK_EQUAL(Bench::Reason(failed, "x"), "the fake model fails in run 3");
  CHECK_EQUAL(Bench::Select(failed, "done").size(), 1U);
  CHECK_CONTAINS(Bench::Reason(Bench().Run("\"jobs\": [" + with_between("nothere") + "]"), "x"), "cannot read nothere");
}

TEST(TransferJobNeverOverwritesWhatIsStillTaken) {
  Bench bench;
  std::string jobs;
  for (const char* wait : {"condvar", "spin"}) {
    for (const char* way : {"u0 u1 memcpy", "u0 g0 shared", "g0 u0 shared", "g0 g1 shared", "n0 n1 shared"}) {
      const std::string text = way;
      jobs += (jobs.empty() ? "" : ",") + Transfer(text + wait, text.substr(3, 2), text.substr(6), wait, "slow_copies",
                                                   text.substr(0, 2));
    }
  }
  CHECK_EQUAL(Bench::Select(bench.Run("\"jobs\": [" + jobs + "]"), "done").size(), 10U);
}

TEST(TransferJobFailsWithAReason) {
  Bench bench;
  const auto events =
      bench.Run("\"jobs\": [" + Transfer("breaks", "u1", "shared", "condvar", "fails") + "," +
                Transfer("shape", "u1", "shared", "spin", "two") + "]");
  CHECK_EQUAL(Bench::Reason(events, "breaks"), "the fake model fails in run 3");
  CHECK_CONTAINS(Bench::Reason(events, "shape"), "must have one input and one output of the same shape");
  CHECK(Bench::Select(events, "done").empty());
}

}  // namespace
}  // namespace syncnas
