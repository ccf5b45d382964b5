#ifndef SYNCNAS_RUNNER_ENGINES_SHARED_LIBRARY_H_
#define SYNCNAS_RUNNER_ENGINES_SHARED_LIBRARY_H_

#include <string>

#include "base/files.h"

namespace syncnas {

// A runtime's library, loaded. It stays loaded until the process ends: the runtime leaves threads and thread-local data
// behind that need its code.
class SharedLibrary {
 public:
  // Throws Failure where the file cannot be read or is no library.
  explicit SharedLibrary(const FilePath& path);

  // "libLiteRt.so, 8039424 bytes, fnv1a64 0123456789abcdef": its bytes tell apart what versions do not.
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }

  // Null where the library has no function of that name.
  [[nodiscard]] void* Find(const char* function) const;
  // Throws Failure where the library has none; `what` says what it then is not, e.g. "a LiteRT library".
  [[nodiscard]] void* Require(const char* function, const char* what) const;

 private:
  std::string shown_;
  std::string fingerprint_;
  void* handle_ = nullptr;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_ENGINES_SHARED_LIBRARY_H_
