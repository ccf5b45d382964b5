#include "protocol/phase.h"

#include <string>
#include <variant>

#include "support/check.h"

namespace syncnas {
namespace {

constexpr const char* kHead = R"({"format": 1, "protocol": 2, "phase": "p", "runtime": {"litert": "lib/libLiteRt.so"},
  "units": {"cpu0": {"kind": "cpu", "engine": "litert", "precision": "fp32", "threads": 2, "cores": [3, 1]},
            "gpu0": {"kind": "gpu", "engine": "litert", "precision": "fp16"}}, )";

PhaseSpec Parse(const std::string& rest) { return ParsePhase(kHead + rest + "}", "/data"); }

TEST(PhaseIsRead) {
  const PhaseSpec phase = Parse(R"("seed": 9, "order": "shuffled", "resident": true, "limit_s": 1.5,
    "repeat": {"min_rounds": 2, "max_rounds": 5, "target_ci": 0.01}, "sentinel": {"jobs": ["s"], "every": 4},
    "jobs": [
      {"id": "t", "kind": "time", "unit": "cpu0", "model": "m.tflite", "warmup": 3, "warmup_us": 9, "runs": 12, "gap_us": 7,
       "load": [{"unit": "gpu0", "model": "/abs/l.tflite"}]},
      {"id": "s", "kind": "transfer", "from": "cpu0", "to": "gpu0", "model": "m", "between": "b.tflite",
       "path": "memcpy", "wait": "hybrid", "spin_us": 11, "runs": 1},
      {"id": "c", "kind": "collab", "manifest": "b/manifest.json", "bind": {"x": "cpu0", "y": "gpu0"},
       "mode": "sequential", "path": "shared", "wait": "condvar", "runs": 2, "output": "o.f32"}])");
  CHECK_EQUAL(phase.seed, 9U);
  CHECK(phase.order == Order::kShuffled);
  CHECK(phase.resident);
  CHECK_EQUAL(phase.limit_s, 1.5);
  CHECK_EQUAL(phase.repeat.max_rounds, 5);
  CHECK_EQUAL(phase.sentinel.jobs.size(), 1U);
  CHECK_EQUAL(phase.sentinel.jobs.at(0), 1U);
  CHECK_EQUAL(phase.units.at(0).cores.size(), 2U);
  CHECK_EQUAL(phase.units.at(0).cores.at(0), 1);
  CHECK(phase.units.at(1).precision == Precision::kFp16);
  CHECK_EQUAL(phase.runtime.at("litert").full, "/data/lib/libLiteRt.so");
  const auto& time = std::get<TimeSpec>(phase.jobs.at(0).measurement);
  CHECK_EQUAL(time.model.shown, "m.tflite");
  CHECK_EQUAL(time.model.full, "/data/m.tflite");
  CHECK_EQUAL(time.loads.at(0).model.full, "/abs/l.tflite");
  CHECK_EQUAL(time.samples.gap_us, 7);
  CHECK_EQUAL(time.samples.warmup, 3);
  CHECK_EQUAL(time.samples.warmup_us, 9);
  const auto& handover = std::get<HandoverSpec>(phase.jobs.at(1).measurement);
  CHECK(handover.wait.mode == WaitMode::kHybrid);
  CHECK_EQUAL(handover.wait.spin_us, 11);
  CHECK_EQUAL(handover.next_model.shown, "b.tflite");
  const auto& collab = std::get<CollabSpec>(phase.jobs.at(2).measurement);
  CHECK(collab.sequential);
  CHECK_EQUAL(collab.bind.at("y"), "gpu0");
  CHECK_EQUAL(collab.output.full, "/data/o.f32");
}

TEST(PhaseDefaultsAreModest) {
  const PhaseSpec phase = Parse("\"jobs\": []");
  CHECK_EQUAL(phase.repeat.max_rounds, 1);
  CHECK_EQUAL(phase.repeat.target_ci, 0.0);
  CHECK(phase.order == Order::kGiven);
  CHECK(!phase.resident);
  CHECK_EQUAL(phase.limit_s, 0.0);
}

TEST(PhaseRefusesWrongDocuments) {
  CHECK_FAILS(ParsePhase("[]", "."), "the document must be an object, not an array");
  CHECK_FAILS(ParsePhase("{}", "."), "format is missing");
  CHECK_FAILS(ParsePhase("{\"format\": 2}", "."), "format must be between 1 and 1, not 2");
  CHECK_FAILS(ParsePhase("{\"format\": 1, \"protocol\": 2}", "."), "phase is missing");
  CHECK_FAILS(ParsePhase(R"({"format": 1, "protocol": 2, "phase": "p"})", "."), "units is missing");
  CHECK_FAILS(ParsePhase(R"({"format": 1, "protocol": 2, "phase": "p", "units": {}})", "."), "jobs is missing");
  CHECK_FAILS(ParsePhase(R"({"format": 1, "protocol": 2, "phase": "p", "units": []})", "."), "units must be an object");
  CHECK_FAILS(Parse("\"jobs\": [], \"sed\": 1"), "sed is not a known field");
  CHECK_FAILS(Parse("\"jobs\": [], \"seed\": -1"), "seed must be between");
  CHECK_FAILS(Parse("\"jobs\": [], \"order\": \"random\""), "order is \"random\"; it must be one of: given, shuffled");
  CHECK_FAILS(Parse("\"jobs\": [], \"limit_s\": -3"), "limit_s must be between");
  CHECK_FAILS(Parse(R"("jobs": [], "repeat": {"min_rounds": 3, "max_rounds": 2})"), "repeat.max_rounds is smaller");
  CHECK_FAILS(Parse(R"("jobs": [], "repeat": {"min_rounds": 0})"), "repeat.min_rounds must be between");
  CHECK_FAILS(Parse(R"("jobs": [], "sentinel": {"jobs": ["x"]})"), "sentinel.jobs names \"x\"");
  CHECK_FAILS(Parse(R"("jobs": [{"id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1}],
                       "sentinel": {"jobs": ["a"]})"),
              "sentinel.jobs names every job");
  CHECK_FAILS(Parse(R"("jobs": [{"id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1, "group": "g"},
                                {"id": "b", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1, "group": "g"}],
                       "sentinel": {"jobs": ["b"]})"),
              "sentinel.jobs names \"b\", which is of the group \"g\"");
}

TEST(PhaseRefusesWrongUnits) {
  const auto parse = [](const std::string& unit) {
    return ParsePhase(
        R"({"format": 1, "protocol": 2, "phase": "p", "runtime": {"litert": "l"}, "jobs": [], "units": {"u": {)" +
            unit + "}}}",
        ".");
  };
  CHECK_FAILS(parse(R"("kind": "npu", "engine": "litert", "precision": "fp32")"), "units.u.kind is \"npu\"");
  CHECK_FAILS(parse(R"("kind": "cpu", "engine": "onnx", "precision": "fp32")"), "there is no engine \"onnx\"");
  CHECK_FAILS(parse(R"("kind": "cpu", "engine": "litert", "precision": "int4")"), "units.u.precision is \"int4\"");
  CHECK_FAILS(parse(R"("kind": "cpu", "engine": "litert", "precision": "fp32", "threads": 0)"), "units.u.threads");
  CHECK_FAILS(parse(R"("kind": "cpu", "engine": "litert", "precision": "fp32", "cores": [1, 1])"),
              "names core 1 twice");
  CHECK_FAILS(parse(R"("kind": "cpu", "engine": "litert", "precision": "fp32", "cores": [1024])"), "units.u.cores[0]");
  CHECK_FAILS(parse(R"("kind": "cpu", "engine": "litert", "precision": "fp32", "core": 1)"),
              "units.u.core is not a known");
  CHECK_FAILS(
      ParsePhase(
          R"({"format": 1, "protocol": 2, "phase": "p", "jobs": [], "units": {"u": {"kind": "cpu", "engine": "litert",
                             "precision": "fp32"}}})",
          "."),
      "runtime.litert is missing, and unit u needs it");
  CHECK_FAILS(
      ParsePhase(R"({"format": 1, "protocol": 2, "phase": "p", "jobs": [], "units": {}, "runtime": {"tf": "x"}})", "."),
      "there is no engine \"tf\"");
}

TEST(PhaseOfAnotherProtocolIsRefused) {
  const auto parse = [](const std::string& fields) {
    return ParsePhase(R"({"format": 1, )" + fields + R"("phase": "p", "units": {}, "jobs": []})", ".");
  };
  CHECK_EQUAL(parse(R"("protocol": 2, )").name, "p");
  CHECK_FAILS(parse(R"("protocol": 3, )"), "protocol is 3, and this runner measures by protocol 2");
  CHECK_FAILS(parse(R"("protocol": 3, )"), "build the kit anew");
  CHECK_FAILS(parse(""), "protocol is 1, and");
  CHECK_FAILS(parse(R"("protocol": 0, )"), "protocol must be between");
  CHECK_FAILS(parse(R"("protocol": "2", )"), "protocol must be a whole number");
}

TEST(PhaseHasConditionsThatAnyJournalCanHold) {
  const auto parse = [](const std::string& conditions) { return Parse("\"jobs\": [], \"conditions\": " + conditions); };
  CHECK(Parse("\"jobs\": []").conditions.empty());
  const PhaseSpec phase = parse(R"({"clocks": "fixed", "screen": "kept on"})");
  CHECK_EQUAL(phase.conditions.size(), 2U);
  CHECK_EQUAL(phase.conditions.at("screen"), "kept on");
  CHECK_FAILS(parse("[]"), "conditions must be an object");
  CHECK_FAILS(parse(R"({"clocks": 1})"), "conditions.clocks must be a string");
  CHECK_FAILS(parse(R"({"clocks": ""})"), "conditions.clocks must not be empty");
  CHECK_FAILS(parse(R"({"": "x"})"), "conditions: names of up to 64");
  CHECK_FAILS(parse(R"({"clocks": "a\nb"})"), "printable ASCII");
  CHECK_FAILS(parse(R"({"cl\u007focks": "a"})"), "printable ASCII");
  CHECK_EQUAL(parse("{\"c\": \"" + std::string(512, 'x') + "\"}").conditions.at("c").size(), 512U);
  CHECK_FAILS(parse("{\"c\": \"" + std::string(513, 'x') + "\"}"), "texts of up to 512");
  std::string many = "{\"c\": \"x\"";
  for (int number = 0; number < 64; ++number) {
    many += ", \"c" + std::to_string(number) + "\": \"x\"";
  }
  CHECK_FAILS(parse(many + "}"), "conditions has 65 entries");
}

TEST(PhaseRefusesTwoJobsOfOneId) {
  CHECK_FAILS(Parse(R"("jobs": [{"id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1},
                                {"id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1}])"),
              "jobs[1].id is \"a\", as an earlier job's");
}

TEST(GpuUnitsHaveABackendAndTheProgramCacheOfThePhase) {
  const auto parse = [](const std::string& unit) {
    return ParsePhase(R"({"format": 1, "protocol": 2, "phase": "p", "runtime": {"litert": "l.so"}, "program_cache": "programs",
                          "log": ["/system/bin/logcat", "-d"], "jobs": [], "units": {"u": )" +
                          unit + "}}",
                      "/data");
  };
  const PhaseSpec phase =
      parse(R"({"kind": "gpu", "engine": "litert", "precision": "fp32", "backend": "opengl"})");
  CHECK(phase.units[0].backend == GpuBackend::kOpenGl);
  CHECK_EQUAL(phase.units[0].program_cache, "/data/programs");
  CHECK_EQUAL(phase.log.at(0), "/system/bin/logcat");
  CHECK_EQUAL(Title(phase.units[0]), "gpu (opengl)");
  const PhaseSpec plain = parse(R"({"kind": "gpu", "engine": "litert", "precision": "fp32"})");
  CHECK(plain.units[0].backend == GpuBackend::kDefault);
  CHECK_EQUAL(Title(plain.units[0]), "gpu");
  const PhaseSpec cpu = parse(R"({"kind": "cpu", "engine": "litert", "precision": "fp32"})");
  CHECK_EQUAL(cpu.units[0].program_cache, "");
  CHECK_FAILS(parse(R"({"kind": "gpu", "engine": "litert", "precision": "fp32", "backend": "metal"})"), "backend");
  CHECK_FAILS(parse(R"({"kind": "cpu", "engine": "litert", "precision": "fp32", "backend": "opencl"})"), "backend");
}

TEST(GateFieldsAreChecked) {
  const auto parse = [](const std::string& gate) {
    return ParsePhase(R"({"format": 1, "protocol": 2, "phase": "p", "units": {}, "jobs": [], "gate": )" + gate + "}",
                      "/data");
  };
  const PhaseSpec phase =
      parse(R"({"status": ["bin/dumpsys", "x"], "every_s": 1.5, "slowdown": 0.3, "cool_s": 9, "retries": 1})");
  CHECK_EQUAL(phase.gate.value().status.at(0), "/data/bin/dumpsys");
  CHECK_EQUAL(phase.gate.value().status.at(1), "x");
  CHECK_EQUAL(phase.gate.value().slowdown, 0.3);
  CHECK_EQUAL(phase.gate.value().hot_at, 2);
  CHECK_EQUAL(parse(R"({"hot_at": 1, "held": "held"})").gate.value().held, "/data/held");
  CHECK_FAILS(parse(R"({"hot_at": 0})"), "gate.hot_at");
  CHECK_FAILS(parse(R"({"hot_at": 7})"), "gate.hot_at");
  CHECK_FAILS(parse(R"({"settle_s": -1})"), "gate.settle_s");
  CHECK_EQUAL(phase.gate.value().system, "/sys");
  CHECK_FAILS(parse("[]"), "gate");
  CHECK_FAILS(parse(R"({"status": "dumpsys"})"), "gate.status");
  CHECK_FAILS(parse(R"({"every_s": -1})"), "gate.every_s");
  CHECK_FAILS(parse(R"({"poll_s": 0})"), "gate.poll_s");
  CHECK_FAILS(parse(R"({"other": 0})"), "other");
}

}  // namespace
}  // namespace syncnas
