#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include <atomic>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "base/allocator.h"
#include "base/failure.h"
#include "base/files.h"
#include "base/storage_error.h"
#include "device/system_trace.h"
#include "engines/open_engine.h"
#include "phases/phase_runner.h"
#include "protocol/journal.h"
#include "protocol/measurement_protocol.h"
#include "protocol/phase.h"

namespace syncnas {

namespace {

enum ExitCode { kPhaseEnded = 0, kBadInvocation = 2, kStorageLost = 3 };

// Android's own; elsewhere there is none, and nothing is traced.
constexpr const char* kTraceLibrary = "libandroid.so";
constexpr size_t kMostPhaseBytes = size_t{256} << 20;
constexpr const char* kUsage =
    "usage: syncnas_runner PHASE.json [--journal FILE]\n"
    "       syncnas_runner --version\n"
    "Carries out one phase. Journal lines are appended to FILE, or written to the standard output.\n";

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void RequestStop(int /*signal*/) { stop_requested.store(true, std::memory_order_relaxed); }

void Handle(int signal, void (*handler)(int)) {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigaction(signal, &action, nullptr);
}

struct Invocation {
  std::string phase;
  std::optional<std::string> journal;
};

Invocation ParseArguments(int count, char** values) {
  Invocation invocation;
  for (int i = 1; i < count; ++i) {
    const std::string_view value = values[i];
    if (value == "--journal" && i + 1 < count) {
      invocation.journal = values[++i];
    } else if (invocation.phase.empty() && !value.empty() && value.front() != '-') {
      invocation.phase = value;
    } else {
      throw Failure("argument \"" + std::string(value) + "\" is not understood");
    }
  }
  if (invocation.phase.empty()) {
    throw Failure("no phase file was given");
  }
  return invocation;
}

PhaseSpec ReadPhase(const std::string& path) {
  const std::string text = ReadFile({path, path}, kMostPhaseBytes);
  try {
    return ParsePhase(text, FolderOf(path));
  } catch (const Failure& failure) {
    throw Failure(path + ": " + failure.what());
  }
}

// Runtimes print to the standard output. What was the standard output becomes the journal's own, and whatever is
// printed from here on goes to the standard error output.
Journal TakeStandardOutput() {
  const int descriptor = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (descriptor < 0) {
    throw JournalError("the journal cannot be written: the standard output: " + ErrorText(errno));
  }
  return Journal(descriptor);
}

// Descriptors that the parent closed would be given to the next files that are opened, and then be printed into. Opened
// for reading only, so that writing to them still fails instead of losing a journal in silence.
void EnsureStandardDescriptors() {
  int descriptor = 0;
  while (descriptor >= 0 && descriptor <= STDERR_FILENO) {
    descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  if (descriptor >= 0) {
    close(descriptor);
  }
}

// One line for people. Sentences quote what stands in files, and a control character in it must not reach the terminal.
void Complain(std::string_view sentence) {
  std::string line = "syncnas_runner: ";
  for (const char character : sentence) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= ' ' && byte != 0x7f) {
      line += character;
      continue;
    }
    char escape[8];
    std::snprintf(escape, sizeof(escape), "\\x%02x", static_cast<unsigned>(byte));
    line += escape;
  }
  std::fprintf(stderr, "%s\n", line.c_str());
}

int Run(int count, char** values) {
  Invocation invocation;
  PhaseSpec phase;
  try {
    invocation = ParseArguments(count, values);
    phase = ReadPhase(invocation.phase);
  } catch (const Failure& failure) {
    Complain(failure.what());
    return kBadInvocation;
  }
  try {
    Journal journal = invocation.journal ? Journal::AppendTo(*invocation.journal) : TakeStandardOutput();
    dup2(STDERR_FILENO, STDOUT_FILENO);
    Handle(SIGINT, RequestStop);
    Handle(SIGTERM, RequestStop);
    Handle(SIGPIPE, SIG_IGN);
    if (invocation.journal) {
      // The journal is on this device: the phase goes on when the cable is pulled and the shell behind it goes away.
      Handle(SIGHUP, SIG_IGN);
    }
    const SystemTrace trace(kTraceLibrary);
    PhaseRunner(phase, OpenEngine, journal, trace, stop_requested).Run();
  } catch (const StorageError& error) {
    Complain(error.what());
    return kStorageLost;
  }
  return kPhaseEnded;
}

}  // namespace

}  // namespace syncnas

int main(int count, char** values) {
  if (count == 2 && std::string_view(values[1]) == "--version") {
    std::printf("syncnas_runner %s (measurement protocol %lld)\n", SYNCNAS_RUNNER_VERSION,
                static_cast<long long>(syncnas::kMeasurementProtocol));
    return syncnas::kPhaseEnded;
  }
  if (count == 2 && std::string_view(values[1]) == "--help") {
    std::fputs(syncnas::kUsage, stdout);
    return syncnas::kPhaseEnded;
  }
  syncnas::EnsureStandardDescriptors();
  syncnas::MapLargeBuffersAnew();
  return syncnas::Run(count, values);
}
