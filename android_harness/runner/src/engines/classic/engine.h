#ifndef SYNCNAS_RUNNER_ENGINES_CLASSIC_ENGINE_H_
#define SYNCNAS_RUNNER_ENGINES_CLASSIC_ENGINE_H_

#include <memory>
#include <set>

#include "engines/engine.h"

namespace syncnas {

// Classic TFLite: CPU units, GPU units by the GPU delegate (a library of its own), and NNAPI. Tensors are host memory
// in each model's own arena: what a unit hands to itself is copied within the unit, and no two units see the same
// memory.
std::unique_ptr<Engine> OpenClassic(const RuntimePaths& runtime, const std::set<UnitKind>& kinds);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_ENGINES_CLASSIC_ENGINE_H_
