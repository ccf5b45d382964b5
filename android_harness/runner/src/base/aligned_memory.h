#ifndef SYNCNAS_RUNNER_BASE_ALIGNED_MEMORY_H_
#define SYNCNAS_RUNNER_BASE_ALIGNED_MEMORY_H_

#include <cstddef>

namespace syncnas {

// Cache lines of every CPU this runs on are at most so long, and the runtimes want host memory aligned to it.
constexpr size_t kCacheLine = 64;

// Zeroed host memory, aligned to a cache line. Whole lines are its own (no false sharing with a neighbour), and a few
// beyond the asked size, because vector kernels read past the end of a tensor.
class AlignedMemory {
 public:
  AlignedMemory() = default;
  explicit AlignedMemory(size_t bytes);
  ~AlignedMemory();
  AlignedMemory(AlignedMemory&& other) noexcept;
  AlignedMemory& operator=(AlignedMemory&& other) noexcept;
  AlignedMemory(const AlignedMemory&) = delete;
  AlignedMemory& operator=(const AlignedMemory&) = delete;

  [[nodiscard]] void* data() { return data_; }
  [[nodiscard]] const void* data() const { return data_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_ALIGNED_MEMORY_H_
