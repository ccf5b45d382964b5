#ifndef SYNCNAS_RUNNER_ENGINES_LITERT_ENGINE_H_
#define SYNCNAS_RUNNER_ENGINES_LITERT_ENGINE_H_

#include <memory>
#include <set>

#include "engines/engine.h"

namespace syncnas {

// LiteRT's CompiledModel interface: CPU units (XNNPACK) and GPU units (whichever GPU accelerator lies beside the
// library). One environment serves all units of the process.
std::unique_ptr<Engine> OpenLiteRt(const FilePath& library, const std::set<UnitKind>& kinds);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_ENGINES_LITERT_ENGINE_H_
