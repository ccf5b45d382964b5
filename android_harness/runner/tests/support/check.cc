#include "support/check.h"

#include <cstdio>
#include <cstring>

#include <exception>
#include <vector>

namespace syncnas::test {

namespace {

struct Test {
  const char* name;
  void (*body)();
};

std::vector<Test>& Tests() {
  static std::vector<Test> tests;
  return tests;
}

int failures = 0;

}  // namespace

Registration::Registration(const char* name, void (*body)()) { Tests().push_back({name, body}); }

void ReportFailure(const char* file, int line, const std::string& message) {
  ++failures;
  std::printf("%s:%d: %s\n", file, line, message.c_str());
}

std::string FailureOf(const char* file, int line, const std::function<void()>& action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  ReportFailure(file, line, "nothing was thrown");
  return "";
}

void CheckContains(const char* file, int line, const std::string& text, const std::string& part) {
  if (text.find(part) == std::string::npos) {
    ReportFailure(file, line, "\"" + text + "\" does not contain \"" + part + "\"");
  }
}

static int RunAll(const char* filter) {
  int run = 0;
  for (const Test& test : Tests()) {
    if (filter != nullptr && std::strstr(test.name, filter) == nullptr) {
      continue;
    }
    std::printf("%s\n", test.name);
    std::fflush(stdout);
    ++run;
    try {
      test.body();
    } catch (const std::exception& error) {
      ReportFailure(test.name, 0, std::string("threw: ") + error.what());
    }
  }
  std::printf("%d tests, %d failures\n", run, failures);
  return run > 0 && failures == 0 ? 0 : 1;
}

}  // namespace syncnas::test

// runner_tests [PART OF A TEST'S NAME]
int main(int count, char** values) { return syncnas::test::RunAll(count > 1 ? values[1] : nullptr); }
