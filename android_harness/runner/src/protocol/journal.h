#ifndef SYNCNAS_RUNNER_PROTOCOL_JOURNAL_H_
#define SYNCNAS_RUNNER_PROTOCOL_JOURNAL_H_

#include <string>

#include "base/storage_error.h"

namespace syncnas {

// The journal cannot be written.
class JournalError : public StorageError {
 public:
  explicit JournalError(const std::string& sentence) : StorageError(sentence) {}
};

// JSON lines to a file or a pipe, each in one write(2), so that a process that dies leaves at most one line cut off.
class Journal {
 public:
  // Takes over the descriptor and closes it at the end.
  explicit Journal(int descriptor) : descriptor_(descriptor) {}
  ~Journal();
  Journal(Journal&& other) noexcept;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  Journal& operator=(Journal&&) = delete;

  // Appends to the file. A last line that an earlier process left cut off is ended first, so that it spoils no other.
  static Journal AppendTo(const std::string& path);

  // `line` without its line break. Throws JournalError.
  void Write(std::string line) const;

 private:
  int descriptor_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_PROTOCOL_JOURNAL_H_
