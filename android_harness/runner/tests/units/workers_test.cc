#include "units/workers.h"

#include "support/check.h"

namespace syncnas {
namespace {

TEST(WorkersNameTheUnitThatFailed) {
  Workers workers;
  workers.AddFailed("u", "no such core");
  CHECK_FAILS(workers.At("u"), "unit u cannot be had: no such core");
  CHECK_FAILS(workers.At("v"), "the phase has no unit v");
}

}  // namespace
}  // namespace syncnas
