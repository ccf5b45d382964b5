#include "device/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include <algorithm>
#include <array>
#include <optional>

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/failure.h"
#include "base/files.h"

namespace syncnas {

namespace {

constexpr int64_t kNanosecondsPerMillisecond = 1'000'000;

void Require(const std::string& program, int error) {
  if (error != 0) {
    throw Failure("cannot run " + program + ": " + ErrorText(error));
  }
}

// The settings that a program is started with: in a process group of its own, so that it can be ended together with
// what it started and a Ctrl-C at a terminal does not reach it, and with the usual effect of the signals that the
// runner ignores.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&files_);
    posix_spawnattr_init(&attributes_);
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGHUP);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&files_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  pid_t Start(const std::vector<std::string>& command, int output) {
    const std::string& program = command.front();
    Require(program, posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
    Require(program, posix_spawn_file_actions_addopen(&files_, STDERR_FILENO, "/dev/null", O_WRONLY, 0));
    Require(program, posix_spawn_file_actions_adddup2(&files_, output, STDOUT_FILENO));
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& argument : command) {
      // The arguments are not changed; posix_spawn is only declared so.
      arguments.push_back(const_cast<char*>(argument.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }
    arguments.push_back(nullptr);
    pid_t pid = 0;
    Require(program, posix_spawn(&pid, program.c_str(), &files_, &attributes_, arguments.data(), environ));
    return pid;
  }

 private:
  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

// A program that is running; ended on every way out but WaitUntil's.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() {
    if (pid_ > 0) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The status in waitpid's form; nothing if it is still running then.
  std::optional<int> WaitUntil(int64_t deadline) {
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (NowNs() >= deadline) {
        return std::nullopt;
      }
      SleepNs(kNanosecondsPerMillisecond);
    }
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_;
};

// Reads until the other end is closed; throws where that takes too long or is too much.
std::string ReadUntil(int64_t deadline, const Descriptor& pipe_end, const std::string& program, size_t most_bytes) {
  std::string output;
  std::array<char, 4096> chunk;
  while (true) {
    const int64_t left_ms = std::max<int64_t>(deadline - NowNs(), 0) / kNanosecondsPerMillisecond;
    pollfd wanted{pipe_end.number(), POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(left_ms));
    if (ready == 0) {
      throw Failure(program + " takes too long");
    }
    const ssize_t got = ready < 0 ? -1 : read(pipe_end.number(), chunk.data(), chunk.size());
    if (got < 0 && errno != EINTR) {
      Require(program, errno);
    }
    if (got == 0) {
      return output;
    }
    output.append(chunk.data(), static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (output.size() > most_bytes) {
      throw Failure(program + " writes more than " + std::to_string(most_bytes) + " bytes");
    }
  }
}

}  // namespace

std::string OutputOf(const std::vector<std::string>& command, size_t most_bytes, int64_t most_ns) {
  const std::string& program = command.front();
  // Where fork and exec are emulated, posix_spawn succeeds with any program.
  Require(program, access(program.c_str(), X_OK) == 0 ? 0 : errno);
  const int64_t deadline = NowNs() + most_ns;
  std::array<int, 2> ends{-1, -1};
  Require(program, pipe2(ends.data(), O_CLOEXEC) == 0 ? 0 : errno);
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  Child child(SpawnSettings().Start(command, writing.number()));
  writing.Close();
  std::string output = ReadUntil(deadline, reading, program, most_bytes);
  const std::optional<int> status = child.WaitUntil(deadline);
  if (!status) {
    throw Failure(program + " takes too long");
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    throw Failure(program + " ended in failure");
  }
  return output;
}

}  // namespace syncnas
