#ifndef SYNCNAS_RUNNER_BASE_FINGERPRINT_H_
#define SYNCNAS_RUNNER_BASE_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace syncnas {

// FNV-1a, 64 bits: fingerprints that tell apart what differs by accident, not by malice.
constexpr uint64_t kFnvStart = 0xCBF29CE484222325;
uint64_t Fnv1a64(const void* data, size_t bytes, uint64_t start = kFnvStart);

// 16 hexadecimal digits.
std::string Hex64(uint64_t value);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_FINGERPRINT_H_
