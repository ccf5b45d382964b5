#include <algorithm>
#include <string>
#include <vector>

#include "json/json.h"
#include "support/bench.h"
#include "support/check.h"

namespace syncnas {
namespace {

using test::Bench;
using test::TimeJobText;

std::string Segment(const std::string& name, const std::string& unit, const std::string& model,
                    const std::vector<std::string>& from) {
  std::string inputs;
  for (const std::string& source : from) {
    inputs += (inputs.empty() ? "" : ",") + (R"({"name": "i", "shape": [1, 64], "from": ")" + source + "\"}");
  }
  return R"({"name": ")" + name + R"(", "unit": ")" + unit + R"(", "model": ")" + model + R"(", "inputs": [)" + inputs +
         R"(], "output": {"name": "o", "shape": [1, 64]}})";
}

// Three units that hand over to each other twice, as far as models with two inputs go; `third` is the model of b.1.
std::string BundleManifest(const std::string& third = "two", const std::string& first = "m") {
  return R"({"format": 1, "model": "t", "units": ["a", "b", "c"], "segments": [)" +
         Segment("a.0", "a", first, {"input"}) + "," + Segment("b.0", "b", "m", {"a.0"}) + "," +
         Segment("c.0", "c", "two", {"a.0", "input"}) + "," + Segment("a.1", "a", "two", {"b.0", "c.0"}) + "," +
         Segment("b.1", "b", third, {"b.0", "c.0"}) + "," + Segment("c.1", "c", "two", {"b.0", "c.0"}) + "," +
         Segment("a.2", "a", "two", {"b.1", "c.1"}) + "," + Segment("a.3", "a", "two", {"a.2", "a.1"}) +
         R"(], "input": {"file": "in.f32", "shape": [1, 64]}, "output": {"segment": "a.3", "shape": [1, 64]}})";
}

void WriteBundle(const Bench& bench, const std::string& manifest) {
  for (const char* model :
       {"m", "two", "fails", "other", "awaits_loads", "outlives", "slow_copies", "slow_copies_two"}) {
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

// The runs that Collab asks for.
constexpr size_t kRuns = 10;

// The moments of each step, one per run.
std::vector<std::vector<int64_t>> Rows(const Json& event, const char* name) {
  std::vector<std::vector<int64_t>> rows;
  for (const Json& row : Bench::Elements(event, name)) {
    rows.push_back(Bench::WholesIn(row, name));
    REQUIRE(rows.back().size() == kRuns);
  }
  return rows;
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
        // Unit b has memory of its own here, so its pairs copy once and the others do not.
        jobs += "," + Collab(id + "gpu", mode, path, wait, R"({"a": "u0", "b": "g0", "c": "u2"})");
      }
    }
  }
  const auto events = bench.Run("\"jobs\": [" + jobs + "]");
  const std::vector<Json> done = Bench::SelectExactly(events, "done", 24);
  for (const Json& event : done) {
    const std::string id = Bench::Text(event, "job");
    CHECK_EQUAL(Bench::Number(event, "warmups"), 2);
    const Json& outputs = Bench::Field(event, "outputs");
    CHECK_EQUAL(Bench::Text(outputs, "hash"), Bench::Text(Bench::Field(done[0], "outputs"), "hash"));
    // The fake models remember, so every run differs; and a stale input would have changed every later output.
    CHECK_EQUAL(Bench::Number(outputs, "distinct"), 10);
    const bool with_gpu = id.find("gpu") != std::string::npos;
    const bool wants_shared = id.find("shared") != std::string::npos;
    const Json& paths = Bench::Field(event, "paths");
    CHECK_EQUAL(paths.members().size(), 6U);
    const std::string to_b = with_gpu ? "upload" : "shared";
    const std::string from_b = with_gpu ? "readback" : "shared";
    CHECK_EQUAL(Bench::Text(paths, "a>b"), wants_shared ? to_b : "memcpy");
    CHECK_EQUAL(Bench::Text(paths, "b>a"), wants_shared ? from_b : "memcpy");
    CHECK_EQUAL(Bench::Text(paths, "b>c"), wants_shared ? from_b : "memcpy");
    CHECK_EQUAL(Bench::Text(paths, "a>c"), wants_shared ? "shared" : "memcpy");
    const std::vector<Json>& steps = Bench::Elements(event, "steps");
    const std::vector<std::vector<int64_t>> begin_ns = Rows(event, "begin_ns");
    const std::vector<std::vector<int64_t>> end_ns = Rows(event, "end_ns");
    const std::vector<int64_t> total_ns = Bench::Wholes(event, "total_ns");
    REQUIRE(begin_ns.size() == steps.size() && end_ns.size() == steps.size() && total_ns.size() == kRuns);
    for (size_t i = 0; i < steps.size(); ++i) {
      for (size_t run = 0; run < kRuns; ++run) {
        CHECK(begin_ns[i][run] >= 0 && end_ns[i][run] >= begin_ns[i][run]);
        CHECK(end_ns[i][run] <= total_ns[run]);
      }
    }
  }
  CHECK_EQUAL(bench.folder().Read("out").size(), 256U);
}

TEST(CollabJobWarmsUpUntilAllUnitsTogetherAreSteady) {
  Bench bench;
  WriteBundle(bench, BundleManifest());
  const auto with_limit = [](std::string job, const std::string& limit) {
    const std::string floor = R"("warmup": 2)";
    return job.replace(job.find(floor), floor.size(), floor + R"(, "warmup_limit_us": )" + limit);
  };
  std::string jobs;
  for (const char* mode : {"sequential", "concurrent"}) {
    for (const char* wait : {"condvar", "hybrid", "spin"}) {
      const std::string id = std::string(mode) + wait;
      jobs += (jobs.empty() ? "" : ",") + with_limit(Collab(id, mode, "shared", wait), "60000000");
      jobs += "," + with_limit(Collab(id + "short", mode, "shared", wait), "1");
    }
  }
  for (const Json& event : Bench::SelectExactly(bench.Run("\"jobs\": [" + jobs + "]"), "done", 12)) {
    const bool is_short = Bench::Text(event, "job").find("short") != std::string::npos;
    CHECK(is_short ? Bench::Number(event, "warmups") == 2 : Bench::Number(event, "warmups") > 2);
    CHECK(is_short || Bench::Field(event, "warm").boolean());
    CHECK_EQUAL(Bench::Elements(event, "total_ns").size(), kRuns);
    // Had the units not agreed on which runs count, one would have waited for the others for ever, or seen stale data.
    CHECK_EQUAL(Bench::Number(Bench::Field(event, "outputs"), "distinct"), 10);
  }
}

// Counts the reads of a segment's output for its peers.
size_t Reads(const Json& event, const std::string& segment) {
  const std::vector<Json>& steps = Bench::Elements(event, "steps");
  return static_cast<size_t>(std::count_if(steps.begin(), steps.end(), [&segment](const Json& step) {
    return Bench::Text(step, "segment") == segment && Bench::Text(step, "step") == "read" &&
           Bench::Text(step, "peer") != "output";
  }));
}

TEST(CollabJobReadsOnceForAllThatTakeIt) {
  // Units a, b and c on every choice of kinds: memory that is shared, that only its unit sees, and host memory that is
  // not shared. Outputs are the same whatever the paths, however slow the copies.
  const std::vector<std::string> cpus = {"u0", "u1", "u2"};
  const std::vector<std::string> gpus = {"g0", "g1", "u2"};
  const std::vector<std::string> mixed = {"g0", "n0", "u0"};
  const std::vector<std::string> own = {"n0", "n1", "g0"};
  const std::vector<std::string> readers = {"g0", "n0", "n1"};
  Bench bench;
  WriteBundle(bench, BundleManifest("slow_copies_two", "slow_copies"));
  std::string jobs;
  for (const std::vector<std::string>& units : {cpus, gpus, mixed, own, readers}) {
    const std::string bind = R"({"a": ")" + units[0] + R"(", "b": ")" + units[1] + R"(", "c": ")" + units[2] + "\"}";
    jobs += (jobs.empty() ? "" : ",") + Collab(units[0] + units[1] + units[2], "concurrent", "shared", "condvar", bind);
  }
  const std::vector<Json> done = Bench::SelectExactly(bench.Run("\"jobs\": [" + jobs + "]"), "done", 5);
  for (const Json& event : done) {
    CHECK_EQUAL(Bench::Text(Bench::Field(event, "outputs"), "hash"),
                Bench::Text(Bench::Field(done[0], "outputs"), "hash"));
    CHECK_EQUAL(Bench::Number(event, "outputs", "distinct"), 10);
    const bool reads = Bench::Text(event, "job") != "u0u1u2" && Bench::Text(event, "job") != "n0n1g0";
    CHECK_EQUAL(Reads(event, "a.0"), reads ? 1U : 0U);
  }
  const auto path = [&done](size_t job, const char* pair) {
    return Bench::Text(Bench::Field(done[job], "paths"), pair);
  };
  CHECK_EQUAL(path(1, "a>b"), "memcpy");
  CHECK_EQUAL(path(1, "a>c"), "readback");
  CHECK_EQUAL(path(2, "a>b"), "readback");
  // What was read into b's own memory cannot be shared: c copies it from there.
  CHECK_EQUAL(path(2, "a>c"), "memcpy");
  CHECK_EQUAL(path(2, "b>c"), "upload");
  CHECK_EQUAL(path(3, "a>b"), "upload");
  CHECK_EQUAL(path(3, "c>a"), "readback");
  CHECK_EQUAL(path(3, "c>b"), "memcpy");
}

// Segments of several inputs and outputs of several types, whose network has two inputs and, on two units, three
// outputs. Copies are slow: a peer that is told too early takes what is not there yet.
void WriteBundleOfSeveralTensors(const Bench& bench) {
  bench.folder().Write("b/gives", R"({"inputs": [[1, 64]], "outputs": [[1, 64], ["int8", 1, 32], ["int64"]], "salt": 3,
                       "write_sleep_us": 200, "read_sleep_us": 200})");
  bench.folder().Write("b/takes", R"({"inputs": [["int8", 1, 32], [1, 64], ["int64"]],
                       "outputs": [["bool", 8], [1, 64]], "salt": 4, "write_sleep_us": 200, "read_sleep_us": 200})");
  bench.folder().Write("b/two", bench.folder().Read("slow_copies_two"));
  bench.folder().Write("b/in.f32", std::string(256, 'x'));
  bench.folder().Write("b/in.1.f32", std::string(256, 'y'));
  const auto tensor = [](const std::string& type, const std::string& more) {
    return R"({"name": "t", )" + type + more + "}";
  };
  const std::string features = R"("shape": [1, 64], "dtype": "float32")";
  const std::string bytes = R"("shape": [1, 32], "dtype": "int8")";
  const std::string number = R"("shape": [], "dtype": "int64")";
  const std::string truths = R"("shape": [8], "dtype": "bool")";
  const auto segment = [](const std::string& name, const std::string& unit, const std::string& model,
                          const std::string& inputs, const std::string& outputs) {
    return R"({"name": ")" + name + R"(", "unit": ")" + unit + R"(", "model": ")" + model + R"(", "inputs": [)" +
           inputs + R"(], "outputs": [)" + outputs + "]}";
  };
  const std::string two = tensor(features, "");
  bench.folder().Write(
      "b/manifest.json",
      R"({"format": 2, "model": "t", "units": ["a", "b", "c"], "segments": [)" +
          segment("a.0", "a", "gives", tensor(features, R"(, "from": "input", "output": 1)"),
                  tensor(features, "") + "," + tensor(bytes, "") + "," + tensor(number, "")) +
          "," +
          segment("b.0", "b", "takes",
                  tensor(bytes, R"(, "from": "a.0", "output": 1)") + "," +
                      tensor(features, R"(, "from": "a.0")") + "," + tensor(number, R"(, "from": "a.0", "output": 2)"),
                  tensor(truths, "") + "," + tensor(features, "")) +
          "," +
          segment("c.0", "c", "two",
                  tensor(features, R"(, "from": "a.0")") + "," + tensor(features, R"(, "from": "b.0", "output": 1)"),
                  two) +
          "," +
          segment("a.1", "a", "two",
                  tensor(features, R"(, "from": "input")") + "," + tensor(features, R"(, "from": "c.0")"), two) +
          R"(], "inputs": [{"file": "in.f32", )" + features + R"(}, {"file": "in.1.f32", )" + features +
          R"(}], "outputs": [{"segment": "a.1", )" + features + R"(}, {"segment": "b.0", )" + truths +
          R"(}, {"segment": "a.0", "output": 2, )" + number + "}]}");
}

TEST(CollabJobHandsSeveralTensorsOver) {
  Bench bench;
  WriteBundleOfSeveralTensors(bench);
  const std::vector<std::vector<std::string>> kinds = {
      {"u0", "u1", "u2"}, {"g0", "g1", "u2"}, {"n0", "g0", "u0"}, {"g0", "n0", "n1"}};
  std::string jobs;
  std::vector<std::string> ids;
  for (const std::vector<std::string>& units : kinds) {
    const std::string bind = R"({"a": ")" + units[0] + R"(", "b": ")" + units[1] + R"(", "c": ")" + units[2] + "\"}";
    for (const char* mode : {"sequential", "concurrent"}) {
      for (const char* path : {"shared", "memcpy"}) {
        ids.push_back(units[0] + units[1] + units[2] + mode + path);
        std::string job = Collab(ids.back(), mode, path, "condvar", bind);
        const std::string output = R"("output": "out")";
        job.replace(job.find(output), output.size(), R"("output": "out-)" + ids.back() + "\"");
        jobs += (jobs.empty() ? "" : ",") + job;
      }
    }
  }
  const std::vector<Json> done = Bench::SelectExactly(bench.Run("\"jobs\": [" + jobs + "]"), "done", ids.size());
  const std::string first = "out-" + ids[0];
  CHECK_EQUAL(bench.folder().Read(first).size(), 256U);
  CHECK_EQUAL(bench.folder().Read(first + ".1").size(), 8U);
  CHECK_EQUAL(bench.folder().Read(first + ".2").size(), 8U);
  for (size_t i = 0; i < done.size(); ++i) {
    CHECK_EQUAL(Bench::Text(Bench::Field(done[i], "outputs"), "hash"),
                Bench::Text(Bench::Field(done[0], "outputs"), "hash"));
    CHECK_EQUAL(Bench::Number(done[i], "outputs", "distinct"), static_cast<int64_t>(kRuns));
    for (const char* number : {"", ".1", ".2"}) {
      CHECK(bench.folder().Read("out-" + ids[i] + number) == bench.folder().Read(first + number));
    }
  }
  std::string steps;
  for (const Json& step : Bench::Elements(done[1], "steps")) {
    steps += Bench::Text(step, "segment") + " " + Bench::Text(step, "step") + " " + Bench::Text(step, "peer") + ", ";
  }
  CHECK_EQUAL(steps,
              "a.0 write input:1, a.0 run , a.0 read b.0, a.0 read b.0, a.0 read b.0, a.0 read output:2, "
              "a.1 write input, a.1 wait c.0, a.1 write c.0, a.1 run , a.1 read output, "
              "b.0 wait a.0, b.0 write a.0:1, b.0 write a.0, b.0 write a.0:2, b.0 run , b.0 read c.0, "
              "b.0 read output:1, "
              "c.0 wait a.0, c.0 write a.0, c.0 wait b.0, c.0 write b.0:1, c.0 run , c.0 read a.1, ");
}

TEST(CollabJobRunsSegmentsOneByOneInSequence) {
  Bench bench;
  WriteBundle(bench, BundleManifest());
  const auto events = bench.Run("\"jobs\": [" + Collab("s", "sequential", "memcpy", "condvar") + "]");
  const Json event = Bench::Only(events, "done");
  const std::vector<std::string> order = {"a.0", "b.0", "c.0", "a.1", "b.1", "c.1", "a.2", "a.3"};
  const std::vector<Json>& steps = Bench::Elements(event, "steps");
  const std::vector<std::vector<int64_t>> begin_ns = Rows(event, "begin_ns");
  const std::vector<std::vector<int64_t>> end_ns = Rows(event, "end_ns");
  REQUIRE(begin_ns.size() == steps.size() && end_ns.size() == steps.size());
  for (size_t run = 0; run < kRuns; ++run) {
    int64_t free_from = 0;
    for (const std::string& segment : order) {
      int64_t last = free_from;
      for (size_t i = 0; i < steps.size(); ++i) {
        if (Bench::Text(steps[i], "segment") == segment) {
          CHECK(begin_ns[i][run] >= free_from);
          last = end_ns[i][run];
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
      const auto events =
          bench.Run("\"jobs\": [" + Collab("x", mode, "memcpy", wait) + "," + TimeJobText("next") + "]");
      CHECK_EQUAL(Bench::Reason(events, "x"), "the fake model fails in run 4");
      CHECK_EQUAL(Bench::Select(events, "done").size(), 1U);
    }
  }
}

TEST(CollabJobRunsBesideItsLoads) {
  Bench bench;
  const auto write_bundle = [&bench](const std::string& model) {
    const std::string manifest = R"({"format": 1, "model": "t", "units": ["a"], "segments": [)" +
                                 Segment("a.0", "a", model, {"input"}) + "," + Segment("a.1", "a", "m", {"a.0"}) +
                                 R"(], "input": {"file": "in.f32", "shape": [1, 64]}, )" +
                                 R"("output": {"segment": "a.1", "shape": [1, 64]}})";
    WriteBundle(bench, manifest);
    bench.folder().Write("b/" + model + ".json", manifest);
  };
  write_bundle("awaits_loads");
  write_bundle("outlives");
  const auto job = [](const std::string& id, const std::string& model, const std::string& load) {
    return R"({"id": ")" + id + R"(", "kind": "collab", "manifest": "b/)" + model +
           R"(.json", "path": "shared", "runs": 5, "bind": {"a": "u0"}, "load": [{"unit": )" + load + R"(}]})";
  };
  const auto events = bench.Run("\"jobs\": [" + job("a", "awaits_loads", R"("u1", "model": "m")") + "," +
                                job("b", "outlives", R"("g0", "model": "fails")") + "]");
  CHECK_EQUAL(Bench::Elements(Bench::Only(events, "done"), "total_ns").size(), 5U);
  CHECK_EQUAL(Bench::Reason(events, "b"), "the load on unit g0: the fake model fails in run 3");
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

}  // namespace
}  // namespace syncnas
