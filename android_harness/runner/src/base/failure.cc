#include "base/failure.h"

#include <cstddef>

namespace syncnas {

namespace {

// In bytes. More than that is no sentence that anybody reads.
constexpr size_t kLongest = 1000;
constexpr size_t kKeptOfEnd = 300;
constexpr const char* kLeftOut = " [...] ";

bool ContinuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }

}  // namespace

std::string Failure::Shortened(const std::string& sentence) {
  if (sentence.size() <= kLongest) {
    return sentence;
  }
  // Between two characters (UTF-8): what is cut in the middle of one would be no text.
  size_t head = kLongest - kKeptOfEnd;
  while (head > 0 && ContinuesCharacter(sentence[head])) {
    --head;
  }
  size_t tail = sentence.size() - kKeptOfEnd;
  while (tail < sentence.size() && ContinuesCharacter(sentence[tail])) {
    ++tail;
  }
  return sentence.substr(0, head) + kLeftOut + sentence.substr(tail);
}

}  // namespace syncnas
