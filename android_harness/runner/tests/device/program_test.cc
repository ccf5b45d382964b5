#include "device/program.h"

#include <unistd.h>

#include <string>

#include "base/clock.h"
#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

constexpr size_t kBytes = 1 << 20;
constexpr int64_t kLong = 60 * kNanosecondsPerSecond;

std::string Shell(const std::string& script, size_t most_bytes = kBytes, int64_t most_ns = kLong) {
  return OutputOf({"/bin/sh", "-c", script, "sh", "one two", "$(three)"}, most_bytes, most_ns);
}

TEST(ProgramsSayWhatTheySay) {
  CHECK_EQUAL(Shell("echo \"$1,$2\"; echo no >&2; cat"), "one two,$(three)\n");
  CHECK_EQUAL(Shell("true"), "");
  CHECK_EQUAL(Shell("head -c 200000 /dev/zero").size(), 200'000U);
}

TEST(ProgramsThatFailAreNotBelieved) {
  CHECK_FAILS(Shell("echo fine; exit 3"), "/bin/sh ended in failure");
  CHECK_FAILS(Shell("kill -9 $$"), "/bin/sh ended in failure");
  CHECK_FAILS(OutputOf({"/nowhere"}, kBytes, kLong), "cannot run /nowhere: No such file or directory");
  CHECK_FAILS(Shell("head -c 5000 /dev/zero", 4999), "/bin/sh writes more than 4999 bytes");
}

TEST(ProgramsThatHangAreEndedWithWhatTheyStarted) {
  const test::TemporaryFolder folder;
  const int64_t begin = NowNs();
  CHECK_FAILS(Shell("cd " + folder.path() + "; sleep 50 & echo $! > child; wait", kBytes, kNanosecondsPerSecond / 5),
              "/bin/sh takes too long");
  // One that says that it is through and goes on.
  CHECK_FAILS(Shell("exec >&-; sleep 50", kBytes, kNanosecondsPerSecond / 5), "/bin/sh takes too long");
  CHECK(NowNs() - begin < kLong / 2);
  // The child is nobody's once its parent is gone, so its number may stay until it is collected.
  const std::string state = "/proc/" + std::to_string(std::stol(folder.Read("child"))) + "/stat";
  for (int tries = 0; tries < 100 && access(state.c_str(), F_OK) == 0; ++tries) {
    const std::string said = Shell("cat " + state + " 2>/dev/null || true");
    if (said.empty() || said.find(") Z ") != std::string::npos) {
      return;
    }
    SleepNs(kNanosecondsPerSecond / 100);
  }
  CHECK(access(state.c_str(), F_OK) != 0);
}

}  // namespace
}  // namespace syncnas
