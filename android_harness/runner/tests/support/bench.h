#ifndef SYNCNAS_RUNNER_TESTS_SUPPORT_BENCH_H_
#define SYNCNAS_RUNNER_TESTS_SUPPORT_BENCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "json/json.h"
#include "support/fake_engine.h"
#include "support/temporary_folder.h"

namespace syncnas::test {

// A folder with models of the fake engine, and phases run in it. Where an event lacks what a test asks for, the test
// ends there, with a failure that names it.
class Bench {
 public:
  Bench();

  // Runs a phase and returns its journal's events. `rest` are the phase's fields after "units"; units u0 to u2 are
  // CPUs, g0 and g1 GPUs, n0 and n1 accelerators behind NNAPI, and "bad" cannot be opened.
  // `trace` is the library that sections of the system's trace are given to; by default there is none.
  std::vector<Json> Run(const std::string& rest, const std::string& library = "fake.so",
                        const std::string& trace = "no-trace.so");

  // The value at the end of a path of names.
  template <typename... Names>
  static const Json& Field(const Json& event, const char* name, Names... names) {
    const Json& field = Member(event, name);
    if constexpr (sizeof...(names) == 0) {
      return field;
    } else {
      return Field(field, names...);
    }
  }

  // At the end of a path of names: an array, an array's whole numbers, or one whole number.
  template <typename... Names>
  static const std::vector<Json>& Elements(const Json& event, Names... names) {
    return ElementsOf(Field(event, names...), Last(names...));
  }
  template <typename... Names>
  static std::vector<int64_t> Wholes(const Json& event, Names... names) {
    return WholesIn(Field(event, names...), Last(names...));
  }
  template <typename... Names>
  static int64_t Number(const Json& event, Names... names) {
    return WholeOf(Field(event, names...), Last(names...));
  }

  // An array's whole numbers; `name` is for messages.
  static std::vector<int64_t> WholesIn(const Json& array, const char* name);

  // A string of the event, or empty where it has none of that name.
  static std::string Text(const Json& event, const char* name);

  // The events of a kind; all, exactly `count`, or the only one.
  static std::vector<Json> Select(const std::vector<Json>& events, const std::string& kind);
  static std::vector<Json> SelectExactly(const std::vector<Json>& events, const std::string& kind, size_t count);
  static Json Only(const std::vector<Json>& events, const std::string& kind);

  // "a b c": the jobs in the order of their start lines.
  static std::string Order(const std::vector<Json>& events);

  // Why a job failed; empty where it did not.
  static std::string Reason(const std::vector<Json>& events, const std::string& job);

  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }
  FakeLog& log() { return log_; }

 private:
  template <typename... Names>
  static const char* Last(Names... names) {
    const char* const all[] = {names...};
    return all[sizeof...(names) - 1];
  }
  static const Json& Member(const Json& object, const char* name);
  static const std::vector<Json>& ElementsOf(const Json& array, const char* name);
  static int64_t WholeOf(const Json& number, const char* name);

  TemporaryFolder folder_;
  FakeLog log_;
};

// A time job on unit u0; `more` are further fields.
std::string TimeJobText(const std::string& id, const std::string& model = "m", const std::string& more = "");

}  // namespace syncnas::test

#endif  // SYNCNAS_RUNNER_TESTS_SUPPORT_BENCH_H_
