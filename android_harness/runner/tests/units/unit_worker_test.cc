#include "units/unit_worker.h"

#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "device/affinity.h"
#include "support/check.h"
#include "support/fake_engine.h"

namespace syncnas {
namespace {

UnitSpec Spec(const std::string& name, std::vector<int> cores = {}) {
  UnitSpec spec;
  spec.name = name;
  spec.engine = "fake";
  spec.cores = std::move(cores);
  return spec;
}

TEST(WorkerRunsEverythingOnItsOwnConfinedThread) {
  test::FakeLog log;
  test::FakeEngine engine(log);
  const int core = CurrentCores().back();
  const std::vector<int> mine = CurrentCores();
  UnitWorker worker(Spec("u", {core}), engine);
  CHECK(worker.cores() == std::vector<int>{core});
  std::thread::id first;
  std::thread::id second;
  std::vector<int> cores;
  worker.Run([&first] { first = std::this_thread::get_id(); });
  worker.Run([&second, &cores] {
    second = std::this_thread::get_id();
    cores = CurrentCores();
  });
  CHECK(first == second && first != std::this_thread::get_id());
  CHECK(cores == std::vector<int>{core});
  CHECK(CurrentCores() == mine);
}

TEST(WorkerHandsOnFailuresAndGoesOn) {
  test::FakeLog log;
  test::FakeEngine engine(log);
  UnitWorker worker(Spec("u"), engine);
  CHECK_FAILS(worker.Run([] { throw Failure("a reason"); }), "a reason");
  CHECK_FAILS(worker.Run([] { throw std::bad_alloc(); }), "unit u: not enough memory");
  int ran = 0;
  worker.Run([&ran] { ran = 1; });
  CHECK_EQUAL(ran, 1);
}

TEST(WorkerThatCannotBeConfinedIsNone) {
  test::FakeLog log;
  test::FakeEngine engine(log);
  CHECK_FAILS(UnitWorker(Spec("u", {1023}), engine), "affinity to cores 1023 was refused");
}

}  // namespace
}  // namespace syncnas
