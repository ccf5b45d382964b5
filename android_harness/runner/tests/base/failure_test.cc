#include "base/failure.h"

#include <string>

#include "support/check.h"

namespace syncnas {
namespace {

std::string Said(const std::string& sentence) { return Failure(sentence).what(); }

TEST(FailuresSayWhatTheyAreTold) {
  CHECK_EQUAL(Said("jobs[0].id is missing"), "jobs[0].id is missing");
  const std::string longest(1000, 'x');
  CHECK_EQUAL(Said(longest), longest);
}

TEST(FailuresThatQuoteAtLengthKeepTheirEnds) {
  const std::string said = Said("wait is \"" + std::string(5000, 'x') + "\"; it must be one of: spin");
  CHECK(said.size() < 1100);
  CHECK_EQUAL(said.find("wait is \"xxx"), 0U);
  CHECK_CONTAINS(said, "x [...] x");
  CHECK_CONTAINS(said, "xxx\"; it must be one of: spin");
}

TEST(FailuresAreCutBetweenCharacters) {
  // Characters of three bytes, at every offset.
  for (const char* begin : {"", "a", "ab"}) {
    std::string sentence = begin;
    for (int i = 0; i < 500; ++i) {
      sentence += "\xE2\x82\xAC";
    }
    const std::string said = Said(sentence);
    const size_t cut = said.find(" [...] ");
    REQUIRE(cut != std::string::npos);
    CHECK_EQUAL(said.substr(cut - 3, 3), "\xE2\x82\xAC");
    CHECK_EQUAL(said.substr(cut + 7, 3), "\xE2\x82\xAC");
  }
}

}  // namespace
}  // namespace syncnas
