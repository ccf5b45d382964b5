#ifndef SYNCNAS_RUNNER_ENGINES_CLASSIC_BUFFER_H_
#define SYNCNAS_RUNNER_ENGINES_CLASSIC_BUFFER_H_

#include <cstddef>
#include <memory>

#include "base/tensor.h"
#include "engines/classic/abi.h"
#include "engines/classic/interpreter.h"
#include "engines/engine.h"

namespace syncnas::classic {

// Throws Failure for element types and shapes that the runner does not know.
TensorType TypeOf(const Library& library, const TensorHandle* tensor);

// An input or output tensor. Its memory lies in the interpreter, which lives as long as any of its buffers.
class TensorBuffer final : public Buffer {
 public:
  // `owner` is the unit that the interpreter was made for. Throws Failure where the tensor has no memory of its size.
  TensorBuffer(std::shared_ptr<const Interpreter> interpreter, const TensorHandle* tensor, const TensorType& type,
               const Unit* owner);

  [[nodiscard]] size_t bytes() const override { return bytes_; }
  void Write(const void* source) override;
  void Read(void* destination) override;
  [[nodiscard]] void* host() override { return interpreter_->library().TensorData(tensor_); }
  [[nodiscard]] const Unit* owner() const { return owner_; }

 private:
  std::shared_ptr<const Interpreter> interpreter_;
  const TensorHandle* tensor_;
  size_t bytes_;
  const Unit* owner_;
};

}  // namespace syncnas::classic

#endif  // SYNCNAS_RUNNER_ENGINES_CLASSIC_BUFFER_H_
