#include "json/fields.h"

#include "json/json.h"
#include "support/check.h"

namespace syncnas {
namespace {

TEST(FieldsNameWhatIsWrong) {
  const Json json =
      Json::Parse(R"({"n": -1, "f": 1.5, "s": "", "z": "a\u0000b", "w": "x", "l": [1, "2"], "big": 1e18})");
  Fields fields(json, "jobs[3]");
  CHECK_FAILS(fields.Whole("n", 0, 9), "jobs[3].n must be between 0 and 9, not -1");
  CHECK_FAILS(fields.Whole("f", 0, 9), "jobs[3].f must be a whole number between 0 and 9");
  CHECK_FAILS(fields.Whole("big", 0, 9), "jobs[3].big must be a whole number");
  CHECK_FAILS(fields.Whole("w", 0, 9), "jobs[3].w must be a whole number, not a string");
  CHECK_FAILS(fields.Whole("m", 0, 9), "jobs[3].m is missing");
  CHECK_FAILS(fields.Text("s"), "jobs[3].s must not be empty");
  CHECK_FAILS(fields.Text("z"), "jobs[3].z must not contain a NUL");
  CHECK_FAILS(fields.Text("n"), "jobs[3].n must be a string, not a number");
  CHECK_FAILS((fields.Choice<int>("w", {{"a", 1}, {"b", 2}})), "jobs[3].w is \"x\"; it must be one of: a, b");
  CHECK_FAILS(fields.Wholes("l", 0, 9), "jobs[3].l[1] must be a whole number");
  CHECK_FAILS(fields.Number("f", 0, 1, 0), "jobs[3].f must be between 0 and 1, not 1.5");
  CHECK_FAILS(fields.Bool("n", false), "jobs[3].n must be true or false");
  CHECK_FAILS(fields.FindObject("n"), "jobs[3].n must be an object");
  Fields fresh(json, "");
  fresh.Find("n");
  CHECK_FAILS(fresh.RefuseOthers(), "f is not a known field");
}

}  // namespace
}  // namespace syncnas
