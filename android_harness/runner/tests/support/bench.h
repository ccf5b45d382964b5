#ifndef SYNCNAS_RUNNER_TESTS_SUPPORT_BENCH_H_
#define SYNCNAS_RUNNER_TESTS_SUPPORT_BENCH_H_

#include <string>
#include <vector>

#include "json/json.h"
#include "phases/phase_runner.h"
#include "support/check.h"
#include "support/fake_engine.h"
#include "support/temporary_folder.h"

namespace syncnas::test {

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
    folder_.Write("in_company", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "until_runs": 30})");
    folder_.Write("outlives", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "until_failures": 1})");
    folder_.Write("slow_write", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "write_sleep_us": 300})");
    folder_.Write("slow_copies",
                  R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "write_sleep_us": 300, "read_sleep_us": 300})");
    folder_.Write("slow_copies_two", R"({"inputs": [[1, 64], [1, 64]], "outputs": [[1, 64]], "salt": 2,
                  "write_sleep_us": 300, "read_sleep_us": 300})");
    folder_.Write("other", R"({"inputs": [[1, 32]], "outputs": [[1, 64]]})");
  }

  // `rest` are the phase's further fields, from "jobs" on; units g0 and g1 are GPUs.
  std::vector<Json> Run(const std::string& rest, const std::string& library = "fake.so") {
    const std::string units = R"({"u0": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
        "u1": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
        "u2": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
        "g0": {"kind": "gpu", "engine": "litert", "precision": "fp16"},
        "g1": {"kind": "gpu", "engine": "litert", "precision": "fp16"},
        "n0": {"kind": "nnapi", "engine": "classic", "precision": "fp32"},
        "n1": {"kind": "nnapi", "engine": "classic", "precision": "fp32"},
        "bad": {"kind": "cpu", "engine": "litert", "precision": "fp32", "cores": [1023]}})";
    const PhaseSpec phase = ParsePhase(R"({"format": 1, "phase": "p", "seed": 5, "runtime": {"litert": ")" + library +
                                           R"(", "classic": "fake.so"}, "units": )" + units + "," + rest + "}",
                                       folder_.path());
    folder_.Write("journal", "");
    {
      Journal journal = Journal::AppendTo(folder_.path() + "/journal");
      PhaseRunner(phase, FakeOpener(log_), journal, log_.stop).Run();
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

  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }
  FakeLog& log() { return log_; }

 private:
  TemporaryFolder folder_;
  FakeLog log_;
};

// A time job on unit u0; `more` are further fields.
inline std::string TimeJobText(const std::string& id, const std::string& model = "m", const std::string& more = "") {
  return R"({"id": ")" + id + R"(", "kind": "time", "unit": "u0", "model": ")" + model +
         R"(", "warmup": 1, "runs": 2)" + more + "}";
}

}  // namespace syncnas::test

#endif  // SYNCNAS_RUNNER_TESTS_SUPPORT_BENCH_H_
