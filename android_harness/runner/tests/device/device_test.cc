#include <sched.h>

#include <thread>
#include <vector>

#include "base/aligned_memory.h"
#include "base/clock.h"
#include "base/files.h"
#include "device/affinity.h"
#include "device/device_state.h"
#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

TEST(ClocksAndTemperaturesAreRead) {
  const test::TemporaryFolder sys;
  sys.Write("devices/system/cpu/cpu3/cpufreq/scaling_cur_freq", "1804800\n");
  sys.Write("class/thermal/thermal_zone0/temp", "41000\n");
  sys.Write("class/thermal/thermal_zone1/temp", "43500\n");
  sys.Write("class/thermal/thermal_zone2/temp", "-274000\n");
  sys.Write("class/thermal/thermal_zone3/temp", "2147483647\n");
  sys.Write("class/thermal/thermal_zone4/temp", "off\n");
  sys.Write("class/thermal/cooling_device0/temp", "99000\n");
  CHECK_EQUAL(CoreClockKhz(3, sys.path()).value_or(-1), 1804800);
  CHECK(!CoreClockKhz(4, sys.path()));
  CHECK_EQUAL(HottestZoneMilliCelsius(sys.path()).value_or(-1), 43500);
  CHECK(!HottestZoneMilliCelsius(sys.path() + "/nowhere"));
}

TEST(AffinityIsReadBack) {
  std::thread([] {
    const std::vector<int> all = CurrentCores();
    ConfineToCores({all.back()});
    CHECK_EQUAL(sched_getcpu(), all.back());
    std::vector<int> inherited;
    std::thread([&inherited] { inherited = CurrentCores(); }).join();
    CHECK(inherited == std::vector<int>{all.back()});
    ConfineToCores(all);
    CHECK(CurrentCores() == all);
    CHECK_FAILS(ConfineToCores({1023}), "affinity to cores 1023 was refused");
    // The system grants what is there of this mask and says nothing.
    CHECK_FAILS(ConfineToCores({all.front(), 1023}), "was refused: the system gave");
  }).join();
}

TEST(FilesAreToldApart) {
  const test::TemporaryFolder folder;
  const std::string path = folder.Write("f", "abc");
  CHECK_EQUAL(ReadFile({"f", path}, 3), "abc");
  CHECK_FAILS(ReadFile({"f", path}, 2), "cannot read f: it has more than 2 bytes");
  CHECK_FAILS(ReadFile({"g", folder.path() + "/g"}, 2), "cannot read g: No such file or directory");
  CHECK_FAILS(ReadFile({"d", folder.path()}, 2), "cannot read d: it is not a file");
  CHECK_FAILS(WriteFile({"d", folder.path()}, "x", 1), "cannot write d: Is a directory");
  CHECK_EQUAL(FileSize({"f", path}), 3);
  CHECK_EQUAL(FolderOf("a/b.json"), "a");
  CHECK_EQUAL(FolderOf("b.json"), ".");
  CHECK_EQUAL(FolderOf("/b.json"), "/");
  CHECK_EQUAL(InFolder("d", "x").full, "d/x");
  CHECK_EQUAL(InFolder("d", "/x").full, "/x");
}

TEST(FingerprintsAreFnv1a) {
  CHECK_EQUAL(Hex64(Fnv1a64("", 0)), "cbf29ce484222325");
  CHECK_EQUAL(Hex64(Fnv1a64("foobar", 6)), "85944171f73967e8");
}

TEST(MemoryIsAlignedAndZero) {
  for (const size_t bytes : {0U, 1U, 63U, 64U, 1000U}) {
    AlignedMemory memory(bytes);
    CHECK_EQUAL(reinterpret_cast<uintptr_t>(memory.data()) % kCacheLine, 0U);
    CHECK_EQUAL(memory.bytes(), bytes);
    for (size_t i = 0; i < bytes; ++i) {
      CHECK_EQUAL(static_cast<int>(static_cast<char*>(memory.data())[i]), 0);
    }
  }
  CHECK_FAILS(AlignedMemory(SIZE_MAX), "no memory for a tensor");
  AlignedMemory moved(8);
  const void* address = moved.data();
  const AlignedMemory target = std::move(moved);
  CHECK(target.data() == address);
}

TEST(SleepingTakesItsTime) {
  const int64_t begin = NowNs();
  SleepNs(2'000'000);
  CHECK(NowNs() - begin >= 2'000'000);
  SleepNs(0);
  SleepNs(-1);
}

}  // namespace
}  // namespace syncnas
