#include "base/fingerprint.h"

#include "support/check.h"

namespace syncnas {
namespace {

TEST(FingerprintsAreFnv1a) {
  CHECK_EQUAL(Hex64(Fnv1a64("", 0)), "cbf29ce484222325");
  CHECK_EQUAL(Hex64(Fnv1a64("foobar", 6)), "85944171f73967e8");
}

}  // namespace
}  // namespace syncnas
