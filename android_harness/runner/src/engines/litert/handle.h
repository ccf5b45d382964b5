#ifndef SYNCNAS_RUNNER_ENGINES_LITERT_HANDLE_H_
#define SYNCNAS_RUNNER_ENGINES_LITERT_HANDLE_H_

#include <string>
#include <utility>

#include "base/failure.h"
#include "engines/litert/abi.h"
#include "engines/litert/library.h"

namespace syncnas::litert {

inline void Check(Status status, const char* action) {
  if (status != kOk) {
    throw Failure(std::string("LiteRT cannot ") + action + " (status " + std::to_string(status) + ")");
  }
}

// Owns a LiteRT handle. The library outlives all handles.
template <typename Handle>
class Owned {
 public:
  // E.g. &Library::DestroyModel. Its status is of no use: there is nothing left to do if it fails.
  using Destroy = Status (*Library::*)(Handle*);

  Owned(const Library& library, Destroy destroy) : destroy_(library.*destroy) {}
  ~Owned() {
    if (handle_ != nullptr) {
      destroy_(handle_);
    }
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;

  [[nodiscard]] Handle* get() const { return handle_; }
  // For calls that create the handle.
  [[nodiscard]] Handle** out() { return &handle_; }
  Handle* Release() { return std::exchange(handle_, nullptr); }

 private:
  Status (*destroy_)(Handle*);
  Handle* handle_ = nullptr;
};

}  // namespace syncnas::litert

#endif  // SYNCNAS_RUNNER_ENGINES_LITERT_HANDLE_H_
