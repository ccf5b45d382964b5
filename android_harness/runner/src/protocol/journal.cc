#include "protocol/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <utility>

#include "base/files.h"

namespace syncnas {

namespace {

[[noreturn]] void RefuseToWrite(const std::string& what) {
  throw JournalError("the journal cannot be written: " + what + ErrorText(errno));
}

bool EndsInsideALine(int descriptor) {
  const off_t size = lseek(descriptor, 0, SEEK_END);
  char last = '\n';
  return size > 0 && pread(descriptor, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

Journal::~Journal() {
  if (descriptor_ >= 0) {
    close(descriptor_);
  }
}

Journal::Journal(Journal&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Journal Journal::AppendTo(const std::string& path) {
  // A pipe or a device may not be readable; then there is no earlier line to look at either.
  int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    descriptor = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  }
  if (descriptor < 0) {
    RefuseToWrite(path + ": ");
  }
  Journal journal(descriptor);
  if (EndsInsideALine(descriptor) && !WriteFully(descriptor, "\n")) {
    RefuseToWrite("");
  }
  return journal;
}

void Journal::Write(std::string line) const {
  line += '\n';
  if (!WriteFully(descriptor_, line)) {
    RefuseToWrite("");
  }
}

}  // namespace syncnas
