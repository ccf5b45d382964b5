#include "base/allocator.h"

#include <malloc.h>

namespace syncnas {

void MapLargeBuffersAnew() {
#if defined(__GLIBC__)
  // Naming the threshold also keeps glibc from raising it to the size of whatever was freed last.
  constexpr int kLarge = 128 * 1024;
  mallopt(M_MMAP_THRESHOLD, kLarge);  // NOLINT(concurrency-mt-unsafe): called before there are threads
#elif defined(M_DECAY_TIME)
  // Android's allocators map large buffers by themselves, and keep them for a while once they are freed. Not seen on a
  // phone yet.
  mallopt(M_DECAY_TIME, 0);  // NOLINT(concurrency-mt-unsafe): called before there are threads
#endif
}

}  // namespace syncnas
