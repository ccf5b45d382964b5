#include "phases/phase_runner.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "device/system_trace.h"
#include "json/json.h"
#include "protocol/measurement_protocol.h"
#include "support/bench.h"
#include "support/check.h"
#include "support/fake_engine.h"

namespace syncnas {
namespace {

using test::Bench;
using test::TimeJobText;

TEST(PhaseVisitsInRoundsAndAccounts) {
  Bench bench;
  const auto events =
      bench.Run(R"("repeat": {"max_rounds": 2}, "jobs": [)" + TimeJobText("a") + "," + TimeJobText("b") + "]");
  CHECK_EQUAL(Bench::Order(events), "a b a b");
  CHECK_EQUAL(Bench::Number(events.back(), "visits"), 4);
  CHECK_EQUAL(Bench::Number(events.back(), "failed"), 0);
  CHECK(Bench::Number(events.back(), "sampled_ns") > 0 && Bench::Number(events.back(), "created_ns") > 0);
  CHECK(Bench::Field(events.back(), "stopped").type() == Json::Type::kNull);
  CHECK_EQUAL(bench.log().created.size(), 4U);
  // The first run, a warm-up and two samples each.
  CHECK_EQUAL(bench.log().runs.load(), 16);
  const std::vector<Json> done = Bench::SelectExactly(events, "done", 4);
  CHECK_EQUAL(Bench::Number(done[2], "round"), 1);
  const Json& samples = Bench::Field(done[0], "samples");
  for (const char* name : {"write_ns", "run_ns", "read_ns", "total_ns", "cpu_ns"}) {
    CHECK_EQUAL(Bench::Elements(samples, name).size(), 2U);
  }
  const auto sample = [&samples](const char* name) { return Bench::Wholes(samples, name).at(0); };
  CHECK_EQUAL(sample("write_ns") + sample("run_ns") + sample("read_ns"), sample("total_ns"));
  CHECK(Bench::Number(done[0], "create_ns") > 0 && Bench::Number(done[0], "first_ns") > 0);
}

TEST(PhaseGoesOnAfterFailures) {
  Bench bench;
  const auto events = bench.Run(R"("repeat": {"max_rounds": 2}, "jobs": [)" + TimeJobText("gone", "nothere") + "," +
                                TimeJobText("breaks", "fails") + "," + TimeJobText("fine") +
                                R"(, {"id": "unit", "kind": "time", "unit": "bad", "model": "m", "runs": 1}])");
  CHECK_EQUAL(Bench::Order(events), "gone breaks fine unit fine");
  CHECK_EQUAL(Bench::Reason(events, "gone"), "cannot read nothere: No such file or directory");
  CHECK_EQUAL(Bench::Reason(events, "breaks"), "the fake model fails in run 3");
  CHECK_CONTAINS(Bench::Reason(events, "unit"), "unit bad cannot be had: affinity to cores 1023 was refused");
  CHECK_EQUAL(Bench::Number(events.back(), "failed"), 3);
  CHECK_EQUAL(Bench::Text(Bench::Only(events, "unit_failed"), "unit"), "bad");
}

TEST(PhaseWithoutEngineFailsItsJobsOnly) {
  Bench bench;
  const auto events = bench.Run("\"jobs\": [" + TimeJobText("a") + "]", "missing.so");
  CHECK_EQUAL(Bench::Select(events, "unit_failed").size(), 6U);
  CHECK_CONTAINS(Bench::Reason(events, "a"), "there is no library for litert");
}

TEST(PhaseOrderIsShuffledBySeedAndSentinelsStandAround) {
  Bench bench;
  std::string jobs = TimeJobText("s");
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    jobs += "," + TimeJobText(id);
  }
  const std::string phase = R"("order": "shuffled", "repeat": {"max_rounds": 2},
      "sentinel": {"jobs": ["s"], "every": 2}, "jobs": [)" +
                            jobs + "]";
  const std::string order = Bench::Order(bench.Run(phase));
  CHECK_EQUAL(order, Bench::Order(bench.Run(phase)));
  // Before each round, after every second visit, after the last, never twice in a row.
  std::string sentinels;
  for (size_t i = 0; i < order.size(); i += 2) {
    sentinels += order[i] == 's' ? 's' : '.';
  }
  CHECK_EQUAL(sentinels, "s..s..s.s..s..s.s");
  CHECK(order.substr(2, 3) != order.substr(18, 3) || order.substr(8, 3) != order.substr(24, 3));
}

TEST(PhaseSettlesWhenTheMedianIsKnown) {
  Bench bench;
  const std::string job = R"({"id": "a", "kind": "time", "unit": "u0", "model": "steady", "runs": 8})";
  const auto settled =
      bench.Run(R"("repeat": {"min_rounds": 2, "max_rounds": 6, "target_ci": 1}, "jobs": [)" + job + "]");
  CHECK_EQUAL(Bench::Order(settled), "a a");
  const auto never = bench.Run(R"("repeat": {"min_rounds": 1, "max_rounds": 3}, "jobs": [)" + TimeJobText("a") + "]");
  CHECK_EQUAL(Bench::Order(never), "a a a");
}

TEST(SentinelsNeverSettle) {
  Bench bench;
  const auto job = [](const std::string& id) {
    return R"({"id": ")" + id + R"(", "kind": "time", "unit": "u0", "model": "slow", "runs": 8})";
  };
  const auto events = bench.Run(R"("repeat": {"min_rounds": 1, "max_rounds": 3, "target_ci": 1}, "resident": true,
      "sentinel": {"jobs": ["s"], "every": 1}, "jobs": [)" +
                                job("s") + "," + job("a") + "," + TimeJobText("b") + "]");
  CHECK_CONTAINS(Bench::Order(events), "s a s b s");
  CHECK_EQUAL(Bench::Order(events).substr(Bench::Order(events).size() - 1), "s");
}

TEST(PhaseKeepsResidentModels) {
  Bench bench;
  const auto events = bench.Run(R"("resident": true, "repeat": {"max_rounds": 3}, "jobs": [)" + TimeJobText("a") + "]");
  CHECK_EQUAL(bench.log().created.size(), 1U);
  const std::vector<Json> done = Bench::SelectExactly(events, "done", 3);
  CHECK(Bench::Field(done[0], "create_ns").whole().has_value() &&
        Bench::Field(done[0], "first_ns").whole().has_value());
  CHECK(Bench::Field(done[1], "create_ns").type() == Json::Type::kNull &&
        Bench::Field(done[1], "first_ns").type() == Json::Type::kNull);
}

TEST(PhaseStopsAtItsLimitAndOnASignal) {
  Bench bench;
  const auto limited =
      bench.Run(R"("limit_s": 0.05, "repeat": {"max_rounds": 1000}, "jobs": [)" + TimeJobText("a", "slow") + "]");
  CHECK_EQUAL(Bench::Text(limited.back(), "stopped"), "limit_s");
  CHECK(Bench::Number(limited.back(), "visits") < 100);
  const auto stopped =
      bench.Run(R"("jobs": [)" + TimeJobText("a") + "," + TimeJobText("b", "stops") + "," + TimeJobText("c") + "]");
  CHECK_EQUAL(Bench::Order(stopped), "a b");
  CHECK_EQUAL(Bench::Select(stopped, "done").size(), 2U);
  CHECK_EQUAL(Bench::Text(stopped.back(), "stopped"), "signal");
}

TEST(PhaseLineTellsByWhatProtocolAndInWhatConditionsItMeasures) {
  Bench bench;
  const auto events = bench.Run(R"("conditions": {"clocks": "fixed", "screen": "kept \"on\""}, "jobs": [])");
  CHECK_EQUAL(Bench::Number(events.front(), "protocol"), kMeasurementProtocol);
  CHECK_EQUAL(Bench::Text(events.front(), "runner"), SYNCNAS_RUNNER_VERSION);
  const Json& conditions = Bench::Field(events.front(), "conditions");
  CHECK_EQUAL(conditions.members().size(), 2U);
  CHECK_EQUAL(Bench::Text(conditions, "screen"), "kept \"on\"");
  const auto without = bench.Run("\"jobs\": []");
  CHECK(Bench::Field(without.front(), "conditions").members().empty());
}

TEST(PhaseEndsWhenItsJournalCannotBeWritten) {
  Bench bench;
  const PhaseSpec phase =
      ParsePhase(R"({"format": 1, "protocol": 2, "phase": "p", "units": {}, "jobs": []})", bench.folder().path());
  Journal journal(-1);
  const EngineOpener opener = test::FakeOpener(bench.log());
  const SystemTrace trace("no-trace.so");
  CHECK_FAILS(PhaseRunner(phase, opener, journal, trace, bench.log().stop).Run(), "the journal cannot be written");
}

std::vector<Json> RunGated(Bench& bench, const std::string& gate, const std::string& jobs) {
  return bench.Run(R"("gate": {"system": "sys", "every_s": 0, )" + gate +
                   R"(}, "repeat": {"max_rounds": 2}, "jobs": [)" + jobs + "]");
}

TEST(PhaseMeasuresBetweenTwoLooksAtTheDevice) {
  Bench bench;
  const auto events = RunGated(bench, R"("status": [])", TimeJobText("a") + "," + TimeJobText("b"));
  std::string kinds;
  for (const Json& event : events) {
    kinds += Bench::Text(event, "event").at(0);
  }
  // After the phase's and the units' lines: a state before the first visit and after every group, here of one visit
  // each.
  CHECK_EQUAL(kinds, "puuuuuuuussdssdssdssdse");
  const auto states = Bench::Select(events, "state");
  CHECK(Bench::Number(states.at(1), "since_ns") >= Bench::Number(states.at(0), "t_ns"));
}

TEST(PhaseGivesUpOnADeviceThatStaysHot) {
  Bench bench;
  bench.folder().Write("dumpsys", "#!/bin/sh\necho 'Thermal Status: 2'\n");
  chmod((bench.folder().path() + "/dumpsys").c_str(), 0700);
  const auto events = RunGated(bench, R"("status": ["dumpsys"], "cool_s": 0.05, "poll_s": 0.02)", TimeJobText("a"));
  CHECK_EQUAL(Bench::Text(events.back(), "stopped"), "hot");
  CHECK_EQUAL(Bench::Order(events), "");
  CHECK_EQUAL(Bench::Text(Bench::Select(events, "state").at(0), "hot"), "thermal status 2 (moderate)");
}

TEST(PhaseMeasuresAgainWhatItMeasuredInTheHeat) {
  Bench bench;
  // Fit at first, hot once, then fit for good.
  bench.folder().Write("looks", "");
  bench.folder().Write("dumpsys",
                       "#!/bin/sh\ncd \"${0%/*}\" && echo >> looks\n"
                       "[ \"$(wc -l < looks)\" -eq 2 ] && echo 'Thermal Status: 4' || echo 'Thermal Status: 0'\n");
  chmod((bench.folder().path() + "/dumpsys").c_str(), 0700);
  const auto events =
      RunGated(bench, R"("status": ["dumpsys"], "poll_s": 0.01)", TimeJobText("a") + "," + TimeJobText("b", "fails"));
  CHECK_EQUAL(Bench::Order(events), "a a b a");
  CHECK_EQUAL(Bench::Select(events, "cooled").size(), 1U);
  CHECK(Bench::Field(events.back(), "stopped").type() == Json::Type::kNull);
}

}  // namespace
}  // namespace syncnas
