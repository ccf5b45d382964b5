#ifndef SYNCNAS_RUNNER_ENGINES_CLASSIC_ACCELERATOR_H_
#define SYNCNAS_RUNNER_ENGINES_CLASSIC_ACCELERATOR_H_

#include "engines/classic/abi.h"
#include "engines/classic/inspector.h"
#include "engines/classic/library.h"
#include "engines/classic/owned.h"
#include "engines/program_cache.h"
#include "protocol/unit_spec.h"

namespace syncnas::classic {

// Throws Failure where the library cannot drive the unit in the way that its spec says. `gpu` may be null.
void CheckUnit(const Library& library, const GpuLibrary* gpu, const UnitSpec& unit);

// Makes one interpreter run on a GPU or by NNAPI, and sees whether it does. Must outlive the interpreter.
class Accelerator {
 public:
  // For a unit other than a CPU that CheckUnit allows; adds itself to the interpreter's options. The cache must outlive
  // it as well.
  Accelerator(const Library& library, const GpuLibrary* gpu, const UnitSpec& unit, const ProgramCache& cache,
              OptionsHandle* options);

  // Known once the interpreter is created.
  [[nodiscard]] bool took_all() const { return inspector_.saw_all_taken(); }

 private:
  Owned<Delegate> delegate_;
  Inspector inspector_;
};

}  // namespace syncnas::classic

#endif  // SYNCNAS_RUNNER_ENGINES_CLASSIC_ACCELERATOR_H_
