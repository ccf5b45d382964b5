#include "units/run_together.h"

#include <atomic>

#include "base/failure.h"
#include "support/check.h"
#include "support/fake_engine.h"
#include "units/event_count.h"

namespace syncnas {
namespace {

UnitSpec Spec(const std::string& name) {
  UnitSpec spec;
  spec.name = name;
  spec.engine = "fake";
  return spec;
}

TEST(RunTogetherAbortsAndThrowsTheFirstFailure) {
  test::FakeLog log;
  test::FakeEngine engine(log);
  UnitWorker a(Spec("a"), engine);
  UnitWorker b(Spec("b"), engine);
  UnitWorker c(Spec("c"), engine);
  EventCount never(WaitSpec{WaitMode::kCondvar, 0});
  std::atomic<int> freed{0};
  const auto wait = [&never, &freed] { freed += never.Await(1) ? 0 : 1; };
  CHECK_FAILS(
      RunTogether({{&a, wait}, {&b, [] { throw Failure("b broke"); }}, {&c, wait}}, [&never] { never.Abort(); }),
      "b broke");
  CHECK_EQUAL(freed.load(), 2);
}

}  // namespace
}  // namespace syncnas
