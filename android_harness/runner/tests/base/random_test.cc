#include "base/random.h"

#include <algorithm>
#include <set>
#include <vector>

#include "support/check.h"

namespace syncnas {
namespace {

TEST(RandomIsTheSameEverywhere) {
  // The published first outputs of SplitMix64 for the seed 1234567.
  Random random(1234567);
  CHECK_EQUAL(random.Next(), 6457827717110365317U);
  CHECK_EQUAL(random.Next(), 3203168211198807973U);
  CHECK_EQUAL(random.Next(), 9817491932198370423U);
}

TEST(RandomStaysInItsRange) {
  Random random(1);
  std::set<int64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const int64_t drawn = random.Between(-3, 3);
    CHECK(drawn >= -3 && drawn <= 3);
    seen.insert(drawn);
  }
  CHECK_EQUAL(seen.size(), 7U);
  CHECK_EQUAL(random.Between(5, 5), 5);
  random.Between(INT64_MIN, INT64_MAX);
}

TEST(ShufflingIsDeterministicAndChangesByRound) {
  const std::vector<size_t> order = ShuffledOrder(8, 7, 0);
  // Computed apart from this code, by a few lines of Python with arbitrary precision.
  const std::vector<size_t> golden = {5, 1, 6, 0, 2, 3, 7, 4};
  CHECK(order == golden);
  CHECK(order == ShuffledOrder(8, 7, 0));
  CHECK(order != ShuffledOrder(8, 7, 1));
  CHECK(order != ShuffledOrder(8, 8, 0));
  std::vector<size_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  CHECK_EQUAL(sorted[7], 7U);
  CHECK(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end());
  CHECK(ShuffledOrder(0, 1, 1).empty());
}

}  // namespace
}  // namespace syncnas
