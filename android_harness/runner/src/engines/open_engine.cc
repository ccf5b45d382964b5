#include "engines/open_engine.h"

#include "base/failure.h"
#include "engines/classic/engine.h"
#include "engines/litert/engine.h"

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
