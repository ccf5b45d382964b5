#ifndef SYNCNAS_RUNNER_BASE_STORAGE_ERROR_H_
#define SYNCNAS_RUNNER_BASE_STORAGE_ERROR_H_

#include <stdexcept>
#include <string>

namespace syncnas {

// The storage is full or broken. That is the fault of no job, and nothing that is measured from here on could be kept,
// so the phase ends.
class StorageError : public std::runtime_error {
 public:
  explicit StorageError(const std::string& sentence) : std::runtime_error(sentence) {}
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_STORAGE_ERROR_H_
