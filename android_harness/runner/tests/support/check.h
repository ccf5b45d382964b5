#ifndef SYNCNAS_RUNNER_TESTS_SUPPORT_CHECK_H_
#define SYNCNAS_RUNNER_TESTS_SUPPORT_CHECK_H_

#include <functional>
#include <sstream>
#include <string>
#include <vector>

// A test framework of the size that these tests need. TEST registers a test. CHECK... report a failure, and the test
// goes on; REQUIRE... report it and end the test that they stand in, and the other tests go on.
namespace syncnas::test {

struct Registration {
  Registration(const char* name, void (*body)());
};

// Thrown to end a test whose failure is reported already. It is no std::exception, so that no CHECK_FAILS takes it for
// the failure that it expects. On a test's own thread only: a thread that a test starts must not require.
struct TestEnded {};

void ReportFailure(const char* file, int line, const std::string& message);
[[noreturn]] void EndTest(const char* file, int line, const std::string& message);

// Runs the body of a test and returns the failures that it reported, "file:line: message" each. What it throws is one
// of them.
std::vector<std::string> FailuresIn(const std::function<void()>& body);

// The sentence of the failure that `action` throws; reports a failure of the test if it throws none.
std::string FailureOf(const char* file, int line, const std::function<void()>& action);

template <typename A, typename B>
void CheckEqual(const char* file, int line, const char* text, const A& actual, const B& expected) {
  if (!(actual == expected)) {
    std::ostringstream message;
    message << text << ": " << actual << " instead of " << expected;
    ReportFailure(file, line, message.str());
  }
}

void CheckContains(const char* file, int line, const std::string& text, const std::string& part);

// Returns what a pointer or an optional holds; ends the test where it holds nothing.
template <typename Holder>
auto& Required(const char* file, int line, const char* text, const Holder& holder) {
  if (!holder) {
    EndTest(file, line, std::string("nothing there: ") + text);
  }
  return *holder;
}

}  // namespace syncnas::test

#define TEST(name)                                                            \
  static void name();                                                         \
  static const ::syncnas::test::Registration registered_##name(#name, &name); \
  static void name()

#define CHECK(condition)                                                           \
  do {                                                                             \
    if (!(condition)) {                                                            \
      ::syncnas::test::ReportFailure(__FILE__, __LINE__, "not true: " #condition); \
    }                                                                              \
  } while (false)

#define CHECK_EQUAL(actual, expected) ::syncnas::test::CheckEqual(__FILE__, __LINE__, #actual, actual, expected)

#define CHECK_CONTAINS(text, part) ::syncnas::test::CheckContains(__FILE__, __LINE__, text, part)

#define CHECK_FAILS(action, part) CHECK_CONTAINS(::syncnas::test::FailureOf(__FILE__, __LINE__, [&] { action; }), part)

#define REQUIRE(condition)                                                   \
  do {                                                                       \
    if (!(condition)) {                                                      \
      ::syncnas::test::EndTest(__FILE__, __LINE__, "not true: " #condition); \
    }                                                                        \
  } while (false)

// `*holder`, for a pointer or a named optional that may hold nothing.
#define REQUIRED(holder) ::syncnas::test::Required(__FILE__, __LINE__, #holder, holder)

#endif  // SYNCNAS_RUNNER_TESTS_SUPPORT_CHECK_H_
