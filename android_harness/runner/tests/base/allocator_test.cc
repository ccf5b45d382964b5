#include "base/allocator.h"

#include <cstdint>
#include <cstdlib>

#include "support/check.h"

namespace syncnas {
namespace {

// Sanitizers bring allocators of their own.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(LargeBuffersAreMappedAnewHoweverLargeOnesWereFreedBefore) {
  MapLargeBuffersAnew();
  constexpr uintptr_t kPage = 4096;
  constexpr uintptr_t kHeader = 2 * sizeof(size_t);
  // Without it, the second one would come from where the first one was freed to.
  for (const size_t bytes : {size_t{24} << 20, size_t{8} << 20, size_t{1} << 20}) {
    void* buffer = std::malloc(bytes);
    CHECK(buffer != nullptr);
    // glibc puts a header of two words before what it has mapped for one buffer.
    CHECK_EQUAL(reinterpret_cast<uintptr_t>(buffer) % kPage, kHeader);
    std::free(buffer);
  }
}
#endif

}  // namespace
}  // namespace syncnas
