#include "engines/litert/buffer.h"

#include <cstring>

#include <string>
#include <utility>

#include "base/failure.h"

namespace syncnas::litert {

RankedTensorType ToLiteRt(const TensorType& type) {
  RankedTensorType result{};
  result.element = static_cast<int32_t>(type.element);
  result.layout.rank = static_cast<uint32_t>(type.dims.size()) & 0x7F;
  for (size_t i = 0; i < type.dims.size(); ++i) {
    result.layout.dims[i] = static_cast<int32_t>(type.dims[i]);
  }
  return result;
}

TensorType FromLiteRt(int32_t element, const Layout& layout) {
  TensorType type;
  type.element = ElementOf(element);
  if (layout.rank > kMostDimensions) {
    throw Failure("a tensor has " + std::to_string(layout.rank) + " dimensions; the runner knows up to " +
                  std::to_string(kMostDimensions));
  }
  for (size_t i = 0; i < layout.rank; ++i) {
    if (layout.dims[i] < 1) {
      throw Failure("dimension " + std::to_string(i) + " of a tensor has no fixed size");
    }
    type.dims.push_back(layout.dims[i]);
  }
  return type;
}

std::string BufferKind(int type) {
  switch (type) {
    case kHostMemory:
      return "host";
    case kAhwb:
      return "ahwb";
    case kDmaBuf:
      return "dma";
    case kGlBuffer:
      return "gl";
    case kOpenCl:
      return "opencl";
    case kOpenClPacked:
      return "opencl-packed";
    case kWebGpu:
      return "webgpu";
    case kWebGpuTexture:
      return "webgpu-texture";
    case kWebGpuPacked:
      return "webgpu-packed";
    default:
      return "kind-" + std::to_string(type);
  }
}

HostBuffer::HostBuffer(const Library& library, const TensorType& type, std::shared_ptr<AlignedMemory> memory)
    : memory_(std::move(memory)), bytes_(type.Bytes()), handle_(library, &Library::DestroyTensorBuffer) {
  const RankedTensorType litert_type = ToLiteRt(type);
  Check(
      library.CreateTensorBufferFromHostMemory(&litert_type, memory_->data(), memory_->bytes(), nullptr, handle_.out()),
      "wrap host memory as a buffer");
}

void HostBuffer::Write(const void* source) { std::memcpy(memory_->data(), source, bytes_); }

void HostBuffer::Read(void* destination) { std::memcpy(destination, memory_->data(), bytes_); }

ManagedBuffer::ManagedBuffer(const Library& library, const TensorType& type, SharedHandle handle, const Unit* owner)
    : library_(library), bytes_(type.Bytes()), handle_(std::move(handle)), owner_(owner) {}

void ManagedBuffer::Write(const void* source) {
  std::memcpy(Lock(kLockWrite), source, bytes_);
  Unlock();
}

void ManagedBuffer::Read(void* destination) {
  std::memcpy(destination, Lock(kLockRead), bytes_);
  Unlock();
}

void* ManagedBuffer::Lock(LockMode mode) {
  void* memory = nullptr;
  Check(library_.LockTensorBuffer(handle_->get(), &memory, mode), "lock a buffer");
  return memory;
}

void ManagedBuffer::Unlock() { Check(library_.UnlockTensorBuffer(handle_->get()), "unlock a buffer"); }

}  // namespace syncnas::litert
