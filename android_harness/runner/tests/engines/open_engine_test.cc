#include <string>

#include "engines/classic/engine.h"
#include "engines/open_engine.h"
#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

void Open(const RuntimePaths& paths) { OpenEngine("classic", paths, {UnitKind::kCpu}); }

TEST(WhatIsNoClassicLibraryIsRefused) {
  const test::TemporaryFolder folder;
  const std::string text = folder.Write("libtext.so", "not a library");
  CHECK_FAILS(Open({{"classic", {"libgone.so", folder.path() + "/libgone.so"}}}), "libgone.so");
  CHECK_FAILS(Open({{"classic", {"libtext.so", text}}}), "libtext.so");
  // A library that every Linux has, and which is none of TFLite's.
  CHECK_FAILS(Open({{"classic", {"libm.so.6", "libm.so.6"}}}), "libm.so.6");
  CHECK_FAILS(OpenEngine("other", {}, {}), "there is no engine \"other\"");
}

}  // namespace
}  // namespace syncnas
