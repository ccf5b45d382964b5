#include "jobs/handover_job.h"

#include <string>
#include <vector>

#include "support/bench.h"
#include "support/check.h"

namespace syncnas {
namespace {

using test::Bench;
using test::TimeJobText;

std::string HandoverText(const std::string& id, const std::string& to, const std::string& path, const std::string& wait,
                         const std::string& model = "m", const std::string& from = "u0") {
  return R"({"id": ")" + id + R"(", "kind": "transfer", "from": ")" + from + R"(", "to": ")" + to + R"(", "model": ")" +
         model + R"(", "path": ")" + path + R"(", "wait": ")" + wait + R"(", "spin_us": 5, "warmup": 3, "runs": 20})";
}

TEST(HandoverJobHandsOverInEveryWay) {
  Bench bench;
  std::string jobs;
  for (const char* path : {"shared", "memcpy"}) {
    for (const char* wait : {"spin", "condvar", "hybrid"}) {
      jobs += (jobs.empty() ? "" : ",") + HandoverText(std::string(path) + wait, "u1", path, wait);
    }
  }
  const auto events = bench.Run(R"("resident": true, "repeat": {"max_rounds": 2}, "jobs": [)" + jobs + "]");
  const std::vector<Json> done = Bench::SelectExactly(events, "done", 12);
  for (const Json& event : done) {
    CHECK_EQUAL(Bench::Number(event, "bytes"), 256);
    for (const char* name : {"run_ns", "rerun_ns", "read_ns", "wakeup_ns", "write_ns", "rewrite_ns", "total_ns"}) {
      CHECK_EQUAL(Bench::Wholes(event, "samples", name).size(), 20U);
      for (const int64_t value : Bench::Wholes(event, "samples", name)) {
        CHECK(value >= 0);
      }
    }
  }
}

TEST(HandoverJobTakesThePathThatThePairHas) {
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
      jobs += (jobs.empty() ? "" : ",") + HandoverText(id, pair.to, path, "condvar", "m", pair.from);
    }
  }
  const std::vector<Json> done = Bench::SelectExactly(bench.Run("\"jobs\": [" + jobs + "]"), "done", 2 * pairs.size());
  for (size_t i = 0; i < pairs.size(); ++i) {
    CHECK_EQUAL(Bench::Text(done[2 * i], "path"), pairs[i].path);
    CHECK_EQUAL(Bench::Elements(done[2 * i], "sender_buffers").at(0).text(), pairs[i].from[0] == 'g' ? "gl" : "host");
    CHECK_EQUAL(Bench::Elements(done[2 * i], "receiver_buffers").at(0).text(), pairs[i].to[0] == 'g' ? "gl" : "host");
    CHECK_EQUAL(Bench::Text(done[2 * i + 1], "path"), "memcpy");
    const bool copies_out = Bench::Text(done[2 * i], "path") == "readback";
    for (const int64_t value : Bench::Wholes(done[2 * i], "samples", "read_ns")) {
      CHECK(copies_out || pairs[i].path == std::string("memcpy") || value == 0);
    }
  }
}

TEST(HandoverJobRunsTheNextModelAfterEachHandover) {
  // 3 + 20 hand-overs: the sender runs its model twice each time, and both run the next model.
  constexpr int kHandovers = 23;
  const auto with_next_model = [](const std::string& model) {
    std::string job = HandoverText("x", "g0", "shared", "condvar");
    return job.insert(job.size() - 1, R"(, "between": ")" + model + "\"");
  };
  Bench plain;
  CHECK_EQUAL(
      Bench::Select(plain.Run("\"jobs\": [" + HandoverText("x", "g0", "shared", "condvar") + "]"), "done").size(), 1U);
  CHECK_EQUAL(plain.log().runs.load(), 3 * kHandovers);
  Bench bench;
  const auto events = bench.Run("\"jobs\": [" + with_next_model("two") + "]");
  CHECK_EQUAL(Bench::Select(events, "done").size(), 1U);
  CHECK_EQUAL(bench.log().runs.load(), 4 * kHandovers);
  Bench failing;
  const auto failed = failing.Run("\"jobs\": [" + with_next_model("fails") + "," + TimeJobText("next") + "]");
  CHECK_EQUAL(Bench::Reason(failed, "x"), "the fake model fails in run 3");
  CHECK_EQUAL(Bench::Select(failed, "done").size(), 1U);
  CHECK_CONTAINS(Bench::Reason(Bench().Run("\"jobs\": [" + with_next_model("nothere") + "]"), "x"),
                 "cannot read nothere");
}

TEST(HandoverJobNeverOverwritesWhatIsStillTaken) {
  Bench bench;
  std::string jobs;
  for (const char* wait : {"condvar", "spin"}) {
    for (const char* way : {"u0 u1 memcpy", "u0 g0 shared", "g0 u0 shared", "g0 g1 shared", "n0 n1 shared"}) {
      const std::string text = way;
      jobs += (jobs.empty() ? "" : ",") +
              HandoverText(text + wait, text.substr(3, 2), text.substr(6), wait, "slow_copies", text.substr(0, 2));
    }
  }
  CHECK_EQUAL(Bench::Select(bench.Run("\"jobs\": [" + jobs + "]"), "done").size(), 10U);
}

TEST(HandoverJobFailsWithAReason) {
  Bench bench;
  const auto events = bench.Run("\"jobs\": [" + HandoverText("breaks", "u1", "shared", "condvar", "fails") + "," +
                                HandoverText("shape", "u1", "shared", "spin", "two") + "]");
  CHECK_EQUAL(Bench::Reason(events, "breaks"), "the fake model fails in run 3");
  CHECK_CONTAINS(Bench::Reason(events, "shape"), "must have one input and one output of the same shape");
  CHECK(Bench::Select(events, "done").empty());
}

}  // namespace
}  // namespace syncnas
