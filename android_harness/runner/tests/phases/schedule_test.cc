#include "phases/schedule.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "support/check.h"

namespace syncnas {
namespace {

// A phase of jobs that are named by single letters; the sentinels come last.
PhaseSpec PhaseOf(const std::string& jobs, const std::string& sentinels, int64_t rounds, int64_t every) {
  PhaseSpec phase;
  for (const char letter : jobs + sentinels) {
    phase.jobs.push_back({std::string(1, letter), TimeSpec{}, ""});
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

TEST(JobsThatDoNotSettleMakeAllRounds) {
  PhaseSpec phase = PhaseOf("ab", "s", 4, 16);
  phase.repeat.min_rounds = 1;
  phase.repeat.target_ci = 0.01;
  phase.jobs[1].settles = false;
  Schedule schedule(phase);
  std::string order;
  while (const std::optional<Visit> visit = schedule.Next()) {
    order += phase.jobs[visit->job].id;
    schedule.Complete(visit->job, {100, 100, 100});
  }
  CHECK_EQUAL(order, "sabsabsbsbs");
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

// A phase of these jobs, of which those that `groups` has under the same letter are a group; a dot is no group.
PhaseSpec Grouped(const std::string& jobs, const std::string& groups, const std::string& sentinels, int64_t rounds,
                  int64_t every) {
  PhaseSpec phase = PhaseOf(jobs, sentinels, rounds, every);
  for (size_t i = 0; i < groups.size(); ++i) {
    phase.jobs[i].group = groups[i] == '.' ? "" : std::string(1, groups[i]);
  }
  return phase;
}

TEST(ScheduleBringsGroupsTogetherWhereTheirFirstJobIs) {
  const PhaseSpec phase = Grouped("abcdef", ".x.yxy", "", 2, 16);
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase), "abecdfabecdf");
}

TEST(ScheduleShufflesGroupsAsOneAndWithinThemselves) {
  PhaseSpec phase = Grouped("abcdefgh", "..xx.x..", "", 200, 16);
  phase.order = Order::kShuffled;
  phase.seed = 5;
  Schedule schedule(phase);
  const std::string order = Visits(schedule, phase, 10'000);
  REQUIRE(order.size() == size_t{200} * 8);
  std::set<std::string> within;
  std::set<size_t> places;
  for (size_t round = 0; round < 200; ++round) {
    std::string visited = order.substr(8 * round, 8);
    const size_t place = visited.find_first_of("cdf");
    within.insert(visited.substr(place, 3));
    places.insert(place);
    std::sort(visited.begin(), visited.end());
    CHECK_EQUAL(visited, "abcdefgh");
  }
  CHECK_EQUAL(within.size(), 6U);  // c, d and f in each of their orders, and never another one between
  for (const std::string& three : within) {
    CHECK(three.find_first_not_of("cdf") == std::string::npos);
  }
  CHECK_EQUAL(places.size(), 6U);  // of the group among the five others
  Schedule again(phase);
  CHECK_EQUAL(Visits(again, phase, 10'000), order);
  phase.seed = 6;
  Schedule other(phase);
  CHECK(Visits(other, phase, 10'000) != order);
}

TEST(SentinelsDoNotComeBetweenTheJobsOfAGroup) {
  const PhaseSpec phase = Grouped("abcdefg", ".xxx.yy", "s", 1, 2);
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase), "sabcdsefgs");
}

TEST(ScheduleKnowsWhenItIsWithinAGroup) {
  const PhaseSpec phase = Grouped("abcde", "xx.yy", "s", 1, 1);
  Schedule schedule(phase);
  std::string within;
  for (std::optional<Visit> visit = schedule.Next(); visit; visit = schedule.Next()) {
    within += phase.jobs[visit->job].id + (schedule.IsWithinGroup() ? "+" : "");
  }
  CHECK_EQUAL(within, "sa+bscsd+es");
}

TEST(GroupsGoOnWithoutTheirJobsThatFail) {
  const PhaseSpec phase = Grouped("abcd", "xxx.", "s", 2, 1);
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase, 2), "sa");
  schedule.Fail(1);
  CHECK_EQUAL(Visits(schedule, phase, 2), "cs");
  // The last of the group is gone as well: nothing is within it any more.
  schedule.Fail(2);
  CHECK_EQUAL(Visits(schedule, phase), "dsasds");
}

TEST(JobsOfAGroupSettleTogether) {
  PhaseSpec phase = Grouped("abcd", "xx.y", "", 12, 16);
  phase.repeat.min_rounds = 8;
  phase.repeat.target_ci = 0.01;
  Schedule schedule(phase);
  std::string order;
  while (const std::optional<Visit> visit = schedule.Next()) {
    order += phase.jobs[visit->job].id;
    // Job b takes longer each time, so its group goes on.
    const int64_t ns = visit->job == 1 ? 100 * (visit->round + 1) : 100;
    schedule.Complete(visit->job, std::vector<int64_t>(8, ns));
  }
  const auto visits = [&order](char job) { return std::count(order.begin(), order.end(), job); };
  CHECK_EQUAL(visits('a'), 12);
  CHECK_EQUAL(visits('b'), 12);
  CHECK_EQUAL(visits('c'), 8);
  CHECK_EQUAL(visits('d'), 8);
  // What has failed keeps nobody waiting.
  Schedule failing(phase);
  order.clear();
  while (const std::optional<Visit> visit = failing.Next()) {
    order += phase.jobs[visit->job].id;
    if (visit->job == 1) {
      failing.Fail(1);
    } else {
      failing.Complete(visit->job, std::vector<int64_t>(8, 100));
    }
  }
  CHECK_EQUAL(visits('a'), 8);
  CHECK_EQUAL(visits('b'), 1);
}

TEST(ScheduleGoesBackToAGroup) {
  const PhaseSpec phase = Grouped("abcd", ".xx.", "s", 2, 2);
  Schedule schedule(phase);
  CHECK_EQUAL(Visits(schedule, phase, 3), "sab");
  const Schedule before = schedule;
  Schedule undisturbed = schedule;
  CHECK_EQUAL(Visits(schedule, phase, 3), "csd");
  schedule.GoBackTo(before);
  CHECK(schedule.IsWithinGroup());
  CHECK_EQUAL(Visits(schedule, phase), Visits(undisturbed, phase));
}

}  // namespace
}  // namespace syncnas
