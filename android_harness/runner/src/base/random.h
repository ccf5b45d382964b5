#ifndef SYNCNAS_RUNNER_BASE_RANDOM_H_
#define SYNCNAS_RUNNER_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace syncnas {

// SplitMix64 (Steele, Lea, Flood 2014). The standard library's distributions differ between platforms; with this one
// the same seed gives the same order and the same data on every device.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next();

  // Uniform, both ends included; lowest <= highest.
  int64_t Between(int64_t lowest, int64_t highest);

 private:
  uint64_t state_;
};

// The numbers 0 ... count - 1 in an order that depends on the arguments alone.
std::vector<size_t> ShuffledOrder(size_t count, uint64_t seed, uint64_t round);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_RANDOM_H_
