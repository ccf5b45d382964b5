#ifndef SYNCNAS_RUNNER_ENGINES_CLASSIC_INSPECTOR_H_
#define SYNCNAS_RUNNER_ENGINES_CLASSIC_INSPECTOR_H_

#include <string>

#include "engines/classic/abi.h"

namespace syncnas::classic {

// Sees what an accelerator took of a model. TFLite leaves to the CPU whatever an accelerator does not take, the whole
// model if need be, and says nothing. The inspector is a delegate that is applied after the accelerator's: it reads the
// graphs as they are then, and takes nothing itself. TFLite's own CPU delegate comes later, when tensors are allocated.
class Inspector {
 public:
  // `accelerator` is how the accelerator's delegate names itself.
  explicit Inspector(std::string accelerator);
  ~Inspector() = default;
  Inspector(const Inspector&) = delete;
  Inspector& operator=(const Inspector&) = delete;

  // To be added to an interpreter's options as the last one. Must outlive the interpreter.
  [[nodiscard]] Delegate* delegate() { return &delegate_; }

  // Returns whether every operation of every graph runs on the accelerator. False also where the inspector was not
  // asked or could not look.
  [[nodiscard]] bool saw_all_taken() const { return taken_ > 0 && left_ == 0; }

 private:
  static Status Prepare(Context* context, Delegate* delegate);
  void Look(Context* context);
  [[nodiscard]] bool IsTaken(const Registration& registration) const;

  const std::string accelerator_;
  Delegate delegate_{};
  int taken_ = 0;
  // Counts the operations that were left to the CPU, and the graphs that could not be read.
  int left_ = 0;
};

}  // namespace syncnas::classic

#endif  // SYNCNAS_RUNNER_ENGINES_CLASSIC_INSPECTOR_H_
