#include "base/tensor.h"

#include <cmath>
#include <cstring>

#include "base/failure.h"

namespace syncnas {

namespace {

// Steps of 1/1024 are exact in half precision (11 significant bits) and far from its denormals.
constexpr int64_t kHalfSteps = 1024;
// 2^-31: makes a signed 32-bit number a float from -1 to 1, far from denormals.
constexpr float kFloatStep = 1.0F / 2147483648.0F;

// The half-precision pattern of steps / 1024, |steps| <= 1024.
uint16_t HalfOf(int64_t steps) {
  if (steps == 0) {
    return 0;
  }
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(static_cast<double>(steps)) / kHalfSteps, &exponent);  // in [0.5, 1)
  const int mantissa = static_cast<int>(fraction * 2048) - 1024;
  const int sign = steps < 0 ? 0x8000 : 0;
  return static_cast<uint16_t>(sign | ((exponent - 1 + 15) << 10) | mantissa);
}

template <typename T>
void Put(void* data, size_t index, T value) {
  std::memcpy(static_cast<char*>(data) + index * sizeof(T), &value, sizeof(T));
}

// Two numbers from each draw: features have up to millions of them, and filling is time that a phase takes beside its
// samples.
void FillFloats(size_t elements, Random& random, void* data) {
  uint64_t bits = 0;
  for (size_t i = 0; i < elements; ++i) {
    bits = i % 2 == 0 ? random.Next() : bits >> 32;
    Put(data, i, static_cast<float>(static_cast<int32_t>(bits)) * kFloatStep);
  }
}

}  // namespace

ElementType ElementOf(int32_t number) {
  for (const ElementType element : kElementTypes) {
    if (static_cast<int32_t>(element) == number) {
      return element;
    }
  }
  throw Failure("a tensor has elements of the runtime's type " + std::to_string(number) +
                ", which the runner does not know");
}

size_t BytesOf(ElementType element) {
  switch (element) {
    case ElementType::kInt64:
      return 8;
    case ElementType::kFloat32:
    case ElementType::kInt32:
      return 4;
    case ElementType::kFloat16:
    case ElementType::kInt16:
      return 2;
    case ElementType::kInt8:
    case ElementType::kUInt8:
    case ElementType::kBool:
      return 1;
  }
  return 0;
}

const char* Name(ElementType element) {
  switch (element) {
    case ElementType::kFloat32:
      return "float32";
    case ElementType::kFloat16:
      return "float16";
    case ElementType::kInt32:
      return "int32";
    case ElementType::kInt64:
      return "int64";
    case ElementType::kInt16:
      return "int16";
    case ElementType::kBool:
      return "bool";
    case ElementType::kInt8:
      return "int8";
    case ElementType::kUInt8:
      return "uint8";
  }
  return "";
}

size_t TensorType::Elements() const {
  size_t elements = 1;
  for (const int64_t dim : dims) {
    elements *= static_cast<size_t>(dim);
  }
  return elements;
}

std::string TensorType::ToString() const {
  std::string text = std::string(Name(element)) + " [";
  for (size_t i = 0; i < dims.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(dims[i]);
  }
  return text + "]";
}

void FillRandom(const TensorType& type, Random& random, void* data) {
  const size_t elements = type.Elements();
  if (type.element == ElementType::kFloat32) {
    FillFloats(elements, random, data);
    return;
  }
  for (size_t i = 0; i < elements; ++i) {
    switch (type.element) {
      case ElementType::kFloat32:  // filled above
        break;
      case ElementType::kFloat16:
        Put(data, i, HalfOf(random.Between(-kHalfSteps, kHalfSteps)));
        break;
      case ElementType::kInt32:
        Put(data, i, static_cast<int32_t>(random.Between(0, 7)));
        break;
      case ElementType::kInt64:
        Put(data, i, random.Between(0, 7));
        break;
      case ElementType::kInt16:
        Put(data, i, static_cast<int16_t>(random.Between(-32768, 32767)));
        break;
      case ElementType::kBool:
        Put(data, i, static_cast<uint8_t>(random.Between(0, 1)));
        break;
      case ElementType::kInt8:
        Put(data, i, static_cast<int8_t>(random.Between(-128, 127)));
        break;
      case ElementType::kUInt8:
        Put(data, i, static_cast<uint8_t>(random.Between(0, 255)));
        break;
    }
  }
}

}  // namespace syncnas
