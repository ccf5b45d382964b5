#include "protocol/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>

#include <array>
#include <atomic>
#include <string>
#include <thread>

#include "base/clock.h"
#include "support/check.h"
#include "support/temporary_folder.h"

namespace syncnas {
namespace {

TEST(JournalAppendsWholeLines) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/j";
  Journal::AppendTo(path).Write("{\"a\":1}");
  Journal::AppendTo(path).Write("{\"b\":2}");
  CHECK_EQUAL(folder.Read("j"), "{\"a\":1}\n{\"b\":2}\n");
}

TEST(JournalEndsALineThatWasCutOff) {
  const test::TemporaryFolder folder;
  const std::string path = folder.Write("j", "{\"a\":1}\n{\"b\"");
  Journal::AppendTo(path).Write("{\"c\":3}");
  CHECK_EQUAL(folder.Read("j"), "{\"a\":1}\n{\"b\"\n{\"c\":3}\n");
}

TEST(JournalSaysWhenItCannotBeWritten) {
  CHECK_FAILS(Journal::AppendTo("/nonexistent/j"), "the journal cannot be written: /nonexistent/j: No such file");
  if (access("/dev/full", W_OK) == 0) {
    CHECK_FAILS(Journal(open("/dev/full", O_WRONLY | O_CLOEXEC)).Write("x"), "No space left on device");
    CHECK_FAILS(Journal::AppendTo("/dev/full").Write("x"), "No space left on device");
  }
  CHECK_FAILS(Journal(-1).Write("x"), "Bad file descriptor");
}

void Ignore(int /*signal*/) {}

// A write to a full pipe that a signal interrupts returns early: with EINTR or with a part of the line.
TEST(JournalSurvivesInterruptionsAndPartialWrites) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = Ignore;  // without SA_RESTART
  sigaction(SIGUSR1, &action, &before);
  int ends[2];
  CHECK_EQUAL(pipe(ends), 0);
  const std::string line(1 << 20, 'x');
  std::atomic<bool> written{false};
  std::thread writer([&] {
    Journal(ends[1]).Write(line);
    written = true;
  });
  std::thread pest([&, thread = writer.native_handle()] {
    while (!written) {
      pthread_kill(thread, SIGUSR1);
      SleepNs(50'000);
    }
  });
  std::string got;
  std::array<char, 3000> chunk;
  while (true) {
    const ssize_t size = read(ends[0], chunk.data(), chunk.size());
    if (size <= 0) {
      break;
    }
    got.append(chunk.data(), static_cast<size_t>(size));
    SleepNs(10'000);
  }
  pest.join();
  writer.join();
  close(ends[0]);
  sigaction(SIGUSR1, &before, nullptr);
  CHECK_EQUAL(got.size(), line.size() + 1);
  CHECK(got == line + "\n");
}

}  // namespace
}  // namespace syncnas
