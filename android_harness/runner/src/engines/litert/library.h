#ifndef SYNCNAS_RUNNER_ENGINES_LITERT_LIBRARY_H_
#define SYNCNAS_RUNNER_ENGINES_LITERT_LIBRARY_H_

#include <string>

#include "base/files.h"
#include "engines/litert/abi.h"

namespace syncnas::litert {

// A loaded libLiteRt.so.
class Library {
 public:
  // Throws Failure where the file is no library, or one whose interface is older than what abi.h declares.
  explicit Library(const FilePath& path);

  // The SharedLibrary's: the library tells no version.
  [[nodiscard]] const std::string& fingerprint() const { return fingerprint_; }

  // One pointer per function, e.g. `library.CreateEnvironment(...)`.
#define SYNCNAS_LITERT_MEMBER(name, parameters) Status(*name) parameters = nullptr;
  SYNCNAS_LITERT_FUNCTIONS(SYNCNAS_LITERT_MEMBER)
#undef SYNCNAS_LITERT_MEMBER

 private:
  std::string fingerprint_;
};

}  // namespace syncnas::litert

#endif  // SYNCNAS_RUNNER_ENGINES_LITERT_LIBRARY_H_
