#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <array>
#include <system_error>

#include "base/descriptor.h"
#include "base/failure.h"
#include "base/storage_error.h"

namespace syncnas {

namespace {

std::string Refusal(const char* verb, const FilePath& path, int error) {
  return std::string("cannot ") + verb + " " + path.shown + ": " + ErrorText(error);
}

[[noreturn]] void RefuseReading(const FilePath& path, int error) { throw Failure(Refusal("read", path, error)); }

[[noreturn]] void RefuseWriting(const FilePath& path, int error) {
  if (error == ENOSPC || error == EDQUOT || error == EIO || error == EROFS) {
    throw StorageError(Refusal("write", path, error));
  }
  throw Failure(Refusal("write", path, error));
}

struct stat StatusOf(const FilePath& path) {
  struct stat status {};
  if (stat(path.full.c_str(), &status) != 0) {
    RefuseReading(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw Failure("cannot read " + path.shown + ": it is not a file");
  }
  return status;
}

}  // namespace

std::string ErrorText(int error) { return std::generic_category().message(error); }

FilePath InFolder(const std::string& folder, const std::string& path) {
  if (!path.empty() && path.front() == '/') {
    return {path, path};
  }
  return {path, folder + "/" + path};
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool StaysInside(const std::string& path) {
  const std::string bounded = "/" + path + "/";
  return !path.empty() && path.front() != '/' && bounded.find("/../") == std::string::npos;
}

std::string ReadFile(const FilePath& path, size_t most_bytes) {
  StatusOf(path);
  const Descriptor file(open(path.full.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) {
    RefuseReading(path, errno);
  }
  std::string content;
  std::array<char, 65536> chunk;
  while (true) {
    const ssize_t got = read(file.number(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      RefuseReading(path, errno);
    }
    if (got == 0) {
      return content;
    }
    content.append(chunk.data(), static_cast<size_t>(got));
    if (content.size() > most_bytes) {
      throw Failure("cannot read " + path.shown + ": it has more than " + std::to_string(most_bytes) + " bytes");
    }
  }
}

void CheckReadable(const FilePath& path) {
  StatusOf(path);
  const Descriptor file(open(path.full.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) {
    RefuseReading(path, errno);
  }
}

int64_t FileSize(const FilePath& path) { return StatusOf(path).st_size; }

void WriteFile(const FilePath& path, const void* data, size_t bytes) {
  Descriptor file(open(path.full.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.number() < 0) {
    RefuseWriting(path, errno);
  }
  if (!WriteFully(file.number(), {static_cast<const char*>(data), bytes}) || file.Close() != 0) {
    RefuseWriting(path, errno);
  }
}

bool WriteFully(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(descriptor, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

}  // namespace syncnas
