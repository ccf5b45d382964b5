#ifndef SYNCNAS_RUNNER_ENGINES_CLASSIC_LIBRARY_H_
#define SYNCNAS_RUNNER_ENGINES_CLASSIC_LIBRARY_H_

#include <string>

#include "base/files.h"
#include "engines/classic/abi.h"

namespace syncnas::classic {

// One pointer per function, e.g. `library.InterpreterCreate(...)`.
#define SYNCNAS_CLASSIC_MEMBER(result, name, parameters) result(*name) parameters = nullptr;

// A loaded library with TFLite's C interface (Android: libtensorflowlite_jni.so).
class Library {
 public:
  // Throws Failure where the file is no library, or has no such interface.
  explicit Library(const FilePath& path);

  // "TFLite 2.14.1, libtensorflowlite_jni.so, 4493448 bytes, fnv1a64 0123456789abcdef"
  [[nodiscard]] const std::string& description() const { return description_; }

  // Return whether it can be told how to use NNAPI, or at least has a switch. Without either the functions are null.
  [[nodiscard]] bool has_nnapi_delegate() const { return NnapiDelegateCreate != nullptr; }
  [[nodiscard]] bool has_nnapi_switch() const { return InterpreterOptionsSetUseNNAPI != nullptr; }

  SYNCNAS_CLASSIC_FUNCTIONS(SYNCNAS_CLASSIC_MEMBER)
  SYNCNAS_CLASSIC_NNAPI_FUNCTIONS(SYNCNAS_CLASSIC_MEMBER)

 private:
  std::string description_;
};

// A loaded library with TFLite's GPU delegate (Android: libtensorflowlite_gpu_jni.so).
class GpuLibrary {
 public:
  // Throws Failure where the file is no library, or has no GPU delegate.
  explicit GpuLibrary(const FilePath& path);

  // "libtensorflowlite_gpu_jni.so, 2031616 bytes, fnv1a64 0123456789abcdef"
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }

  SYNCNAS_CLASSIC_GPU_FUNCTIONS(SYNCNAS_CLASSIC_MEMBER)

 private:
  std::string fingerprint_;
};

#undef SYNCNAS_CLASSIC_MEMBER

}  // namespace syncnas::classic

#endif  // SYNCNAS_RUNNER_ENGINES_CLASSIC_LIBRARY_H_
