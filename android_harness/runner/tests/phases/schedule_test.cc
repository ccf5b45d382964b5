#include "phases/schedule.h"

#include <string>
#include <vector>

#include "support/check.h"

namespace syncnas {
namespace {

// A phase of jobs that are named by single letters; the sentinels come last.
PhaseSpec PhaseOf(const std::string& jobs, const std::string& sentinels, int64_t rounds, int64_t every) {
  PhaseSpec phase;
  for (const char letter : jobs + sentinels) {
    phase.jobs.push_back({std::string(1, letter), TimeSpec{}});
  }
  for (size_t i = 0; i < sentinels.size(); ++i) {
    phase.sentinel.jobs.push_back(jobs.size() + i);
  }
  phase.sentinel.every = every;
  phase.repeat.max_rounds = rounds;
  return phase;
}

// Makes visits until the end, or until `most` were made; every job takes the same in each.
std::string Visits(Schedule& schedule, const PhaseSpec& phase, size_t most = 1000) {
  std::string order;
  while (order.size() < most) {
    const std::optional<Visit> visit = schedule.Next();
    if (!visit) {
      break;
    }
    order += phase.jobs[visit->job].id;
    schedule.Complete(visit->job, {5, 5});
  }
  return order;
}

TEST(ScheduleGivesRoundsWithSentinelsAround) {
  const PhaseSpec phase = PhaseOf("abc", "s", 2, 2);
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase), "sabscsabscs");
  CHECK(!schedule.Next());
  CHECK_EQUAL(schedule.round(), 1);
}

TEST(ScheduleWithoutSentinelsOrJobsEnds) {
  const PhaseSpec plain = PhaseOf("ab", "", 2, 16);
  Schedule schedule(plain);
  CHECK_EQUAL(Visits(schedule, plain), "abab");
  const PhaseSpec none = PhaseOf("", "", 3, 16);
  Schedule empty(none);
  CHECK(!empty.Next());
}

TEST(ScheduleLeavesOutWhatHasFailedOrSettled) {
  PhaseSpec phase = PhaseOf("abc", "s", 4, 16);
  phase.repeat.min_rounds = 2;
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase, 2), "sa");
  schedule.Fail(1);
  // Without a target nothing settles before the last round.
  CHECK_EQUAL(Visits(schedule, phase), "csacsacsacs");
  phase.repeat.target_ci = 0.01;
  Schedule settling(phase);
  std::string order;
  int64_t of_b = 0;
  while (const std::optional<Visit> visit = settling.Next()) {
    order += phase.jobs[visit->job].id;
    // The samples of a visit of job a are far apart, and those of job b alike: what counts is that all visits of a have
    // the same median, and no two of b.
    std::vector<int64_t> total_ns{100, 400, 700};
    if (visit->job == 1) {
      total_ns.assign(8, 100 * ++of_b);
    }
    settling.Complete(visit->job, total_ns);
  }
  CHECK_EQUAL(order, "sabcsabcsbsbs");
}

TEST(ScheduleGoesBackButRemembersFailures) {
  const PhaseSpec phase = PhaseOf("abcd", "s", 2, 2);
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase, 3), "sab");
  const Schedule before = schedule;
  CHECK_EQUAL(Visits(schedule, phase, 4), "scds");
  schedule.Fail(2);
  schedule.GoBackTo(before);
  CHECK(schedule.HasFailed(2));
  // The round goes on where it was, without the job that has failed, and the visits undone are made again.
  CHECK_EQUAL(Visits(schedule, phase), "sdsabsds");
}

TEST(ScheduleGoesBackAcrossRounds) {
  const PhaseSpec phase = PhaseOf("ab", "s", 3, 16);
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase, 2), "sa");
  const Schedule before = schedule;
  Schedule undisturbed = schedule;
  CHECK_EQUAL(Visits(schedule, phase, 4), "bsab");
  CHECK_EQUAL(schedule.round(), 1);
  schedule.GoBackTo(before);
  CHECK_EQUAL(schedule.round(), 0);
  CHECK_EQUAL(Visits(schedule, phase), Visits(undisturbed, phase));
}

TEST(SentinelsThatHaveJustBeenVisitedAreNotVisitedAgain) {
  const PhaseSpec phase = PhaseOf("abcd", "s", 1, 2);
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase, 3), "sab");
  schedule.PassSentinels();
  CHECK_EQUAL(Visits(schedule, phase), "cds");
}

TEST(SentinelsThatHaveAllFailedAreNoSentinels) {
  const PhaseSpec phase = PhaseOf("ab", "st", 1, 1);
  Schedule schedule(phase);
  schedule.Fail(2);
  CHECK_EQUAL(Visits(schedule, phase, 2), "ta");
  schedule.Fail(3);
  CHECK_EQUAL(Visits(schedule, phase), "b");
  CHECK(schedule.IsSentinel(3) && !schedule.IsSentinel(0));
}

}  // namespace
}  // namespace syncnas
