#ifndef SYNCNAS_RUNNER_ENGINES_OPEN_ENGINE_H_
#define SYNCNAS_RUNNER_ENGINES_OPEN_ENGINE_H_

#include <memory>
#include <set>
#include <string>

#include "engines/engine.h"

namespace syncnas {

// The EngineOpener of the real runtimes.
std::unique_ptr<Engine> OpenEngine(const std::string& name, const RuntimePaths& runtime,
                                   const std::set<UnitKind>& kinds);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_ENGINES_OPEN_ENGINE_H_
