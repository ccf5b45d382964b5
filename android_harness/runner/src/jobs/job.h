#ifndef SYNCNAS_RUNNER_JOBS_JOB_H_
#define SYNCNAS_RUNNER_JOBS_JOB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engines/engine.h"
#include "json/json_line.h"
#include "protocol/phase.h"
#include "units/unit_worker.h"

namespace syncnas {

// Where the phase's time went, in nanoseconds of wall time.
struct Ledger {
  int64_t sampled_ns = 0;
  int64_t created_ns = 0;
};

// What jobs need from the phase; outlives them.
struct JobContext {
  Workers& workers;
  Ledger& ledger;
  uint64_t seed;
};

// A model that lives on its unit's thread: created there, destroyed there.
class PlacedModel {
 public:
  // Throws Failure where the model cannot be created. The time counts in the ledger either way.
  PlacedModel(UnitWorker& worker, const FilePath& path, Ledger& ledger);
  ~PlacedModel();
  PlacedModel(const PlacedModel&) = delete;
  PlacedModel& operator=(const PlacedModel&) = delete;

  [[nodiscard]] UnitWorker& worker() const { return worker_; }
  [[nodiscard]] int64_t create_ns() const { return create_ns_; }
  // To be used on the worker's thread.
  [[nodiscard]] Model& model() const { return *model_; }

 private:
  UnitWorker& worker_;
  std::unique_ptr<Model> model_;
  int64_t create_ns_ = 0;
};

// One job of the phase. Visited once or more; the first visit creates its models, which live as long as the job.
class Job {
 public:
  explicit Job(const JobContext& context) : context_(context) {}
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // Creates what is not yet there, warms up and takes samples. Throws Failure; the job is of no further use then.
  void Visit();

  // The fields of the done line that describe the last visit, from "kind" on.
  void Report(JsonLine& line) const;

  // One per sample of the last visit.
  [[nodiscard]] virtual const std::vector<int64_t>& total_ns() const = 0;

 protected:
  // Returns how long creating the models took, in nanoseconds.
  virtual int64_t Create() = 0;
  virtual void Measure() = 0;
  [[nodiscard]] virtual const char* kind() const = 0;
  virtual void ReportVisit(JsonLine& line) const = 0;

  [[nodiscard]] const JobContext& context() const { return context_; }

 private:
  JobContext context_;
  bool created_ = false;
  // Of the last visit; nothing where the models were there already.
  std::optional<int64_t> create_ns_;
};

std::unique_ptr<Job> MakeJob(const JobSpec& spec, const JobContext& context);

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JOBS_JOB_H_
