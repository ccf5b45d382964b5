#include "engines/program_cache.h"

#include <dirent.h>
#include <sys/stat.h>

#include <cerrno>
#include <memory>

#include "base/failure.h"
#include "base/fingerprint.h"

namespace syncnas {

namespace {

std::string KeyOf(const UnitSpec& unit, const FilePath& model) {
  struct stat file {};
  if (stat(model.full.c_str(), &file) != 0) {
    return "";
  }
  const std::string said = model.full + ' ' + std::to_string(file.st_size) + ' ' + std::to_string(file.st_mtim.tv_sec) +
                           '.' + std::to_string(file.st_mtim.tv_nsec) + ' ' + unit.engine + ' ' +
                           std::to_string(static_cast<int>(unit.precision)) + ' ' + Name(unit.backend);
  return Hex64(Fnv1a64(said.data(), said.size()));
}

bool HasFileOf(const std::string& key, const std::string& folder) {
  const auto close_folder = [](DIR* opened) { closedir(opened); };
  const std::unique_ptr<DIR, decltype(close_folder)> opened(opendir(folder.c_str()), close_folder);
  if (opened == nullptr) {
    return false;
  }
  while (const dirent* entry = readdir(opened.get())) {  // NOLINT(concurrency-mt-unsafe): the folder is ours alone
    if (std::string(entry->d_name).find(key) != std::string::npos) {
      return true;
    }
  }
  return false;
}

}  // namespace

ProgramCache::ProgramCache(const UnitSpec& unit, const FilePath& model, const CompiledKeys& compiled)
    : folder_(unit.program_cache) {
  if (!IsOn()) {
    return;
  }
  if (mkdir(folder_.c_str(), 0755) != 0 && errno != EEXIST) {
    throw Failure("cannot make the folder of compiled programs " + folder_ + ": " + ErrorText(errno));
  }
  key_ = KeyOf(unit, model);
  if (key_.empty()) {
    folder_.clear();
  } else {
    had_programs_ = compiled.count(key_) != 0 || HasFileOf(key_, folder_);
  }
}

}  // namespace syncnas
