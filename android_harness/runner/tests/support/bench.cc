#include "support/bench.h"

#include "device/system_trace.h"
#include "phases/phase_runner.h"
#include "protocol/journal.h"
#include "protocol/phase.h"
#include "support/check.h"

namespace syncnas::test {

Bench::Bench() {
  folder_.Write("m", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "salt": 1})");
  folder_.Write("fails", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "fail_run": 3})");
  folder_.Write("slow", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "sleep_us": 3000})");
  // So slow that a busy machine does not double its time.
  folder_.Write("steady", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "sleep_us": 30000})");
  folder_.Write("stops", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "stop_at_run": 2})");
  folder_.Write("two", R"({"inputs": [[1, 64], [1, 64]], "outputs": [[1, 64]], "salt": 2})");
  folder_.Write("fails_at_once", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "fail_run": 1})");
  folder_.Write("awaits_loads", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "until_runs": 30})");
  folder_.Write("outlives", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "until_failures": 1})");
  folder_.Write("slow_write", R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "write_sleep_us": 300})");
  folder_.Write("slow_copies",
                R"({"inputs": [[1, 64]], "outputs": [[1, 64]], "write_sleep_us": 300, "read_sleep_us": 300})");
  folder_.Write("slow_copies_two", R"({"inputs": [[1, 64], [1, 64]], "outputs": [[1, 64]], "salt": 2,
                "write_sleep_us": 300, "read_sleep_us": 300})");
  folder_.Write("other", R"({"inputs": [[1, 32]], "outputs": [[1, 64]]})");
}

std::vector<Json> Bench::Run(const std::string& rest, const std::string& library, const std::string& trace) {
  const std::string units = R"({"u0": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
      "u1": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
      "u2": {"kind": "cpu", "engine": "litert", "precision": "fp32"},
      "g0": {"kind": "gpu", "engine": "litert", "precision": "fp16"},
      "g1": {"kind": "gpu", "engine": "litert", "precision": "fp16"},
      "n0": {"kind": "nnapi", "engine": "classic", "precision": "fp32"},
      "n1": {"kind": "nnapi", "engine": "classic", "precision": "fp32"},
      "bad": {"kind": "cpu", "engine": "litert", "precision": "fp32", "cores": [1023]}})";
  const PhaseSpec phase =
      ParsePhase(R"({"format": 1, "protocol": 2, "phase": "p", "seed": 5, "runtime": {"litert": ")" + library +
                     R"(", "classic": "fake.so"}, "units": )" + units + "," + rest + "}",
                 folder_.path());
  folder_.Write("journal", "");
  {
    Journal journal = Journal::AppendTo(folder_.path() + "/journal");
    const SystemTrace system_trace(trace);
    PhaseRunner(phase, FakeOpener(log_), journal, system_trace, log_.stop).Run();
  }
  std::vector<Json> events;
  const std::string text = folder_.Read("journal");
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    events.push_back(Json::Parse(text.substr(at, end - at)));
    at = end + 1;
  }
  CHECK_EQUAL(log_.alive.load(), 0);
  REQUIRE(!events.empty());
  CHECK_EQUAL(Text(events.front(), "event"), "phase");
  CHECK_EQUAL(Text(events.back(), "event"), "end");
  return events;
}

const Json& Bench::Member(const Json& object, const char* name) {
  const Json* member = object.Find(name);
  if (member == nullptr) {
    EndTest(__FILE__, __LINE__, std::string("the event has no \"") + name + "\"");
  }
  return *member;
}

const std::vector<Json>& Bench::ElementsOf(const Json& array, const char* name) {
  if (array.type() != Json::Type::kArray) {
    EndTest(__FILE__, __LINE__, std::string("\"") + name + "\" is " + array.TypeName() + ", not an array");
  }
  return array.elements();
}

std::vector<int64_t> Bench::WholesIn(const Json& array, const char* name) {
  const std::vector<Json>& elements = ElementsOf(array, name);
  std::vector<int64_t> wholes;
  wholes.reserve(elements.size());
  for (const Json& element : elements) {
    wholes.push_back(WholeOf(element, name));
  }
  return wholes;
}

int64_t Bench::WholeOf(const Json& number, const char* name) {
  const std::optional<int64_t> whole = number.whole();
  if (!whole) {
    EndTest(__FILE__, __LINE__, std::string("\"") + name + "\" has " + number.TypeName() + ", not a whole number");
  }
  return *whole;
}

std::string Bench::Text(const Json& event, const char* name) {
  const Json* value = event.Find(name);
  return value == nullptr || value->type() != Json::Type::kString ? "" : value->text();
}

std::vector<Json> Bench::Select(const std::vector<Json>& events, const std::string& kind) {
  std::vector<Json> selected;
  for (const Json& event : events) {
    if (Text(event, "event") == kind) {
      selected.push_back(event);
    }
  }
  return selected;
}

std::vector<Json> Bench::SelectExactly(const std::vector<Json>& events, const std::string& kind, size_t count) {
  std::vector<Json> selected = Select(events, kind);
  if (selected.size() != count) {
    std::string message =
        std::to_string(selected.size()) + " events \"" + kind + "\" instead of " + std::to_string(count);
    for (const Json& failed : Select(events, "failed")) {
      message += "; job " + Text(failed, "job") + " failed: " + Text(failed, "reason");
    }
    EndTest(__FILE__, __LINE__, message);
  }
  return selected;
}

Json Bench::Only(const std::vector<Json>& events, const std::string& kind) {
  return SelectExactly(events, kind, 1).front();
}

std::string Bench::Order(const std::vector<Json>& events) {
  std::string order;
  for (const Json& event : Select(events, "start")) {
    order += (order.empty() ? "" : " ") + Text(event, "job");
  }
  return order;
}

std::string Bench::Reason(const std::vector<Json>& events, const std::string& job) {
  for (const Json& event : Select(events, "failed")) {
    if (Text(event, "job") == job) {
      return Text(event, "reason");
    }
  }
  return "";
}

std::string TimeJobText(const std::string& id, const std::string& model, const std::string& more) {
  return R"({"id": ")" + id + R"(", "kind": "time", "unit": "u0", "model": ")" + model +
         R"(", "warmup": 1, "runs": 2)" + more + "}";
}

}  // namespace syncnas::test
