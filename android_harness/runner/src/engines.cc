#include "engines.h"

#include "failure.h"
#include "litert_engine.h"

namespace syncnas {

std::unique_ptr<Engine> OpenEngine(const std::string& name, const FilePath& library, const std::set<UnitKind>& kinds) {
  if (name == "litert") {
    return OpenLiteRt(library, kinds);
  }
  throw Failure("there is no engine \"" + name + "\"");
}

}  // namespace syncnas
