#include "phases/schedule.h"

#include <utility>

#include "base/random.h"
#include "base/stats.h"

namespace syncnas {

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
        if (++visits_since_sentinels_ >= phase_->sentinel.every) {
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
  std::vector<size_t> all(jobs_.size());
  for (size_t i = 0; i < all.size(); ++i) {
    all[i] = i;
  }
  if (phase_->order == Order::kShuffled) {
    all = ShuffledOrder(all.size(), phase_->seed, static_cast<uint64_t>(round));
  }
  std::vector<size_t> order;
  for (const size_t job : all) {
    if (!jobs_[job].is_sentinel && !jobs_[job].failed && !jobs_[job].settled) {
      order.push_back(job);
    }
  }
  return order;
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
  progress.settled = visits >= phase_->repeat.min_rounds && IsSettled(progress.medians_ns, phase_->repeat.target_ci);
}

void Schedule::GoBackTo(const Schedule& earlier) {
  const std::vector<Progress> later = std::move(jobs_);
  *this = earlier;
  for (size_t job = 0; job < jobs_.size(); ++job) {
    jobs_[job].failed = later[job].failed;
  }
}

}  // namespace syncnas
