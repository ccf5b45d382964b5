#include "engines/litert/library.h"

#include "base/failure.h"
#include "engines/shared_library.h"

namespace syncnas::litert {

Library::Library(const FilePath& path) {
  const SharedLibrary library(path);
  // Before 2.1.6 CreateModelFromFile took no environment; calling it with one would crash. This function came with the
  // change.
  if (library.Find("LiteRtCreateModelFromFd") == nullptr) {
    throw Failure(path.shown + " is not LiteRT 2.1.6 or newer, which this runner needs");
  }
  fingerprint_ = library.fingerprint();
#define SYNCNAS_LITERT_LOAD(name, parameters) \
  (name) = reinterpret_cast<Status(*) parameters>(library.Require("LiteRt" #name, "a LiteRT library"));
  SYNCNAS_LITERT_FUNCTIONS(SYNCNAS_LITERT_LOAD)
#undef SYNCNAS_LITERT_LOAD
}

}  // namespace syncnas::litert
