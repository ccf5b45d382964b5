#include "engines/classic/buffer.h"

#include <cstring>

#include <string>
#include <utility>

#include "base/failure.h"

namespace syncnas::classic {

TensorType TypeOf(const Library& library, const TensorHandle* tensor) {
  TensorType type;
  type.element = ElementOf(library.TensorType(tensor));
  const int32_t rank = library.TensorNumDims(tensor);
  for (int32_t i = 0; i < rank; ++i) {
    const int32_t dim = library.TensorDim(tensor, i);
    if (dim < 1) {
      throw Failure("dimension " + std::to_string(i) + " of a tensor has no fixed size");
    }
    type.dims.push_back(dim);
  }
  return type;
}

TensorBuffer::TensorBuffer(std::shared_ptr<const Interpreter> interpreter, const TensorHandle* tensor,
                           const TensorType& type, const Unit* owner)
    : interpreter_(std::move(interpreter)), tensor_(tensor), bytes_(type.Bytes()), owner_(owner) {
  const size_t has = interpreter_->library().TensorByteSize(tensor_);
  if (has != bytes_ || host() == nullptr) {
    throw Failure("TFLite has " + std::to_string(host() == nullptr ? 0 : has) + " bytes for a tensor that is " +
                  type.ToString());
  }
}

void TensorBuffer::Write(const void* source) { std::memcpy(host(), source, bytes_); }

void TensorBuffer::Read(void* destination) { std::memcpy(destination, host(), bytes_); }

}  // namespace syncnas::classic
