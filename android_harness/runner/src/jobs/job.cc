#include "jobs/job.h"

#include "base/clock.h"
#include "jobs/collab_job.h"
#include "jobs/time_job.h"
#include "jobs/transfer_job.h"

namespace syncnas {

namespace {

// Adds the time of its life to an account, on every way out.
class Meter {
 public:
  explicit Meter(int64_t& account) : account_(account), begin_(NowNs()) {}
  ~Meter() { account_ += NowNs() - begin_; }
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

 private:
  int64_t& account_;
  int64_t begin_;
};

}  // namespace

PlacedModel::PlacedModel(UnitWorker& worker, const FilePath& path, Ledger& ledger) : worker_(worker) {
  const Meter meter(ledger.created_ns);
  worker_.Run([this, &path] {
    const int64_t begin = NowNs();
    model_ = worker_.CreateModel(path);
    create_ns_ = NowNs() - begin;
  });
}

PlacedModel::~PlacedModel() {
  worker_.Run([this] { model_.reset(); });
}

void Job::Visit() {
  create_ns_.reset();
  if (!created_) {
    create_ns_ = Create();
    created_ = true;
  }
  const Meter meter(context_.ledger.sampled_ns);
  Measure();
}

void Job::Report(JsonLine& line) const {
  line.Name("kind").String(kind());
  line.Name("create_ns").OptionalInt(create_ns_);
  ReportVisit(line);
}

std::unique_ptr<Job> MakeJob(const JobSpec& spec, const JobContext& context) {
  if (const auto* time = std::get_if<TimeSpec>(&spec.work)) {
    return std::make_unique<TimeJob>(*time, context);
  }
  if (const auto* transfer = std::get_if<TransferSpec>(&spec.work)) {
    return std::make_unique<TransferJob>(*transfer, context);
  }
  return std::make_unique<CollabJob>(std::get<CollabSpec>(spec.work), context);
}

}  // namespace syncnas
