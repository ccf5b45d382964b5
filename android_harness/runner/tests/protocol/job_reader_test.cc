#include "protocol/job_reader.h"

#include <string>
#include <vector>

#include "json/fields.h"
#include "json/json.h"
#include "support/check.h"

namespace syncnas {
namespace {

JobSpec ParseJob(const std::string& job) {
  std::vector<UnitSpec> units(2);
  units[0].name = "cpu0";
  units[1].name = "gpu0";
  const Json json = Json::Parse("{" + job + "}");
  Fields fields(json, "jobs[0]");
  JobSpec spec = ReadJob(fields, units, "/data");
  fields.RefuseOthers();
  return spec;
}

TEST(WrongJobsAreRefused) {
  CHECK_FAILS(ParseJob(""), "jobs[0].id is missing");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "x")"), "jobs[0].kind is \"x\"");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "time", "unit": "cpu9", "model": "m", "runs": 1)"),
              "jobs[0].unit is \"cpu9\", and the phase has no unit of that name");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "time", "unit": "cpu0", "model": "", "runs": 1)"), "jobs[0].model");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": -5)"),
              "jobs[0].runs must be between 1 and 100000, not -5");
  CHECK_FAILS(
      ParseJob(R"("id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1, "warmup_limit_us": 60000001)"),
      "jobs[0].warmup_limit_us must be between 0 and 60000000, not 60000001");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "collab", "manifest": "m", "path": "shared", "runs": 1, "warmup_us": -1)"),
              "jobs[0].warmup_us must be between 0 and 60000000, not -1");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "transfer", "from": "cpu0", "to": "gpu0", "model": "m", "path": "shared",
                          "runs": 1, "warmup_limit_us": 5)"),
              "jobs[0].warmup_limit_us is not a known field");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 99999999999999999999)"),
              "jobs[0].runs must be a whole number");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1, "warmpu": 3)"),
              "jobs[0].warmpu is not a known field");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1,
                          "load": [{"unit": "cpu0", "model": "m"}])"),
              "jobs[0].load[0].unit is \"cpu0\", which is busy");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "collab", "manifest": "m", "path": "shared", "runs": 1,
                          "bind": {"x": "cpu0"}, "load": [{"unit": "cpu0", "model": "m"}])"),
              "jobs[0].load[0].unit is \"cpu0\", which is busy");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "transfer", "from": "cpu0", "to": "cpu0", "model": "m", "path": "shared",
                          "runs": 1)"),
              "jobs[0].to is \"cpu0\", the sender itself");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "transfer", "from": "cpu0", "to": "gpu0", "model": "m", "path": "dma",
                          "runs": 1)"),
              "jobs[0].path is \"dma\"");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "transfer", "from": "cpu0", "to": "gpu0", "model": "m", "path": "shared",
                          "wait": "poll", "runs": 1)"),
              "jobs[0].wait is \"poll\"");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "collab", "manifest": "m", "path": "shared", "runs": 1,
                          "bind": {"x": "cpu0", "y": "cpu0"})"),
              "jobs[0].bind.y is \"cpu0\", which x is bound to as well");
  CHECK_FAILS(ParseJob(R"("id": "a", "kind": "collab", "manifest": "m", "path": "shared", "runs": 1, "mode": "both")"),
              "jobs[0].mode is \"both\"");
}

TEST(JobsMayGoOnThroughAllRounds) {
  const std::string job = R"("id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1)";
  CHECK(ParseJob(job).settles);
  CHECK(!ParseJob(job + R"(, "settles": false)").settles);
  CHECK_FAILS(ParseJob(job + R"(, "settles": 0)"), "jobs[0].settles");
}

TEST(JobsMayBeOfAGroup) {
  const std::string job = R"("id": "a", "kind": "time", "unit": "cpu0", "model": "m", "runs": 1)";
  CHECK_EQUAL(ParseJob(job).group, "");
  CHECK_EQUAL(ParseJob(job + R"(, "group": "beside/cpu0")").group, "beside/cpu0");
  CHECK_FAILS(ParseJob(job + R"(, "group": "")"), "jobs[0].group");
  CHECK_FAILS(ParseJob(job + R"(, "group": 1)"), "jobs[0].group");
}

}  // namespace
}  // namespace syncnas
