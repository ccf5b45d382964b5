#ifndef SYNCNAS_RUNNER_BASE_FAILURE_H_
#define SYNCNAS_RUNNER_BASE_FAILURE_H_

#include <stdexcept>
#include <string>

namespace syncnas {

// Something that the user, the device or the runtime did not allow. what() is a sentence that says what was wrong and
// where; it ends up, unchanged, in the journal or on the standard error output. It may quote what stands in files, so
// that of a very long one only the two ends are kept.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& sentence) : std::runtime_error(Shortened(sentence)) {}

 private:
  static std::string Shortened(const std::string& sentence);
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_FAILURE_H_
