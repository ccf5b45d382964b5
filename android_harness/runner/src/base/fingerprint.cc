#include "base/fingerprint.h"

#include <cstdio>

namespace syncnas {

uint64_t Fnv1a64(const void* data, size_t bytes, uint64_t start) {
  const auto* at = static_cast<const unsigned char*>(data);
  uint64_t hash = start;
  for (size_t i = 0; i < bytes; ++i) {
    hash = (hash ^ at[i]) * 0x100000001B3;
  }
  return hash;
}

std::string Hex64(uint64_t value) {
  char digits[17];
  std::snprintf(digits, sizeof(digits), "%016llx", static_cast<unsigned long long>(value));
  return digits;
}

}  // namespace syncnas
