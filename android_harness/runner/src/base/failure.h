#ifndef SYNCNAS_RUNNER_BASE_FAILURE_H_
#define SYNCNAS_RUNNER_BASE_FAILURE_H_

#include <stdexcept>
#include <string>

namespace syncnas {

// Something that the user, the device or the runtime did not allow. what() is a sentence that says what was wrong and
// where; it ends up, unchanged, in the journal or on the standard error output.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& sentence) : std::runtime_error(sentence) {}
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_FAILURE_H_
