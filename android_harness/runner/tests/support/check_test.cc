#include "support/check.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "json/json.h"
#include "support/bench.h"

namespace syncnas {
namespace {

using test::FailuresIn;

TEST(ChecksReportAndGoOn) {
  bool went_on = false;
  const std::vector<std::string> failures = FailuresIn([&went_on] {
    CHECK(1 + 1 == 3);
    CHECK_EQUAL(2 * 2, 5);
    CHECK_CONTAINS("abc", "x");
    CHECK_FAILS(static_cast<void>(0), "a reason");
    went_on = true;
  });
  CHECK(went_on);
  // A CHECK_FAILS whose action throws nothing reports that, and that the empty sentence has no reason in it.
  REQUIRE(failures.size() == 5);
  CHECK_CONTAINS(failures[0], "check_test.cc:");
  CHECK_CONTAINS(failures[0], ": not true: 1 + 1 == 3");
  CHECK_CONTAINS(failures[1], ": 2 * 2: 4 instead of 5");
  CHECK_CONTAINS(failures[2], ": \"abc\" does not contain \"x\"");
  CHECK_CONTAINS(failures[3], ": nothing was thrown");
}

TEST(ChecksThatHoldReportNothing) {
  const std::string text = "x";
  const std::optional<int> number = 7;
  const std::vector<std::string> failures = FailuresIn([&text, &number] {
    CHECK(true);
    CHECK_EQUAL(1, 1);
    CHECK_FAILS(throw std::runtime_error("a reason"), "reason");
    REQUIRE(true);
    CHECK_EQUAL(&REQUIRED(&text), &text);
    CHECK_EQUAL(REQUIRED(number), 7);
  });
  CHECK(failures.empty());
}

TEST(RequirementsEndTheirTestAlone) {
  bool went_on = false;
  const Json* nothing = nullptr;
  const std::vector<std::string> of_condition = FailuresIn([&went_on] {
    REQUIRE(1 + 1 == 3);
    went_on = true;
  });
  const std::vector<std::string> of_pointer = FailuresIn([&went_on, nothing] {
    static_cast<void>(REQUIRED(nothing).type());
    went_on = true;
  });
  const std::vector<std::string> of_optional = FailuresIn([&went_on] {
    const std::optional<int64_t> number = Json::Parse("1.5").whole();
    CHECK_EQUAL(REQUIRED(number), 1);
    went_on = true;
  });
  CHECK(!went_on);
  REQUIRE(of_condition.size() == 1 && of_pointer.size() == 1 && of_optional.size() == 1);
  CHECK_CONTAINS(of_condition[0], "not true: 1 + 1 == 3");
  CHECK_CONTAINS(of_pointer[0], "nothing there: nothing");
  CHECK_CONTAINS(of_optional[0], "nothing there: number");
}

TEST(RequirementsAreNotTheFailureThatATestExpects) {
  const std::vector<std::string> failures = FailuresIn([] { CHECK_FAILS(REQUIRE(false), "false"); });
  REQUIRE(failures.size() == 1);
  CHECK_CONTAINS(failures[0], "not true: false");
}

TEST(ExceptionsEndTheirTestAlone) {
  const std::vector<std::string> failures = FailuresIn([] { throw std::runtime_error("out of luck"); });
  REQUIRE(failures.size() == 1);
  CHECK_CONTAINS(failures[0], "threw: out of luck");
}

TEST(ThreadsOfATestReportForIt) {
  const std::vector<std::string> failures = FailuresIn([] {
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int k = 0; k < 100; ++k) {
          CHECK(k < 0);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  });
  CHECK_EQUAL(failures.size(), 400U);
}

TEST(BenchNamesAFieldThatAnEventLacks) {
  const Json event = Json::Parse(R"({"event": "done", "samples": {"total_ns": [1, "x"]}})");
  CHECK_EQUAL(test::Bench::Elements(event, "samples", "total_ns").size(), 2U);
  const auto failure = [](const std::function<void()>& body) {
    const std::vector<std::string> failures = FailuresIn(body);
    return failures.size() == 1 ? failures[0] : std::to_string(failures.size()) + " failures";
  };
  CHECK_CONTAINS(failure([&event] { test::Bench::Number(event, "job"); }), "the event has no \"job\"");
  CHECK_CONTAINS(failure([&event] { test::Bench::Number(event, "event"); }),
                 "\"event\" has a string, not a whole number");
  CHECK_CONTAINS(failure([&event] { test::Bench::Field(event, "samples", "run_ns"); }), "the event has no \"run_ns\"");
  CHECK_CONTAINS(failure([&event] { test::Bench::Elements(event, "samples"); }),
                 "\"samples\" is an object, not an array");
  CHECK_CONTAINS(failure([&event] { test::Bench::Wholes(event, "samples", "total_ns"); }),
                 "\"total_ns\" has a string, not a whole number");
  CHECK_CONTAINS(failure([] { test::Bench::Only({}, "done"); }), "0 events \"done\" instead of 1");
}

}  // namespace
}  // namespace syncnas
