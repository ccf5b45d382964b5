#include "device/system_log.h"

#include <string>

#include "support/check.h"

namespace syncnas {
namespace {

TEST(LastWordsAreTheEndOfALogInOneLine) {
  CHECK_EQUAL(LastWords(""), "");
  CHECK_EQUAL(LastWords("--------- beginning of main\n\n"), "");
  CHECK_EQUAL(LastWords("--------- beginning of main\nfirst \x1b[2J\n second\nsecond\n"), "first  [2J | second");
  CHECK_EQUAL(LastWords("1\n2\n3\n4\n5\n"), "2 | 3 | 4 | 5");
  CHECK_EQUAL(LastWords(std::string(1000, 'x')), std::string(300, 'x'));
}

TEST(AReasonCarriesWhatTheLogSays) {
  CHECK_EQUAL(WithLog("status 5", {}), "status 5");
  CHECK_EQUAL(WithLog("status 5", {"/bin/echo", "OpenCL not found"}).rfind("status 5; the system's log says: OpenCL not found --pid=", 0),
              0U);
  CHECK_EQUAL(WithLog("status 5", {"/nowhere/logcat"}), "status 5");
  CHECK_EQUAL(WithLog("status 5", {"/bin/false"}), "status 5");
}

}  // namespace
}  // namespace syncnas
