#include "phase_runner.h"

#include <map>
#include <string>
#include <vector>

#include "check.h"
#include "clock.h"
#include "fake_engine.h"
#include "json.h"
#include "temporary_folder.h"

namespace syncnas {
namespace {

// A folder with models of the fake engine, and phases run in it.
class Bench {
 public:
  Bench() {
    folder_.Write("m", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "salt": 1})");
    folder_.Write("fails", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "fail_run": 3})");
    folder_.Write("slow", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "sleep_us": 3000})");
    folder_.Write("stops", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "stop_at_run": 2})");
    folder_.Write("two", R"({"inputs": [[1, 64], [1, 64]], "outputs": [[1, 64]], "salt": 2})");
    folder_.Write("fails_at_once", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "fail_run": 1})");
    folder_.Write("slow_write", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "write_sleep_us": 300})");
    folder_.Write("other", R"({"inputs": [[1, 32]], "outputs": [[1, 64]]})");
  }

  // `rest` are the phase's further fields, from "jobs" on; unit g0 is a GPU.
  std::vector<Json> Run(const std::string& rest, const std::string& library = "fake.so") {
    const std::string units = R"({"u0": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
        "u1": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
        "u2": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
        "g0": {"kind": "gpu", "engine": "litert", "precision": "fp16"},
        "bad": {"kind": "cpu", "engine": "litert", "precision": "fp32", "cores": [1023]}})";
    const PhaseSpec phase = ParsePhase(R"({"format": 1, "phase": "p", "seed": 5, "runtime": {"litert": ")" + library +
                                           R"("}, "units": )" + units + "," + rest + "}",
                                       folder_.path());
    folder_.Write("journal", "");
    {
      Journal journal = Journal::AppendTo(folder_.path() + "/journal");
      PhaseRunner(phase, test::FakeOpener(log_), journal, log_.stop).Run();
    }
    std::vector<Json> events;
    const std::string text = folder_.Read("journal");
    for (size_t at = 0; at < text.size();) {
      const size_t end = text.find('\n', at);
      events.push_back(Json::Parse(text.substr(at, end - at)));
      at = end + 1;
    }
    CHECK_EQUAL(log_.alive.load(), 0);
    CHECK_EQUAL(Text(events.front(), "event"), "phase");
    CHECK_EQUAL(Text(events.back(), "event"), "end");
    return events;
  }

  static std::string Text(const Json& event, const char* name) {
    const Json* value = event.Find(name);
    return value == nullptr || value->type() != Json::Type::kString ? "" : value->text();
  }
  static int64_t Number(const Json& event, const char* name) { return *event.Find(name)->whole(); }

  static std::vector<Json> Select(const std::vector<Json>& events, const std::string& kind) {
    std::vector<Json> selected;
    for (const Json& event : events) {
      if (Text(event, "event") == kind) {
        selected.push_back(event);
      }
    }
    return selected;
  }

  // "a b c": the jobs in the order of their start lines.
  static std::string Order(const std::vector<Json>& events) {
    std::string order;
    for (const Json& event : Select(events, "start")) {
      order += (order.empty() ? "" : " ") + Text(event, "job");
    }
    return order;
  }

  static std::string Reason(const std::vector<Json>& events, const std::string& job) {
    for (const Json& event : Select(events, "failed")) {
      if (Text(event, "job") == job) {
        return Text(event, "reason");
      }
    }
    return "";
  }

  [[nodiscard]] const test::TemporaryFolder& folder() const { return folder_; }
  test::FakeLog& log() { return log_; }

 private:
  test::TemporaryFolder folder_;
  test::FakeLog log_;
};

std::string Time(const std::string& id, const std::string& model = "m", const std::string& more = "") {
  return R"({"id": ")" + id + R"(", "kind": "time", "unit": "u0", "model": ")" + model +
         R"(", "warmup": 1, "runs": 2)" + more + "}";
}

TEST(PhaseVisitsInRoundsAndAccounts) {
  Bench bench;
  const auto events = bench.Run(R"("repeat": {"max_rounds": 2}, "jobs": [)" + Time("a") + "," + Time("b") + "]");
  CHECK_EQUAL(Bench::Order(events), "a b a b");
  CHECK_EQUAL(Bench::Number(events.back(), "visits"), 4);
  CHECK_EQUAL(Bench::Number(events.back(), "failed"), 0);
  CHECK(Bench::Number(events.back(), "sampled_ns") > 0 && Bench::Number(events.back(), "created_ns") > 0);
  CHECK(events.back().Find("stopped")->type() == Json::Type::kNull);
  CHECK_EQUAL(bench.log().created.size(), 4U);
  // The first run, a warm-up and two samples each.
  CHECK_EQUAL(bench.log().runs.load(), 16);
  const std::vector<Json> done = Bench::Select(events, "done");
  CHECK_EQUAL(Bench::Number(done[2], "round"), 1);
  const Json& samples = *done[0].Find("samples");
  for (const char* name : {"write_ns", "run_ns", "read_ns", "total_ns", "cpu_ns"}) {
    CHECK_EQUAL(samples.Find(name)->elements().size(), 2U);
  }
  const auto sample = [&samples](const char* name) { return *samples.Find(name)->elements()[0].whole(); };
  CHECK_EQUAL(sample("write_ns") + sample("run_ns") + sample("read_ns"), sample("total_ns"));
  CHECK(Bench::Number(done[0], "create_ns") > 0 && Bench::Number(done[0], "first_ns") > 0);
}

TEST(PhaseGoesOnAfterFailures) {
  Bench bench;
  const auto events =
      bench.Run(R"("repeat": {"max_rounds": 2}, "jobs": [)" + Time("gone", "nothere") + "," + Time("breaks", "fails") +
                "," + Time("fine") + R"(, {"id": "unit", "kind": "time", "unit": "bad", "model": "m", "runs": 1}])");
  CHECK_EQUAL(Bench::Order(events), "gone breaks fine unit fine");
  CHECK_EQUAL(Bench::Reason(events, "gone"), "cannot read nothere: No such file or directory");
  CHECK_EQUAL(Bench::Reason(events, "breaks"), "the fake model fails in run 3");
  CHECK_CONTAINS(Bench::Reason(events, "unit"), "unit bad cannot be had: affinity to cores 1023 was refused");
  CHECK_EQUAL(Bench::Number(events.back(), "failed"), 3);
  CHECK_EQUAL(Bench::Text(Bench::Select(events, "unit_failed")[0], "unit"), "bad");
}

TEST(PhaseWithoutEngineFailsItsJobsOnly) {
  Bench bench;
  const auto events = bench.Run("\"jobs\": [" + Time("a") + "]", "missing.so");
  CHECK_EQUAL(Bench::Select(events, "unit_failed").size(), 5U);
  CHECK_CONTAINS(Bench::Reason(events, "a"), "there is no library for litert");
}

TEST(PhaseOrderIsShuffledBySeedAndSentinelsStandAround) {
  Bench bench;
  std::string jobs = Time("s");
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    jobs += "," + Time(id);
  }
  const std::string phase = R"("order": "shuffled", "repeat": {"max_rounds": 2},
      "sentinel": {"jobs": ["s"], "every": 2}, "jobs": [)" +
                            jobs + "]";
  const std::string order = Bench::Order(bench.Run(phase));
  CHECK_EQUAL(order, Bench::Order(bench.Run(phase)));
  // Before each round, after every second visit, after the last, never twice in a row.
  std::string sentinels;
  for (size_t i = 0; i < order.size(); i += 2) {
    sentinels += order[i] == 's' ? 's' : '.';
  }
  CHECK_EQUAL(sentinels, "s..s..s.s..s..s.s");
  CHECK(order.substr(2, 3) != order.substr(18, 3) || order.substr(8, 3) != order.substr(24, 3));
}

TEST(PhaseSettlesWhenTheMedianIsKnown) {
  Bench bench;
  const std::string job = R"({"id": "a", "kind": "time", "unit": "u0", "model": "slow", "runs": 8})";
  const auto settled =
      bench.Run(R"("repeat": {"min_rounds": 2, "max_rounds": 6, "target_ci": 1}, "jobs": [)" + job + "]");
  CHECK_EQUAL(Bench::Order(settled), "a a");
  const auto never = bench.Run(R"("repeat": {"min_rounds": 1, "max_rounds": 3}, "jobs": [)" + job + "]");
  CHECK_EQUAL(Bench::Order(never), "a a a");
}

TEST(SentinelsNeverSettle) {
  Bench bench;
  const auto job = [](const std::string& id) {
    return R"({"id": ")" + id + R"(", "kind": "time", "unit": "u0", "model": "slow", "runs": 8})";
  };
  const auto events = bench.Run(R"("repeat": {"min_rounds": 1, "max_rounds": 3, "target_ci": 1}, "resident": true,
      "sentinel": {"jobs": ["s"], "every": 1}, "jobs": [)" +
                                job("s") + "," + job("a") + "," + Time("b") + "]");
  CHECK_CONTAINS(Bench::Order(events), "s a s b s");
  CHECK_EQUAL(Bench::Order(events).substr(Bench::Order(events).size() - 1), "s");
}

TEST(PhaseKeepsResidentModels) {
  Bench bench;
  const auto events = bench.Run(R"("resident": true, "repeat": {"max_rounds": 3}, "jobs": [)" + Time("a") + "]");
  CHECK_EQUAL(bench.log().created.size(), 1U);
  const std::vector<Json> done = Bench::Select(events, "done");
  CHECK_EQUAL(done.size(), 3U);
  CHECK(done[0].Find("create_ns")->whole().has_value() && done[0].Find("first_ns")->whole().has_value());
  CHECK(done[1].Find("create_ns")->type() == Json::Type::kNull &&
        done[1].Find("first_ns")->type() == Json::Type::kNull);
}

TEST(PhaseStopsAtItsLimitAndOnASignal) {
  Bench bench;
  const auto limited =
      bench.Run(R"("limit_s": 0.05, "repeat": {"max_rounds": 1000}, "jobs": [)" + Time("a", "slow") + "]");
  CHECK_EQUAL(Bench::Text(limited.back(), "stopped"), "limit_s");
  CHECK(Bench::Number(limited.back(), "visits") < 100);
  const auto stopped = bench.Run(R"("jobs": [)" + Time("a") + "," + Time("b", "stops") + "," + Time("c") + "]");
  CHECK_EQUAL(Bench::Order(stopped), "a b");
  CHECK_EQUAL(Bench::Select(stopped, "done").size(), 2U);
  CHECK_EQUAL(Bench::Text(stopped.back(), "stopped"), "signal");
}

TEST(TimeJobRunsBesideItsLoads) {
  Bench bench;
  const auto events = bench.Run(
      "\"jobs\": [" +
      Time("a", "m", R"(, "gap_us": 300, "load": [{"unit": "u1", "model": "m"}, {"unit": "g0", "model": "m"}])") + "," +
      Time("b", "slow", R"(, "load": [{"unit": "u1", "model": "fails"}])") + "," +
      Time("c", "m", R"(, "load": [{"unit": "u1", "model": "nothere"}])") + "," +
      Time("d", "m", R"(, "load": [{"unit": "u1", "model": "m"}, {"unit": "bad", "model": "m"}])") + "," + Time("e") +
      "]");
  CHECK_EQUAL(Bench::Order(events), "a b c d e");
  CHECK_EQUAL(Bench::Select(events, "done").size(), 2U);
  CHECK(bench.log().runs.load() > 20);
  CHECK_EQUAL(Bench::Reason(events, "b"), "the load on unit u1: the fake model fails in run 3");
  CHECK_CONTAINS(Bench::Reason(events, "c"), "cannot read nothere");
  CHECK_CONTAINS(Bench::Reason(events, "d"), "unit bad cannot be had");
  const auto at_once = bench.Run(
      "\"jobs\": [" +
      Time("f", "m", R"(, "load": [{"unit": "u1", "model": "m"}, {"unit": "u2", "model": "fails_at_once"}])") + "]");
  CHECK_EQUAL(Bench::Reason(at_once, "f"), "the load on unit u2: the fake model fails in run 1");
}

std::string Transfer(const std::string& id, const std::string& to, const std::string& path, const std::string& wait,
                     const std::string& model = "m") {
  return R"({"id": ")" + id + R"(", "kind": "transfer", "from": "u0", "to": ")" + to + R"(", "model": ")" + model +
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

TEST(TransferJobNeverOverwritesWhatIsStillTaken) {
  Bench bench;
  bench.Run("\"jobs\": [" + Transfer("a", "u1", "memcpy", "condvar", "slow_write") + "," +
            Transfer("b", "u1", "memcpy", "spin", "slow_write") + "]");
}

TEST(TransferJobFailsWithAReason) {
  Bench bench;
  const auto events =
      bench.Run("\"jobs\": [" + Transfer("breaks", "u1", "shared", "condvar", "fails") + "," +
                Transfer("far", "g0", "shared", "spin") + "," + Transfer("shape", "u1", "shared", "spin", "two") + "," +
                Transfer("copied", "g0", "memcpy", "condvar") + "]");
  CHECK_EQUAL(Bench::Reason(events, "breaks"), "the fake model fails in run 3");
  CHECK_EQUAL(Bench::Reason(events, "far"), "units u0 and g0 cannot see the same memory");
  CHECK_CONTAINS(Bench::Reason(events, "shape"), "must have one input and one output of the same shape");
  CHECK_EQUAL(Bench::Select(events, "done").size(), 1U);
}

std::string Segment(const std::string& name, const std::string& unit, const std::string& model,
                    const std::vector<std::string>& from) {
  std::string inputs;
  for (const std::string& source : from) {
    inputs += (inputs.empty() ? "" : ",") + (R"({"name": "i", "shape": [1, 64], "from": ")" + source + "\"}");
  }
  return R"({"name": ")" + name + R"(", "unit": ")" + unit + R"(", "model": ")" + model + R"(", "inputs": [)" + inputs +
         R"(], "output": {"name": "o", "shape": [1, 64]}})";
}

// Three units that exchange twice, all to all as far as models with two inputs go; `third` is the model of b.1.
std::string BundleManifest(const std::string& third = "two", const std::string& first = "m") {
  return R"({"format": 1, "model": "t", "units": ["a", "b", "c"], "segments": [)" +
         Segment("a.0", "a", first, {"input"}) + "," + Segment("b.0", "b", "m", {"a.0"}) + "," +
         Segment("c.0", "c", "two", {"a.0", "input"}) + "," + Segment("a.1", "a", "two", {"b.0", "c.0"}) + "," +
         Segment("b.1", "b", third, {"b.0", "c.0"}) + "," + Segment("c.1", "c", "two", {"b.0", "c.0"}) + "," +
         Segment("a.2", "a", "two", {"b.1", "c.1"}) + "," + Segment("a.3", "a", "two", {"a.2", "a.1"}) +
         R"(], "input": {"file": "in.f32", "shape": [1, 64]}, "output": {"segment": "a.3", "shape": [1, 64]}})";
}

void WriteBundle(const Bench& bench, const std::string& manifest) {
  for (const char* model : {"m", "two", "fails", "other"}) {
    bench.folder().Write(std::string("b/") + model, bench.folder().Read(model));
  }
  bench.folder().Write("b/in.f32", std::string(256, 'x'));
  bench.folder().Write("b/manifest.json", manifest);
}

std::string Collab(const std::string& id, const std::string& mode, const std::string& path, const std::string& wait,
                   const std::string& bind = R"({"a": "u0", "b": "u1", "c": "u2"})") {
  return R"({"id": ")" + id + R"(", "kind": "collab", "manifest": "b/manifest.json", "bind": )" + bind +
         R"(, "mode": ")" + mode + R"(", "path": ")" + path + R"(", "wait": ")" + wait +
         R"(", "spin_us": 5, "warmup": 2, "runs": 10, "output": "out"})";
}

TEST(CollabJobComputesTheSameInEveryWay) {
  Bench bench;
  WriteBundle(bench, BundleManifest());
  std::string jobs;
  for (const char* mode : {"sequential", "concurrent"}) {
    for (const char* path : {"shared", "memcpy"}) {
      for (const char* wait : {"condvar", "hybrid", "spin"}) {
        const std::string id = std::string(mode) + path + wait;
        jobs += (jobs.empty() ? "" : ",") + Collab(id, mode, path, wait);
        // Unit b has memory of its own here, so its pairs fall back to copies and the others do not.
        jobs += "," + Collab(id + "gpu", mode, path, wait, R"({"a": "u0", "b": "g0", "c": "u2"})");
      }
    }
  }
  const auto events = bench.Run("\"jobs\": [" + jobs + "]");
  const std::vector<Json> done = Bench::Select(events, "done");
  CHECK_EQUAL(done.size(), 24U);
  for (const Json& event : done) {
    const std::string id = Bench::Text(event, "job");
    const Json& outputs = *event.Find("outputs");
    CHECK_EQUAL(Bench::Text(outputs, "hash"), Bench::Text(*done[0].Find("outputs"), "hash"));
    // The fake models remember, so every run differs; and a stale input would have changed every later output.
    CHECK_EQUAL(Bench::Number(outputs, "distinct"), 10);
    const bool with_gpu = id.find("gpu") != std::string::npos;
    const bool wants_shared = id.find("shared") != std::string::npos;
    const Json& paths = *event.Find("paths");
    CHECK_EQUAL(paths.members().size(), 6U);
    CHECK_EQUAL(Bench::Text(paths, "a>b"), wants_shared && !with_gpu ? "shared" : "memcpy");
    CHECK_EQUAL(Bench::Text(paths, "a>c"), wants_shared ? "shared" : "memcpy");
    const std::vector<Json>& steps = event.Find("steps")->elements();
    CHECK_EQUAL(event.Find("begin_ns")->elements().size(), steps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      const std::vector<Json>& begin = event.Find("begin_ns")->elements()[i].elements();
      const std::vector<Json>& end = event.Find("end_ns")->elements()[i].elements();
      CHECK_EQUAL(begin.size(), 10U);
      for (size_t run = 0; run < 10; ++run) {
        CHECK(*begin[run].whole() >= 0 && *end[run].whole() >= *begin[run].whole());
        CHECK(*end[run].whole() <= *event.Find("total_ns")->elements()[run].whole());
      }
    }
  }
  CHECK_EQUAL(bench.folder().Read("out").size(), 256U);
}

TEST(CollabJobRunsSegmentsOneByOneInSequence) {
  Bench bench;
  WriteBundle(bench, BundleManifest());
  const auto events = bench.Run("\"jobs\": [" + Collab("s", "sequential", "memcpy", "condvar") + "]");
  const Json event = Bench::Select(events, "done").at(0);
  const std::vector<std::string> order = {"a.0", "b.0", "c.0", "a.1", "b.1", "c.1", "a.2", "a.3"};
  const std::vector<Json>& steps = event.Find("steps")->elements();
  for (size_t run = 0; run < 10; ++run) {
    int64_t free_from = 0;
    for (const std::string& segment : order) {
      int64_t last = free_from;
      for (size_t i = 0; i < steps.size(); ++i) {
        if (Bench::Text(steps[i], "segment") == segment) {
          CHECK(*event.Find("begin_ns")->elements()[i].elements()[run].whole() >= free_from);
          last = *event.Find("end_ns")->elements()[i].elements()[run].whole();
        }
      }
      free_from = last;
    }
  }
}

TEST(CollabJobThatBreaksInARunFreesTheOthers) {
  for (const char* wait : {"spin", "condvar", "hybrid"}) {
    for (const char* mode : {"concurrent", "sequential"}) {
      Bench bench;
      bench.folder().Write("fails2", R"({"inputs": [[1, 64], [1, 64]], "outputs": [[1, 64]], "fail_run": 4})");
      WriteBundle(bench, BundleManifest("fails2"));
      bench.folder().Write("b/fails2", bench.folder().Read("fails2"));
      const auto events = bench.Run("\"jobs\": [" + Collab("x", mode, "memcpy", wait) + "," + Time("next") + "]");
      CHECK_EQUAL(Bench::Reason(events, "x"), "the fake model fails in run 4");
      CHECK_EQUAL(Bench::Select(events, "done").size(), 1U);
    }
  }
}

TEST(CollabJobChecksItsBundle) {
  const auto reason = [](const std::string& manifest, const std::string& job,
                         const std::string& input = std::string(256, 'x')) {
    Bench bench;
    WriteBundle(bench, manifest);
    bench.folder().Write("b/in.f32", input);
    return Bench::Reason(bench.Run("\"jobs\": [" + job + "]"), "x");
  };
  const std::string job = Collab("x", "concurrent", "shared", "condvar");
  CHECK_EQUAL(reason(BundleManifest(), job), "");
  CHECK_CONTAINS(reason("{", job), "b/manifest.json: line 1");
  CHECK_EQUAL(reason(BundleManifest("nothere"), job), "cannot read nothere: No such file or directory");
  CHECK_EQUAL(reason(BundleManifest("m"), job), "segment b.1: m has 1 inputs, the manifest says 2");
  CHECK_EQUAL(reason(BundleManifest("two", "other"), job),
              "segment a.0: input 0 of other is float32 [1, 32], the manifest says float32 [1, 64]");
  CHECK_EQUAL(reason(BundleManifest(), job, "short"), "in.f32 has 5 bytes; float32 [1, 64] has 256");
  CHECK_EQUAL(reason(BundleManifest(), Collab("x", "concurrent", "shared", "spin", R"({"a": "u0", "b": "u1"})")),
              "bind does not say which unit is \"c\" of b/manifest.json");
  CHECK_EQUAL(reason(BundleManifest(), Collab("x", "concurrent", "shared", "spin", R"({"z": "u0"})")),
              "bind names \"z\", which is no unit of b/manifest.json");
  CHECK_EQUAL(reason(BundleManifest(), Collab("x", "concurrent", "shared", "spin", "{}")), "the phase has no unit a");
  CHECK_CONTAINS(
      reason(BundleManifest(), Collab("x", "concurrent", "shared", "spin", R"({"a": "u0", "b": "u1", "c": "bad"})")),
      "unit bad cannot be had");
}

TEST(PhaseEndsWhenItsJournalCannotBeWritten) {
  Bench bench;
  const PhaseSpec phase = ParsePhase(R"({"format": 1, "phase": "p", "units": {}, "jobs": []})", bench.folder().path());
  Journal journal(-1);
  const EngineOpener opener = test::FakeOpener(bench.log());
  CHECK_FAILS(PhaseRunner(phase, opener, journal, bench.log().stop).Run(), "the journal cannot be written");
}

}  // namespace
}  // namespace syncnas
