#include "engines.h"

#include "classic_engine.h"
#include "failure.h"
#include "litert_engine.h"

namespace syncnas {

std::unique_ptr<Engine> OpenEngine(const std::string& name, const RuntimePaths& runtime,
                                   const std::set<UnitKind>& kinds) {
  if (name == "litert") {
    return OpenLiteRt(runtime.at(name), kinds);
  }
  if (name == "classic") {
    return OpenClassic(runtime, kinds);
  }
  throw Failure("there is no engine \"" + name + "\"");
}

}  // namespace syncnas
