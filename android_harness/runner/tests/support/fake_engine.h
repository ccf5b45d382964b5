#ifndef SYNCNAS_RUNNER_TESTS_SUPPORT_FAKE_ENGINE_H_
#define SYNCNAS_RUNNER_TESTS_SUPPORT_FAKE_ENGINE_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engines/engine.h"

namespace syncnas::test {

// A record of what the fake engine did, and the flag that it sets.
struct FakeLog {
  std::mutex mutex;
  std::vector<std::string> created;
  std::atomic<int> alive{0};
  std::atomic<int> runs{0};
  std::atomic<int> failures{0};
  // Set by a model with "stop_at_run".
  std::atomic<bool> stop{false};
};

// A deterministic engine that computes nothing of use: it exists to test how the runner schedules, copies and reports.
// A model file is JSON:
//   {"inputs": [[1, 4]], "outputs": [[1, 4]], "salt": 1, "sleep_us": 0, "fail_run": 3, "stop_at_run": 2,
//    "write_sleep_us": 0, "read_sleep_us": 0, "until_runs": 0, "until_failures": 0}
// A shape may have the name of an element type before its numbers; without one it is of float32.
// A run mixes all inputs, the salt and all that the model has seen before into the outputs, so that one stale or torn
// input in any run changes the outputs of that run and all later ones. GPU units have memory of their own that no other
// unit sees and that is no host memory; NNAPI units have host memory of their own, which others may copy to and from.
// Run number `fail_run` (the first is 1) fails. Writing an input pauses for `write_sleep_us` half way, so that whoever
// changes the source too early is caught; reading an output pauses half way as well, for `read_sleep_us`, so that
// whoever takes the copy too early is. A run ends only when all models of the engine together have begun `until_runs`
// runs and seen `until_failures` of them fail: what a test expects of several threads then does not hang on their pace.
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(FakeLog& log) : log_(log) {}
  [[nodiscard]] std::string description() const override { return "fake"; }
  std::unique_ptr<Unit> OpenUnit(const UnitSpec& spec) override;

 private:
  FakeLog& log_;
};

// Opens fake engines; a library of the name "missing.so" cannot be opened.
EngineOpener FakeOpener(FakeLog& log);

}  // namespace syncnas::test

#endif  // SYNCNAS_RUNNER_TESTS_SUPPORT_FAKE_ENGINE_H_
