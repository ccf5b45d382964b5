#include "base/aligned_memory.h"

#include <cstdlib>
#include <cstring>

#include <string>
#include <utility>

#include "base/failure.h"

namespace syncnas {

namespace {
constexpr size_t kReadBeyond = 2 * kCacheLine;
}  // namespace

AlignedMemory::AlignedMemory(size_t bytes) : bytes_(bytes) {
  const size_t padded = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine + kReadBeyond;
  // Not aligned_alloc, which older Android lacks.
  if (padded < bytes || posix_memalign(&data_, kCacheLine, padded) != 0) {
    throw Failure("no memory for a tensor of " + std::to_string(bytes) + " bytes");
  }
  // Writing to the pages now keeps their first faults out of what is timed.
  std::memset(data_, 0, padded);
}

AlignedMemory::~AlignedMemory() { std::free(data_); }

AlignedMemory::AlignedMemory(AlignedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

AlignedMemory& AlignedMemory::operator=(AlignedMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace syncnas
