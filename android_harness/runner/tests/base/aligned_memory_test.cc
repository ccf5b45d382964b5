#include "base/aligned_memory.h"

#include <cstdint>
#include <utility>

#include "support/check.h"

namespace syncnas {
namespace {

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

}  // namespace
}  // namespace syncnas
