#ifndef SYNCNAS_RUNNER_ENGINES_PROGRAM_CACHE_H_
#define SYNCNAS_RUNNER_ENGINES_PROGRAM_CACHE_H_

#include <optional>
#include <set>
#include <string>

#include "base/files.h"
#include "protocol/unit_spec.h"

namespace syncnas {

// The keys of the models that a unit has created.
using CompiledKeys = std::set<std::string>;

// Where a GPU's runtime keeps the programs that it has compiled for a model: a folder of the phase. Compiling OpenCL
// takes up to a second a model, and tuning may choose other kernels each time: so that is done once, and all visits are
// of one and the same program.
class ProgramCache {
 public:
  // `unit.program_cache` empty: nothing is kept. Makes the folder. Throws Failure where it cannot be made.
  ProgramCache(const UnitSpec& unit, const FilePath& model, const CompiledKeys& compiled = {});

  [[nodiscard]] bool IsOn() const { return !folder_.empty(); }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  // Tells apart models, by their file, its size and its time, and what they are compiled for.
  [[nodiscard]] const std::string& key() const { return key_; }
  // Whether the runtime has the programs at hand: the unit has created this model before, or the folder has a file of
  // that key. Runtimes keep programs in memory as well, and write them when they like (the WebGPU accelerator of LiteRT
  // 2.3.0: at the second creation). Nothing where none are kept.
  [[nodiscard]] std::optional<bool> had_programs() const { return had_programs_; }

 private:
  std::string folder_;
  std::string key_;
  std::optional<bool> had_programs_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_ENGINES_PROGRAM_CACHE_H_
