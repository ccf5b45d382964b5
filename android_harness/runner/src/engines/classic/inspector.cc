#include "engines/classic/inspector.h"

#include <utility>

namespace syncnas::classic {

Inspector::Inspector(std::string accelerator) : accelerator_(std::move(accelerator)) {
  delegate_.data = this;
  delegate_.Prepare = &Inspector::Prepare;
  delegate_.flags = kAllowDynamicTensors;
}

Status Inspector::Prepare(Context* context, Delegate* delegate) {
  static_cast<Inspector*>(delegate->data)->Look(context);
  return kOk;
}

void Inspector::Look(Context* context) {
  IntArray* plan = nullptr;
  if (context->GetExecutionPlan(context, &plan) != kOk || plan == nullptr) {
    ++left_;
    return;
  }
  const int* nodes = plan->data;
  for (int i = 0; i < plan->size; ++i) {
    Node* node = nullptr;
    Registration* registration = nullptr;
    const Status status = context->GetNodeAndRegistration(context, nodes[i], &node, &registration);
    const bool taken = status == kOk && registration != nullptr && IsTaken(*registration);
    ++(taken ? taken_ : left_);
  }
}

bool Inspector::IsTaken(const Registration& registration) const {
  // Compared by name, because old versions apply the CPU delegate before all others.
  return registration.builtin_code == kBuiltinDelegate && registration.custom_name != nullptr &&
         registration.custom_name == accelerator_;
}

}  // namespace syncnas::classic
