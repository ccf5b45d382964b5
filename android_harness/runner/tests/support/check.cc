#include "support/check.h"

#include <cstdio>
#include <cstring>

#include <exception>
#include <mutex>

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

// The failures of the tests that run now: one list for a test, and one for each FailuresIn that a test calls. A test's
// own threads report, too.
struct Reports {
  std::mutex mutex;
  std::vector<std::vector<std::string>> lists;
};

Reports& TheReports() {
  static Reports reports;
  return reports;
}

}  // namespace

Registration::Registration(const char* name, void (*body)()) { Tests().push_back({name, body}); }

void ReportFailure(const char* file, int line, const std::string& message) {
  const std::string report = std::string(file) + ":" + std::to_string(line) + ": " + message;
  Reports& reports = TheReports();
  const std::lock_guard<std::mutex> lock(reports.mutex);
  if (reports.lists.size() == 1) {
    // At once, so that it is seen even if the test crashes afterwards.
    std::printf("%s\n", report.c_str());
    std::fflush(stdout);
  }
  reports.lists.back().push_back(report);
}

void EndTest(const char* file, int line, const std::string& message) {
  ReportFailure(file, line, message);
  throw TestEnded();
}

std::vector<std::string> FailuresIn(const std::function<void()>& body) {
  Reports& reports = TheReports();
  {
    const std::lock_guard<std::mutex> lock(reports.mutex);
    reports.lists.emplace_back();
  }
  try {
    body();
  } catch (const TestEnded&) {
    // It is reported.
  } catch (const std::exception& error) {
    ReportFailure("the test", 0, std::string("threw: ") + error.what());
  }
  const std::lock_guard<std::mutex> lock(reports.mutex);
  std::vector<std::string> failures = std::move(reports.lists.back());
  reports.lists.pop_back();
  return failures;
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
  size_t failures = 0;
  for (const Test& test : Tests()) {
    if (filter != nullptr && std::strstr(test.name, filter) == nullptr) {
      continue;
    }
    std::printf("%s\n", test.name);
    std::fflush(stdout);
    ++run;
    failures += FailuresIn(test.body).size();
  }
  std::printf("%d tests, %zu failures\n", run, failures);
  return run > 0 && failures == 0 ? 0 : 1;
}

}  // namespace syncnas::test

// runner_tests [PART OF A TEST'S NAME]
int main(int count, char** values) { return syncnas::test::RunAll(count > 1 ? values[1] : nullptr); }
