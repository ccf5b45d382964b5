#include "phases/schedule.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/random.h"
#include "base/stats.h"

namespace syncnas {

namespace {

// The jobs that have their turn together, each group where its first job is; a job without a group is one by itself.
std::vector<std::vector<size_t>> TurnsOf(const PhaseSpec& phase) {
  std::vector<std::vector<size_t>> turns;
  std::map<std::string, size_t> turn_of_group;
  for (size_t job = 0; job < phase.jobs.size(); ++job) {
    const std::string& group = phase.jobs[job].group;
    const bool opens_turn = group.empty() || turn_of_group.emplace(group, turns.size()).second;
    if (opens_turn) {
      turns.emplace_back();
    }
    turns[opens_turn ? turns.size() - 1 : turn_of_group.at(group)].push_back(job);
  }
  return turns;
}

template <typename T>
std::vector<T> Shuffled(const std::vector<T>& values, uint64_t seed, int64_t round) {
  std::vector<T> shuffled;
  for (const size_t i : ShuffledOrder(values.size(), seed, static_cast<uint64_t>(round))) {
    shuffled.push_back(values[i]);
  }
  return shuffled;
}

}  // namespace

Schedule::Schedule(const PhaseSpec& phase)
    : phase_(&phase), jobs_(phase.jobs.size()), next_sentinel_(phase.sentinel.jobs.size()) {
  for (const size_t sentinel : phase.sentinel.jobs) {
    jobs_[sentinel].is_sentinel = true;
  }
  BeginRound();
}

std::optional<Visit> Schedule::Next() {
  const std::vector<size_t>& sentinels = phase_->sentinel.jobs;
  while (true) {
    if (next_sentinel_ < sentinels.size()) {
      const size_t job = sentinels[next_sentinel_++];
      if (!jobs_[job].failed) {
        return Visit{job, round_};
      }
    } else if (next_in_order_ < order_.size()) {
      const size_t job = order_[next_in_order_++];
      // Since the round was begun it may have failed in visits that are now made again.
      if (!jobs_[job].failed) {
        sentinels_were_last_ = false;
        if (++visits_since_sentinels_ >= phase_->sentinel.every && !IsWithinGroup()) {
          BeginSentinels();
        }
        return Visit{job, round_};
      }
    } else if (!BeginRound()) {
      return std::nullopt;
    }
  }
}

bool Schedule::BeginRound() {
  if (is_last_turn_) {
    return false;
  }
  std::vector<size_t> order;
  if (round_ + 1 < phase_->repeat.max_rounds) {
    order = OrderOf(round_ + 1);
  }
  if (order.empty()) {
    is_last_turn_ = true;
  } else {
    ++round_;
    order_ = std::move(order);
    next_in_order_ = 0;
  }
  if (!sentinels_were_last_) {
    BeginSentinels();
  }
  return true;
}

std::vector<size_t> Schedule::OrderOf(int64_t round) const {
  // All jobs are shuffled and the finished ones left out, so that the order does not depend on how fast others settled.
  std::vector<std::vector<size_t>> turns = TurnsOf(*phase_);
  if (phase_->order == Order::kShuffled) {
    turns = Shuffled(turns, phase_->seed, round);
    for (std::vector<size_t>& jobs : turns) {
      const uint64_t seed = Random(phase_->seed ^ ~static_cast<uint64_t>(jobs.front())).Next();
      jobs = Shuffled(jobs, seed, round);
    }
  }
  std::vector<size_t> order;
  for (const std::vector<size_t>& jobs : turns) {
    // A group goes on as a whole until all of it are finished: its jobs are compared visit by visit.
    if (std::all_of(jobs.begin(), jobs.end(), [this](size_t job) { return IsFinished(job); })) {
      continue;
    }
    for (const size_t job : jobs) {
      if (!jobs_[job].is_sentinel && !jobs_[job].failed) {
        order.push_back(job);
      }
    }
  }
  return order;
}

bool Schedule::IsWithinGroup() const {
  if (next_in_order_ == 0 || next_sentinel_ < phase_->sentinel.jobs.size()) {
    return false;
  }
  const std::string& group = phase_->jobs[order_[next_in_order_ - 1]].group;
  for (size_t i = next_in_order_; !group.empty() && i < order_.size(); ++i) {
    if (phase_->jobs[order_[i]].group != group) {
      return false;
    }
    if (!jobs_[order_[i]].failed) {
      return true;
    }
  }
  return false;
}

void Schedule::BeginSentinels() {
  next_sentinel_ = 0;
  visits_since_sentinels_ = 0;
  sentinels_were_last_ = true;
}

void Schedule::PassSentinels() {
  next_sentinel_ = phase_->sentinel.jobs.size();
  visits_since_sentinels_ = 0;
  sentinels_were_last_ = true;
}

void Schedule::Complete(size_t job, const std::vector<int64_t>& total_ns) {
  Progress& progress = jobs_[job];
  if (progress.is_sentinel) {
    return;
  }
  progress.medians_ns.push_back(MedianOf(total_ns));
  const auto visits = static_cast<int64_t>(progress.medians_ns.size());
  progress.settled = phase_->jobs[job].settles && visits >= phase_->repeat.min_rounds &&
                     IsSettled(progress.medians_ns, phase_->repeat.target_ci);
}

void Schedule::GoBackTo(const Schedule& earlier) {
  const std::vector<Progress> later = std::move(jobs_);
  *this = earlier;
  for (size_t job = 0; job < jobs_.size(); ++job) {
    jobs_[job].failed = later[job].failed;
  }
}

}  // namespace syncnas
