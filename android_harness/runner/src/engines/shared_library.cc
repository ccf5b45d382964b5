#include "engines/shared_library.h"

#include <dlfcn.h>

#include "base/failure.h"
#include "base/fingerprint.h"

namespace syncnas {

namespace {

constexpr size_t kMostLibraryBytes = size_t{1} << 30;

std::string LastLoaderError() {
  const char* error = dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc and in bionic
  return error == nullptr ? "unknown reason" : error;
}

}  // namespace

SharedLibrary::SharedLibrary(const FilePath& path) : shown_(path.shown) {
  // Reading it first gives a missing file the same plain words as everywhere.
  const std::string content = ReadFile(path, kMostLibraryBytes);
  fingerprint_ = path.full.substr(path.full.rfind('/') + 1) + ", " + std::to_string(content.size()) +
                 " bytes, fnv1a64 " + Hex64(Fnv1a64(content.data(), content.size()));
  handle_ = dlopen(path.full.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    throw Failure("cannot load " + shown_ + ": " + LastLoaderError());
  }
}

void* SharedLibrary::Find(const char* function) const { return dlsym(handle_, function); }

void* SharedLibrary::Require(const char* function, const char* what) const {
  void* found = Find(function);
  if (found == nullptr) {
    throw Failure(shown_ + " has no " + function + ": it is not " + what + " that this runner can use");
  }
  return found;
}

}  // namespace syncnas
