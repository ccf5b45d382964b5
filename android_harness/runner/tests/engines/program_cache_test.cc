#include "engines/program_cache.h"

#include <sys/stat.h>

#include <string>

#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

UnitSpec Gpu(const std::string& folder) {
  UnitSpec unit;
  unit.kind = UnitKind::kGpu;
  unit.engine = "litert";
  unit.program_cache = folder;
  return unit;
}

TEST(ProgramsAreKeptWhereThePhaseSaysSo) {
  const test::TemporaryFolder folder;
  folder.Write("m.tflite", "model");
  const FilePath model{"m.tflite", folder.path() + "/m.tflite"};
  CHECK(!ProgramCache(Gpu(""), model).IsOn());
  CHECK(!ProgramCache(Gpu(""), model).had_programs());
  const ProgramCache cache(Gpu(folder.path() + "/programs"), model);
  CHECK(cache.IsOn());
  CHECK(cache.had_programs() == false);
  CHECK(ProgramCache(Gpu(folder.path() + "/programs"), model, {cache.key()}).had_programs() == true);
  folder.Write("programs/" + cache.key() + "_mldrift_program_cache.bin", "x");
  CHECK(ProgramCache(Gpu(folder.path() + "/programs"), model).had_programs() == true);
  CHECK_FAILS(ProgramCache(Gpu(folder.path() + "/m.tflite/x"), model), "cannot make the folder");
}

TEST(ProgramsOfAnotherModelBackendOrPrecisionAreOthers) {
  const test::TemporaryFolder folder;
  folder.Write("m.tflite", "model");
  folder.Write("n.tflite", "model");
  const FilePath model{"m.tflite", folder.path() + "/m.tflite"};
  const UnitSpec unit = Gpu(folder.path() + "/programs");
  const std::string key = ProgramCache(unit, model).key();
  CHECK_EQUAL(ProgramCache(unit, model).key(), key);
  CHECK(ProgramCache(unit, {"n.tflite", folder.path() + "/n.tflite"}).key() != key);
  UnitSpec other = unit;
  other.backend = GpuBackend::kOpenGl;
  CHECK(ProgramCache(other, model).key() != key);
  other = unit;
  other.precision = Precision::kFp16;
  CHECK(ProgramCache(other, model).key() != key);
  folder.Write("m.tflite", "another model");
  CHECK(ProgramCache(unit, model).key() != key);
  // A model that is not there is for the runtime to complain about.
  CHECK(!ProgramCache(unit, {"gone", folder.path() + "/gone"}).IsOn());
}

}  // namespace
}  // namespace syncnas
