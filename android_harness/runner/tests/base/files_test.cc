#include "base/files.h"

#include <string>

#include "base/storage_error.h"
#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

TEST(FilesAreToldApart) {
  const test::TemporaryFolder folder;
  const std::string path = folder.Write("f", "abc");
  CHECK_EQUAL(ReadFile({"f", path}, 3), "abc");
  CHECK_FAILS(ReadFile({"f", path}, 2), "cannot read f: it has more than 2 bytes");
  CHECK_FAILS(ReadFile({"g", folder.path() + "/g"}, 2), "cannot read g: No such file or directory");
  CHECK_FAILS(ReadFile({"d", folder.path()}, 2), "cannot read d: it is not a file");
  CHECK_FAILS(WriteFile({"d", folder.path()}, "x", 1), "cannot write d: Is a directory");
  CHECK_EQUAL(FileSize({"f", path}), 3);
  CHECK_EQUAL(FolderOf("a/b.json"), "a");
  CHECK_EQUAL(FolderOf("b.json"), ".");
  CHECK_EQUAL(FolderOf("/b.json"), "/");
  CHECK_EQUAL(InFolder("d", "x").full, "d/x");
  CHECK_EQUAL(InFolder("d", "/x").full, "/x");
}

TEST(FullStorageIsToldFromOtherFailures) {
  std::string said;
  try {
    WriteFile({"full", "/dev/full"}, "x", 1);
  } catch (const StorageError& error) {
    said = error.what();
  }
  CHECK_EQUAL(said, "cannot write full: No space left on device");
}

}  // namespace
}  // namespace syncnas
