#include "engines/classic/interpreter.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/failure.h"

namespace syncnas::classic {

namespace {

constexpr size_t kLongestReason = 500;

}  // namespace

void ErrorLog::Report(void* log, const char* format, va_list arguments) {
  char text[kLongestReason];
  if (std::vsnprintf(text, sizeof text, format, arguments) < 0) {
    return;
  }
  std::string words = text;
  std::replace(words.begin(), words.end(), '\n', ' ');
  words.erase(words.find_last_not_of(" .") + 1);
  std::string& said = static_cast<ErrorLog*>(log)->said_;
  if (!words.empty() && said.size() < kLongestReason) {
    said += (said.empty() ? ": " : "; ") + words;
  }
}

std::string ErrorLog::Take() { return std::exchange(said_, ""); }

Interpreter::Interpreter(const Library& library, const GpuLibrary* gpu, const UnitSpec& unit, const FilePath& path,
                         ProgramCache cache)
    : library_(library),
      model_(nullptr, library.ModelDelete),
      cache_(std::move(cache)),
      interpreter_(nullptr, library.InterpreterDelete) {
  // First, because the runtime would not say why a file cannot be read.
  CheckReadable(path);
  model_.reset(library_.ModelCreateFromFile(path.full.c_str()));
  if (model_ == nullptr) {
    throw Failure("TFLite cannot read " + path.shown + " as a model");
  }
  Create(gpu, unit, path);
  if (library_.InterpreterAllocateTensors(interpreter_.get()) != kOk) {
    throw Failure("TFLite cannot allocate the tensors of " + path.shown + " on a " + Title(unit) + " unit" + errors_.Take());
  }
}

void Interpreter::Create(const GpuLibrary* gpu, const UnitSpec& unit, const FilePath& path) {
  const Owned<OptionsHandle> options(library_.InterpreterOptionsCreate(), library_.InterpreterOptionsDelete);
  library_.InterpreterOptionsSetNumThreads(options.get(), unit.threads);
  library_.InterpreterOptionsSetErrorReporter(options.get(), &ErrorLog::Report, &errors_);
  if (unit.kind != UnitKind::kCpu) {
    accelerator_ = std::make_unique<Accelerator>(library_, gpu, unit, cache_, options.get());
  }
  interpreter_.reset(library_.InterpreterCreate(model_.get(), options.get()));
  if (interpreter_ == nullptr) {
    throw Failure("TFLite cannot make " + path.shown + " ready for a " + Title(unit) + " unit" + errors_.Take());
  }
}

void Interpreter::Invoke() {
  if (library_.InterpreterInvoke(interpreter_.get()) != kOk) {
    throw Failure("TFLite cannot run the model" + errors_.Take());
  }
}

}  // namespace syncnas::classic
