#include "base/random.h"

#include <utility>

namespace syncnas {

uint64_t Random::Next() {
  state_ += 0x9E3779B97F4A7C15;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return mixed ^ (mixed >> 31);
}

int64_t Random::Between(int64_t lowest, int64_t highest) {
  const uint64_t span = static_cast<uint64_t>(highest) - static_cast<uint64_t>(lowest) + 1;
  if (span == 0) {
    return static_cast<int64_t>(Next());
  }
  // Values below 2^64 mod span would make the small results more likely.
  const uint64_t biased = (0 - span) % span;
  uint64_t drawn = Next();
  while (drawn < biased) {
    drawn = Next();
  }
  return static_cast<int64_t>(static_cast<uint64_t>(lowest) + drawn % span);
}

std::vector<size_t> ShuffledOrder(size_t count, uint64_t seed, uint64_t round) {
  // Mixed apart first: neighbouring seeds and rounds must not give related orders.
  Random random(Random(seed).Next() ^ Random(~round).Next());
  std::vector<size_t> order(count);
  for (size_t i = 0; i < count; ++i) {
    order[i] = i;
  }
  for (size_t i = count; i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<size_t>(random.Between(0, static_cast<int64_t>(i) - 1))]);
  }
  return order;
}

}  // namespace syncnas
