#ifndef SYNCNAS_RUNNER_BASE_DESCRIPTOR_H_
#define SYNCNAS_RUNNER_BASE_DESCRIPTOR_H_

#include <unistd.h>

namespace syncnas {

// A file descriptor that is closed on every way out.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  // Negative once it is closed, or where there never was one.
  [[nodiscard]] int number() const { return number_; }

  // Closes it and returns what close(2) does, which can be the call that reports a full disk; 0 where nothing is open.
  int Close() {
    const int number = number_;
    number_ = -1;
    return number < 0 ? 0 : close(number);
  }

 private:
  int number_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_DESCRIPTOR_H_
