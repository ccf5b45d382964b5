#ifndef SYNCNAS_RUNNER_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
#define SYNCNAS_RUNNER_TESTS_SUPPORT_TEMPORARY_FOLDER_H_

#include <string>

namespace syncnas::test {

// A folder that is gone when the test is over.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  // Writes a file, and the folders that it lies in, and returns its full path.
  // NOLINTNEXTLINE(modernize-use-nodiscard): mostly written for its effect
  std::string Write(const std::string& name, const std::string& content) const;
  [[nodiscard]] std::string Read(const std::string& name) const;

 private:
  std::string path_;
};

}  // namespace syncnas::test

#endif  // SYNCNAS_RUNNER_TESTS_SUPPORT_TEMPORARY_FOLDER_H_
