#ifndef SYNCNAS_RUNNER_ENGINES_CLASSIC_INTERPRETER_H_
#define SYNCNAS_RUNNER_ENGINES_CLASSIC_INTERPRETER_H_

#include <cstdarg>

#include <memory>
#include <string>

#include "base/files.h"
#include "engines/classic/abi.h"
#include "engines/classic/accelerator.h"
#include "engines/classic/library.h"
#include "engines/classic/owned.h"
#include "engines/program_cache.h"
#include "protocol/unit_spec.h"

namespace syncnas::classic {

// The runtime's messages about a call that failed. Its calls return no reason: they give it to a callback before.
class ErrorLog {
 public:
  // An error reporter of the runtime's; `log` is the ErrorLog.
  static void Report(void* log, const char* format, va_list arguments);

  // ": what was said first; and next", or nothing where nothing was said. Forgets it.
  std::string Take();

 private:
  std::string said_;
};

// A model made ready to run on one unit, with all its memory.
class Interpreter {
 public:
  // Throws Failure where the file is no model or the unit cannot run it. `gpu` may be null for units of other kinds.
  Interpreter(const Library& library, const GpuLibrary* gpu, const UnitSpec& unit, const FilePath& path,
              ProgramCache cache);
  ~Interpreter() = default;
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  [[nodiscard]] const Library& library() const { return library_; }
  [[nodiscard]] InterpreterHandle* handle() const { return interpreter_.get(); }
  // Returns whether every operation runs where the unit is.
  [[nodiscard]] bool fully_accelerated() const { return accelerator_ == nullptr || accelerator_->took_all(); }

  void Invoke();

 private:
  void Create(const GpuLibrary* gpu, const UnitSpec& unit, const FilePath& path);

  const Library& library_;
  // In this order: the interpreter goes first.
  Owned<ModelHandle> model_;
  // Its texts are lent to the runtime.
  const ProgramCache cache_;
  std::unique_ptr<Accelerator> accelerator_;
  ErrorLog errors_;
  Owned<InterpreterHandle> interpreter_;
};

}  // namespace syncnas::classic

#endif  // SYNCNAS_RUNNER_ENGINES_CLASSIC_INTERPRETER_H_
