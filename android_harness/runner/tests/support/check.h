#ifndef SYNCNAS_RUNNER_TESTS_SUPPORT_CHECK_H_
#define SYNCNAS_RUNNER_TESTS_SUPPORT_CHECK_H_

#include <functional>
#include <sstream>
#include <string>

// A test framework of the size that these tests need: TEST registers, CHECK... count and go on.
namespace syncnas::test {

struct Registration {
  Registration(const char* name, void (*body)());
};

void ReportFailure(const char* file, int line, const std::string& message);

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

#endif  // SYNCNAS_RUNNER_TESTS_SUPPORT_CHECK_H_
