#include "litert_library.h"

#include <dlfcn.h>

#include "failure.h"

namespace syncnas::litert {

namespace {

constexpr size_t kMostLibraryBytes = size_t{1} << 30;

std::string LastLoaderError() {
  const char* error = dlerror();  // NOLINT(concurrency-mt-unsafe): per thread in glibc and in bionic
  return error == nullptr ? "unknown reason" : error;
}

void* Symbol(void* library, const FilePath& path, const char* name) {
  void* symbol = dlsym(library, name);
  if (symbol == nullptr) {
    throw Failure(path.shown + " has no " + name + ": it is not a LiteRT library that this runner can use");
  }
  return symbol;
}

}  // namespace

Library::Library(const FilePath& path) {
  // Reading it first gives a missing file the same plain words as everywhere.
  const std::string content = ReadFile(path, kMostLibraryBytes);
  fingerprint_ = path.full.substr(path.full.rfind('/') + 1) + ", " + std::to_string(content.size()) +
                 " bytes, fnv1a64 " + Hex64(Fnv1a64(content.data(), content.size()));

  void* library = dlopen(path.full.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Failure("cannot load " + path.shown + ": " + LastLoaderError());
  }
  // Before 2.1.6 CreateModelFromFile took no environment; calling it with one would crash. This function came with the
  // change.
  if (dlsym(library, "LiteRtCreateModelFromFd") == nullptr) {
    throw Failure(path.shown + " is not LiteRT 2.1.6 or newer, which this runner needs");
  }
#define SYNCNAS_LITERT_LOAD(name, parameters) \
  (name) = reinterpret_cast<Status(*) parameters>(Symbol(library, path, "LiteRt" #name));
  SYNCNAS_LITERT_FUNCTIONS(SYNCNAS_LITERT_LOAD)
#undef SYNCNAS_LITERT_LOAD
}

}  // namespace syncnas::litert
