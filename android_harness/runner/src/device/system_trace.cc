#include "device/system_trace.h"

#include <dlfcn.h>

#include <algorithm>

namespace syncnas {

SystemTrace::SystemTrace(const std::string& library) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return;
  }
  void* is_enabled = dlsym(handle, "ATrace_isEnabled");
  void* begin_section = dlsym(handle, "ATrace_beginSection");
  void* end_section = dlsym(handle, "ATrace_endSection");
  if (is_enabled == nullptr || begin_section == nullptr || end_section == nullptr) {
    return;
  }
  is_enabled_ = reinterpret_cast<bool (*)()>(is_enabled);
  begin_section_ = reinterpret_cast<void (*)(const char*)>(begin_section);
  end_section_ = reinterpret_cast<void (*)()>(end_section);
}

std::string SectionName(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char character) { return static_cast<unsigned char>(character) < ' '; }, ' ');
  return name;
}

}  // namespace syncnas
