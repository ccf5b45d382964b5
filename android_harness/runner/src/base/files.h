#ifndef SYNCNAS_RUNNER_BASE_FILES_H_
#define SYNCNAS_RUNNER_BASE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace syncnas {

// A path as the user wrote it, for messages, and as this process opens it.
struct FilePath {
  std::string shown;
  std::string full;
};

// `path` as seen from `folder`; an absolute path stays what it is.
FilePath InFolder(const std::string& folder, const std::string& path);

// The folder that a file lies in: "a/b.json" -> "a", "b.json" -> ".".
std::string FolderOf(const std::string& path);

// Returns whether a path is relative and has no ".." parts, so that it cannot lead out of its folder.
bool StaysInside(const std::string& path);

// All throw Failure: "cannot read models/x.tflite: No such file or directory".
std::string ReadFile(const FilePath& path, size_t most_bytes);
void CheckReadable(const FilePath& path);
int64_t FileSize(const FilePath& path);
// Throws StorageError if the storage is full or broken.
void WriteFile(const FilePath& path, const void* data, size_t bytes);

// Writes everything, through interruptions and partial writes. False with errno set when it cannot.
bool WriteFully(int descriptor, std::string_view text);

// strerror's text in a thread-safe way.
std::string ErrorText(int error);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_FILES_H_
