#include "device/system_log.h"

#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/clock.h"
#include "base/failure.h"
#include "device/program.h"

namespace syncnas {

namespace {

constexpr size_t kMostLogBytes = 256 << 10;
constexpr int64_t kMostLogNs = 3 * kNanosecondsPerSecond;
constexpr size_t kMostLines = 4;
constexpr size_t kLongestLine = 300;
constexpr const char* kHeading = "--------- ";

std::string Printable(std::string text) {
  const auto is_printable = [](char character) { return character >= ' ' && character <= '~'; };
  std::replace_if(text.begin(), text.end(), [&](char character) { return !is_printable(character); }, ' ');
  text.erase(text.find_last_not_of(' ') + 1);
  return text.substr(std::min(text.find_first_not_of(' '), text.size()), kLongestLine);
}

}  // namespace

std::string LastWords(const std::string& log) {
  std::vector<std::string> lines;
  std::istringstream text(log);
  for (std::string line; std::getline(text, line);) {
    std::string words = Printable(line);
    // Runtimes say the same again at every layer.
    if (!words.empty() && words.rfind(kHeading, 0) != 0 && (lines.empty() || lines.back() != words)) {
      lines.push_back(std::move(words));
    }
  }
  std::string said;
  for (size_t i = lines.size() - std::min(lines.size(), kMostLines); i < lines.size(); ++i) {
    said += (said.empty() ? "" : " | ") + lines[i];
  }
  return said;
}

std::string WithLog(const std::string& reason, const std::vector<std::string>& command) {
  if (command.empty()) {
    return reason;
  }
  std::vector<std::string> of_this_process = command;
  of_this_process.push_back("--pid=" + std::to_string(getpid()));
  try {
    const std::string said = LastWords(OutputOf(of_this_process, kMostLogBytes, kMostLogNs));
    return said.empty() ? reason : reason + "; the system's log says: " + said;
  } catch (const Failure&) {
    return reason;
  }
}

}  // namespace syncnas
