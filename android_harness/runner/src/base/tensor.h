#ifndef SYNCNAS_RUNNER_BASE_TENSOR_H_
#define SYNCNAS_RUNNER_BASE_TENSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"

namespace syncnas {

// Numbered as LiteRT and TFLite both number them.
enum class ElementType : int32_t {
  kFloat32 = 1,
  kInt32 = 2,
  kUInt8 = 3,
  kInt64 = 4,
  kBool = 6,
  kInt16 = 7,
  kInt8 = 9,
  kFloat16 = 10
};

constexpr std::array<ElementType, 8> kElementTypes = {
    ElementType::kFloat32, ElementType::kFloat16, ElementType::kInt8,  ElementType::kUInt8,
    ElementType::kInt16,   ElementType::kInt32,   ElementType::kInt64, ElementType::kBool};

// Throws Failure for numbers that the runner does not know.
ElementType ElementOf(int32_t number);

size_t BytesOf(ElementType element);
// As numpy calls it.
const char* Name(ElementType element);

// The element type and shape of one input or output of a model, densely packed.
struct TensorType {
  ElementType element = ElementType::kFloat32;
  std::vector<int64_t> dims;

  [[nodiscard]] size_t Elements() const;
  [[nodiscard]] size_t Bytes() const { return Elements() * BytesOf(element); }
  // "float32 [1, 112, 112, 16]"
  [[nodiscard]] std::string ToString() const;

  bool operator==(const TensorType& other) const { return element == other.element && dims == other.dims; }
  bool operator!=(const TensorType& other) const { return !(*this == other); }
};

// Fills a tensor with plain values: real numbers are even between -1 and 1 and none is denormal (denormals are slow on
// some units), small whole numbers elsewhere, and both truth values.
void FillRandom(const TensorType& type, Random& random, void* data);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_TENSOR_H_
