#ifndef SYNCNAS_RUNNER_ENGINES_LITERT_BUFFER_H_
#define SYNCNAS_RUNNER_ENGINES_LITERT_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/aligned_memory.h"
#include "base/tensor.h"
#include "engines/engine.h"
#include "engines/litert/abi.h"
#include "engines/litert/handle.h"
#include "engines/litert/library.h"

namespace syncnas::litert {

RankedTensorType ToLiteRt(const TensorType& type);
// Throws Failure for element types and shapes that the runner does not know.
TensorType FromLiteRt(int32_t element, const Layout& layout);

// The word for a BufferType (formats.md, "Journal"); "kind-30" for one that the runner has no word for.
std::string BufferKind(int type);

// Memory that an input or output of a LiteRT model is bound to.
class BoundBuffer : public Buffer {
 public:
  [[nodiscard]] virtual TensorBufferHandle* handle() const = 0;
};

// Host memory of ours, wrapped. Several models may wrap the same memory, each in a handle of its own: handles are not
// made for two threads, plain memory is.
class HostBuffer final : public BoundBuffer {
 public:
  HostBuffer(const Library& library, const TensorType& type, std::shared_ptr<AlignedMemory> memory);

  [[nodiscard]] size_t bytes() const override { return bytes_; }
  void Write(const void* source) override;
  void Read(void* destination) override;
  [[nodiscard]] void* host() override { return memory_->data(); }
  [[nodiscard]] TensorBufferHandle* handle() const override { return handle_.get(); }
  [[nodiscard]] const std::shared_ptr<AlignedMemory>& memory() const { return memory_; }

 private:
  std::shared_ptr<AlignedMemory> memory_;
  size_t bytes_;
  Owned<TensorBufferHandle> handle_;
};

// Memory of the unit's own kind, allocated by the runtime. Locking it copies where it has to, and waits for the unit.
class ManagedBuffer final : public BoundBuffer {
 public:
  using SharedHandle = std::shared_ptr<Owned<TensorBufferHandle>>;

  // `owner` is the unit whose thread alone uses the handle.
  ManagedBuffer(const Library& library, const TensorType& type, SharedHandle handle, const Unit* owner);

  [[nodiscard]] size_t bytes() const override { return bytes_; }
  void Write(const void* source) override;
  void Read(void* destination) override;
  [[nodiscard]] void* host() override { return nullptr; }
  [[nodiscard]] TensorBufferHandle* handle() const override { return handle_->get(); }
  [[nodiscard]] const SharedHandle& shared_handle() const { return handle_; }
  [[nodiscard]] const Unit* owner() const { return owner_; }

 private:
  void* Lock(LockMode mode);
  void Unlock();

  const Library& library_;
  size_t bytes_;
  SharedHandle handle_;
  const Unit* owner_;
};

}  // namespace syncnas::litert

#endif  // SYNCNAS_RUNNER_ENGINES_LITERT_BUFFER_H_
