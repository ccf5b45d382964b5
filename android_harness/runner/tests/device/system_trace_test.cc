#include "device/system_trace.h"

#include <dlfcn.h>

#include <algorithm>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "json/json.h"
#include "support/bench.h"
#include "support/check.h"
#include "support/trace_stand_in.h"

namespace syncnas {
namespace {

using test::Bench;
using test::TraceCall;
using test::TraceCalls;

constexpr int64_t kAlways = 1'000'000;

// The library that the tests open in the place of Android's.
class StandIn {
 public:
  StandIn() : handle_(dlopen(SYNCNAS_TRACE_STAND_IN, RTLD_NOW | RTLD_LOCAL)) { REQUIRE(handle_ != nullptr); }

  void Reset(int64_t looks, int64_t call_ns = 0) const {
    reinterpret_cast<test::StandInResetFunction>(Find("StandInReset"))(looks, call_ns);
  }
  [[nodiscard]] TraceCalls Take() const {
    TraceCalls calls;
    reinterpret_cast<test::StandInTakeFunction>(Find("StandInTake"))(&calls);
    return calls;
  }

 private:
  [[nodiscard]] void* Find(const char* function) const {
    void* found = dlsym(handle_, function);
    REQUIRE(found != nullptr);
    return found;
  }

  void* handle_;
};

// The names of all sections that each thread made, in the order in which they began. Fails where one ends that has not
// begun, or has not ended at last.
std::map<std::thread::id, std::vector<std::string>> Sections(const TraceCalls& calls) {
  std::map<std::thread::id, std::vector<std::string>> sections;
  std::map<std::thread::id, int64_t> open;
  for (const TraceCall& call : calls) {
    if (call.name.empty()) {
      --open[call.thread];
      CHECK(open[call.thread] >= 0);
    } else {
      ++open[call.thread];
      sections[call.thread].push_back(call.name);
    }
  }
  for (const auto& [thread, count] : open) {
    CHECK_EQUAL(count, 0);
  }
  return sections;
}

// A bundle on two units: a.0 hands over to b.0, b.0 to a.1.
std::string BundleJob(const Bench& bench, const std::string& path, const std::string& second = "m") {
  for (const char* model : {"m", "two", "fails"}) {
    bench.folder().Write(std::string("b/") + model, bench.folder().Read(model));
  }
  bench.folder().Write("b/in.f32", std::string(256, 'x'));
  const auto segment = [](const std::string& name, const std::string& unit, const std::string& model,
                          const std::string& from) {
    return R"({"name": ")" + name + R"(", "unit": ")" + unit + R"(", "model": ")" + model +
           R"(", "inputs": [{"name": "i", "shape": [1, 64], "from": ")" + from +
           R"("}], "output": {"name": "o", "shape": [1, 64]}})";
  };
  bench.folder().Write("b/manifest.json", R"({"format": 1, "model": "t", "units": ["a", "b"], "segments": [)" +
                                              segment("a.0", "a", "m", "input") + "," +
                                              segment("b.0", "b", second, "a.0") + "," +
                                              segment("a.1", "a", "m", "b.0") +
                                              R"(], "input": {"file": "in.f32", "shape": [1, 64]},
                                              "output": {"segment": "a.1", "shape": [1, 64]}})");
  return R"({"id": "c", "kind": "collab", "manifest": "b/manifest.json", "bind": {"a": "u0", "b": "u1"}, "path": ")" +
         path + R"(", "wait": "condvar", "warmup": 1, "runs": 2})";
}

// One a line, so that a failure can show them.
std::string Lines(const std::vector<std::string>& names) {
  std::string lines;
  for (const std::string& name : names) {
    lines += name + "\n";
  }
  return lines;
}

std::string TracingOf(const std::vector<Json>& events) {
  return Bench::Text(Bench::Field(events.front(), "conditions"), "tracing");
}

TEST(TraceIsOffWithoutALibraryOrItsFunctions) {
  CHECK(!SystemTrace("no-trace.so").IsOn());
  // A library that every Linux has, and which traces nothing.
  CHECK(!SystemTrace("libm.so.6").IsOn());
  const StandIn library;
  library.Reset(1);
  const SystemTrace trace(SYNCNAS_TRACE_STAND_IN);
  CHECK(trace.IsOn());
  CHECK(!trace.IsOn());
}

TEST(TraceHasASectionForEveryStep) {
  const StandIn library;
  for (const char* path : {"shared", "memcpy"}) {
    Bench bench;
    library.Reset(kAlways);
    const auto events = bench.Run("\"jobs\": [" + BundleJob(bench, path) + "]", "fake.so", SYNCNAS_TRACE_STAND_IN);
    CHECK_EQUAL(TracingOf(events), "on");
    const Json done = Bench::Only(events, "done");
    const auto sections = Sections(library.Take());
    // The thread that visits, and one for each unit.
    CHECK_EQUAL(sections.size(), 3U);
    std::map<std::string, std::vector<std::string>> by_unit;
    std::vector<std::string> others;
    for (const auto& [thread, names] : sections) {
      (names.front() == "visit c" ? others : by_unit[names.at(1).substr(0, 1)]) = names;
    }
    CHECK(others == std::vector<std::string>{"visit c"});
    for (const char* unit : {"a", "b"}) {
      std::vector<std::string> steps;
      for (const Json& step : Bench::Elements(done, "steps")) {
        if (Bench::Text(step, "unit") == unit) {
          const std::string peer = Bench::Text(step, "peer");
          steps.push_back(std::string(unit) + " " + Bench::Text(step, "segment") + " " + Bench::Text(step, "step") +
                          (peer.empty() ? "" : " ") + peer);
        }
      }
      std::vector<std::string> expected;
      for (const char* run : {"warm-up", "sample 1", "sample 2"}) {
        expected.emplace_back(run);
        expected.insert(expected.end(), steps.begin(), steps.end());
      }
      CHECK_EQUAL(Lines(by_unit[unit]), Lines(expected));
    }
  }
}

TEST(TraceSectionsLieBetweenStepsNotInThem) {
  // A call takes so long that what it falls into shows; only lower bounds are checked, which no busy machine breaks.
  constexpr int64_t kCallNs = 2'000'000;
  const StandIn library;
  Bench bench;
  library.Reset(kAlways, kCallNs);
  const auto events = bench.Run("\"jobs\": [" + BundleJob(bench, "memcpy") + "]", "fake.so", SYNCNAS_TRACE_STAND_IN);
  const Json done = Bench::Only(events, "done");
  const std::vector<Json>& steps = Bench::Elements(done, "steps");
  const std::vector<Json>& begins = Bench::Elements(done, "begin_ns");
  const std::vector<Json>& ends = Bench::Elements(done, "end_ns");
  REQUIRE(steps.size() > 4 && begins.size() == steps.size() && ends.size() == steps.size());
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    if (Bench::Text(steps[i], "unit") == Bench::Text(steps[i + 1], "unit")) {
      // One section ends in between, and the next one begins.
      const int64_t between = Bench::WholesIn(begins[i + 1], "begin_ns").at(0) - Bench::WholesIn(ends[i], "end_ns").at(0);
      CHECK(between >= 2 * kCallNs);
    }
  }
}

TEST(TraceSectionsEndWhenAStepFails) {
  const StandIn library;
  Bench bench;
  library.Reset(kAlways);
  const auto events =
      bench.Run("\"jobs\": [" + BundleJob(bench, "shared", "fails") + "]", "fake.so", SYNCNAS_TRACE_STAND_IN);
  CHECK_EQUAL(Bench::Reason(events, "c"), "the fake model fails in run 3");
  CHECK_EQUAL(Sections(library.Take()).size(), 3U);
}

TEST(PhaseThatBeginsWithoutATraceMakesNoSections) {
  const StandIn library;
  Bench bench;
  library.Reset(0);
  const std::string job = BundleJob(bench, "shared");
  const auto events = bench.Run("\"jobs\": [" + job + "]", "fake.so", SYNCNAS_TRACE_STAND_IN);
  CHECK_EQUAL(TracingOf(events), "");
  CHECK(Bench::Field(events.front(), "conditions").members().empty());
  CHECK(library.Take().empty());
}

TEST(VisitsAfterATraceHasEndedMakeNoSections) {
  const StandIn library;
  Bench bench;
  // The phase's look, and that of the first visit.
  library.Reset(2);
  const auto events =
      bench.Run(R"("conditions": {"clocks": "fixed"}, "repeat": {"max_rounds": 3}, "jobs": [)" + BundleJob(bench, "shared") + "]",
                "fake.so", SYNCNAS_TRACE_STAND_IN);
  CHECK_EQUAL(TracingOf(events), "on");
  CHECK_EQUAL(Bench::Text(Bench::Field(events.front(), "conditions"), "clocks"), "fixed");
  Bench::SelectExactly(events, "done", 3);
  int64_t visits = 0;
  for (const auto& [thread, names] : Sections(library.Take())) {
    visits += std::count(names.begin(), names.end(), "visit c");
  }
  CHECK_EQUAL(visits, 1);
}

TEST(SectionNamesAreOneLine) { CHECK_EQUAL(SectionName("a\nb\tc \xc3\xa9|"), "a b c \xc3\xa9|"); }

}  // namespace
}  // namespace syncnas
