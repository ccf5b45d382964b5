#include "support/fake_engine.h"

#include <cstring>

#include "base/aligned_memory.h"
#include "base/clock.h"
#include "base/failure.h"
#include "base/files.h"
#include "base/fingerprint.h"
#include "json/json.h"

namespace syncnas::test {

namespace {

// Copies one half, pauses, and copies the other one.
void CopyInHalves(void* destination, const void* source, size_t bytes, int64_t pause_us) {
  const size_t half = bytes / 2;
  std::memcpy(destination, source, half);
  SleepNs(pause_us * kNanosecondsPerMicrosecond);
  std::memcpy(static_cast<char*>(destination) + half, static_cast<const char*>(source) + half, bytes - half);
}

// The pauses of copies, half way.
struct Pauses {
  int64_t write_us = 0;
  int64_t read_us = 0;
};

class FakeBuffer final : public Buffer {
 public:
  FakeBuffer(std::shared_ptr<AlignedMemory> memory, const Unit* owner, UnitKind kind, Pauses pauses)
      : memory_(std::move(memory)), owner_(owner), kind_(kind), pauses_(pauses) {}

  [[nodiscard]] size_t bytes() const override { return memory_->bytes(); }
  void Write(const void* source) override { CopyInHalves(memory_->data(), source, bytes(), pauses_.write_us); }
  void Read(void* destination) override { CopyInHalves(destination, memory_->data(), bytes(), pauses_.read_us); }
  [[nodiscard]] void* host() override { return kind_ == UnitKind::kGpu ? nullptr : memory_->data(); }

  [[nodiscard]] const std::shared_ptr<AlignedMemory>& memory() const { return memory_; }
  [[nodiscard]] bool IsVisibleTo(const Unit* unit, UnitKind kind) const {
    return owner_ == unit || (kind_ == UnitKind::kCpu && kind == UnitKind::kCpu);
  }

 private:
  std::shared_ptr<AlignedMemory> memory_;
  const Unit* owner_;
  UnitKind kind_;
  Pauses pauses_;
};

ElementType ElementNamed(const std::string& name) {
  for (const ElementType element : kElementTypes) {
    if (Name(element) == name) {
      return element;
    }
  }
  throw Failure("the fake engine has no element type " + name);
}

// A shape, or a shape behind an element type: ["int8", 1, 64].
std::vector<TensorType> Types(const Json& model, const char* name) {
  std::vector<TensorType> types;
  for (const Json& shape : model.Find(name)->elements()) {
    TensorType type;
    for (const Json& element : shape.elements()) {
      if (element.type() == Json::Type::kString) {
        type.element = ElementNamed(element.text());
      } else {
        type.dims.push_back(*element.whole());
      }
    }
    types.push_back(type);
  }
  return types;
}

int64_t Number(const Json& model, const char* name) {
  const Json* value = model.Find(name);
  return value == nullptr ? 0 : *value->whole();
}

class FakeModel final : public Model {
 public:
  FakeModel(FakeLog& log, const Unit* owner, UnitKind kind, const Json& model)
      : log_(log),
        owner_(owner),
        kind_(kind),
        buffer_kinds_({kind == UnitKind::kGpu ? "gl" : "host"}),
        inputs_(Types(model, "inputs")),
        outputs_(Types(model, "outputs")),
        state_(static_cast<uint64_t>(Number(model, "salt"))),
        sleep_us_(Number(model, "sleep_us")),
        fail_run_(Number(model, "fail_run")),
        stop_at_run_(Number(model, "stop_at_run")),
        until_runs_(Number(model, "until_runs")),
        until_failures_(Number(model, "until_failures")),
        pauses_({Number(model, "write_sleep_us"), Number(model, "read_sleep_us")}) {
    ++log_.alive;
    input_buffers_.resize(inputs_.size());
    for (const TensorType& type : outputs_) {
      output_buffers_.push_back(Allocate(type));
    }
  }
  ~FakeModel() override { --log_.alive; }
  FakeModel(const FakeModel&) = delete;
  FakeModel& operator=(const FakeModel&) = delete;

  [[nodiscard]] const std::vector<TensorType>& inputs() const override { return inputs_; }
  [[nodiscard]] const std::vector<TensorType>& outputs() const override { return outputs_; }
  [[nodiscard]] bool fully_accelerated() const override { return true; }
  [[nodiscard]] const std::vector<std::string>& buffer_kinds() const override { return buffer_kinds_; }
  [[nodiscard]] const std::vector<std::string>& output_kinds() const override { return buffer_kinds_; }
  [[nodiscard]] Buffer& input(size_t index) override { return *input_buffers_.at(index); }
  [[nodiscard]] Buffer& output(size_t index) override { return *output_buffers_.at(index); }

  Buffer& AllocateInput(size_t index) override {
    input_buffers_.at(index) = Allocate(inputs_.at(index));
    return *input_buffers_[index];
  }

  bool ShareInput(size_t index, Buffer& peer) override {
    auto& fake = dynamic_cast<FakeBuffer&>(peer);
    if (!fake.IsVisibleTo(owner_, kind_)) {
      return false;
    }
    input_buffers_.at(index) = std::make_unique<FakeBuffer>(fake.memory(), owner_, kind_, pauses_);
    return true;
  }

  void Run() override {
    ++runs_;
    ++log_.runs;
    if (runs_ == fail_run_) {
      ++log_.failures;
      throw Failure("the fake model fails in run " + std::to_string(runs_));
    }
    if (runs_ == stop_at_run_) {
      log_.stop = true;
    }
    SleepNs(sleep_us_ * kNanosecondsPerMicrosecond);
    AwaitTheOthers();
    for (const std::unique_ptr<FakeBuffer>& input : input_buffers_) {
      state_ = Fnv1a64(input->memory()->data(), input->bytes(), state_);
    }
    uint64_t drawn = 0;
    for (const std::unique_ptr<FakeBuffer>& output : output_buffers_) {
      // Each output has numbers of its own: one in another's place is seen.
      auto* values = static_cast<uint8_t*>(output->memory()->data());
      for (size_t i = 0; i < output->bytes(); ++i) {
        values[i] = static_cast<uint8_t>((state_ * (2 * ++drawn + 1)) >> 48);
      }
    }
  }

 private:
  [[nodiscard]] std::unique_ptr<FakeBuffer> Allocate(const TensorType& type) const {
    return std::make_unique<FakeBuffer>(std::make_shared<AlignedMemory>(type.Bytes()), owner_, kind_, pauses_);
  }

  void AwaitTheOthers() const {
    constexpr int64_t kPauseNs = 100'000;
    for (int pauses_left = 100'000; log_.runs < until_runs_ || log_.failures < until_failures_; --pauses_left) {
      if (pauses_left == 0) {
        throw Failure("the fake models it waits for do not run");
      }
      SleepNs(kPauseNs);
    }
  }

  FakeLog& log_;
  const Unit* owner_;
  const UnitKind kind_;
  const std::vector<std::string> buffer_kinds_;
  std::vector<TensorType> inputs_;
  std::vector<TensorType> outputs_;
  std::vector<std::unique_ptr<FakeBuffer>> input_buffers_;
  std::vector<std::unique_ptr<FakeBuffer>> output_buffers_;
  uint64_t state_;
  int64_t runs_ = 0;
  const int64_t sleep_us_;
  const int64_t fail_run_;
  const int64_t stop_at_run_;
  const int64_t until_runs_;
  const int64_t until_failures_;
  const Pauses pauses_;
};

class FakeUnit final : public Unit {
 public:
  FakeUnit(FakeLog& log, UnitSpec spec) : log_(log), spec_(std::move(spec)) {}

  std::unique_ptr<Model> CreateModel(const FilePath& path) override {
    const Json model = Json::Parse(ReadFile(path, 1 << 20));
    {
      const std::lock_guard<std::mutex> lock(log_.mutex);
      log_.created.push_back(path.shown);
    }
    return std::make_unique<FakeModel>(log_, this, spec_.kind, model);
  }

 private:
  FakeLog& log_;
  const UnitSpec spec_;
};

}  // namespace

std::unique_ptr<Unit> FakeEngine::OpenUnit(const UnitSpec& spec) { return std::make_unique<FakeUnit>(log_, spec); }

EngineOpener FakeOpener(FakeLog& log) {
  return [&log](const std::string& name, const RuntimePaths& runtime,
                const std::set<UnitKind>&) -> std::unique_ptr<Engine> {
    if (runtime.at(name).shown == "missing.so") {
      throw Failure("there is no library for " + name);
    }
    return std::make_unique<FakeEngine>(log);
  };
}

}  // namespace syncnas::test
