#include "engines/classic/library.h"

#include "engines/shared_library.h"

namespace syncnas::classic {

#define SYNCNAS_CLASSIC_REQUIRE(result, name, parameters) \
  (name) = reinterpret_cast<result(*) parameters>(library.Require("TfLite" #name, kWhat));
#define SYNCNAS_CLASSIC_FIND(result, name, parameters) \
  (name) = reinterpret_cast<result(*) parameters>(library.Find("TfLite" #name));

Library::Library(const FilePath& path) {
  static constexpr const char* kWhat = "a TFLite library";
  const SharedLibrary library(path);
  SYNCNAS_CLASSIC_FUNCTIONS(SYNCNAS_CLASSIC_REQUIRE)
  SYNCNAS_CLASSIC_NNAPI_FUNCTIONS(SYNCNAS_CLASSIC_FIND)
  if (NnapiDelegateOptionsDefault == nullptr || NnapiDelegateDelete == nullptr) {
    NnapiDelegateCreate = nullptr;
  }
  description_ = std::string("TFLite ") + Version() + ", " + library.fingerprint();
}

GpuLibrary::GpuLibrary(const FilePath& path) {
  static constexpr const char* kWhat = "a GPU delegate of TFLite";
  const SharedLibrary library(path);
  SYNCNAS_CLASSIC_GPU_FUNCTIONS(SYNCNAS_CLASSIC_REQUIRE)
  fingerprint_ = library.fingerprint();
}

}  // namespace syncnas::classic
