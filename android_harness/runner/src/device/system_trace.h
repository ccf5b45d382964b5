#ifndef SYNCNAS_RUNNER_DEVICE_SYSTEM_TRACE_H_
#define SYNCNAS_RUNNER_DEVICE_SYSTEM_TRACE_H_

#include <string>

namespace syncnas {

// The trace that the system records (atrace, Perfetto), and this process's sections in it: Android's <android/trace.h>,
// whose functions are looked up at run time. Where the library or one of them is missing, nothing is ever recorded.
class SystemTrace {
 public:
  // `library` as dlopen takes it; it stays loaded.
  explicit SystemTrace(const std::string& library);

  // Whether a trace is being recorded that takes this process's sections.
  [[nodiscard]] bool IsOn() const { return is_enabled_ != nullptr && is_enabled_(); }

  // Sections of one thread nest. Only where it was on; beginning and ending one writes to the kernel, which takes
  // microseconds.
  void Begin(const char* name) const { begin_section_(name); }
  void End() const { end_section_(); }

 private:
  bool (*is_enabled_)() = nullptr;
  void (*begin_section_)(const char*) = nullptr;
  void (*end_section_)() = nullptr;
};

// Whether a phase's visits make sections. A phase that began while no trace was recorded makes none at all, so that what
// its first line says holds for all its samples.
class PhaseTrace {
 public:
  explicit PhaseTrace(const SystemTrace& system) : system_(system), began_on_(system.IsOn()) {}

  [[nodiscard]] bool began_on() const { return began_on_; }
  // Once a visit: a recording may have ended meanwhile.
  void LookAgain() { active_ = began_on_ && system_.IsOn() ? &system_ : nullptr; }
  // The trace that the present visit's sections go into; null: none.
  [[nodiscard]] const SystemTrace* active() const { return active_; }

 private:
  const SystemTrace& system_;
  const bool began_on_;
  const SystemTrace* active_ = nullptr;
};

// A section of the calling thread from here to the end of this object's life; nothing where `trace` is null.
class TraceSection {
 public:
  TraceSection(const SystemTrace* trace, const char* name) : trace_(trace) {
    if (trace_ != nullptr) {
      trace_->Begin(name);
    }
  }
  ~TraceSection() {
    if (trace_ != nullptr) {
      trace_->End();
    }
  }
  TraceSection(const TraceSection&) = delete;
  TraceSection& operator=(const TraceSection&) = delete;

 private:
  const SystemTrace* trace_;
};

// A name as a section's: what would end the line that the kernel is given becomes a space.
std::string SectionName(std::string name);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_DEVICE_SYSTEM_TRACE_H_
