#include "json/json.h"

#include <string>
#include <vector>

#include "base/failure.h"
#include "json/fields.h"
#include "json/json_line.h"
#include "support/check.h"

namespace syncnas {
namespace {

TEST(JsonReadsEveryKindOfValue) {
  const Json json =
      Json::Parse(" {\"a\": [1, -2.5e3, true, false, null, \"x\\n\\u00e9\\ud83d\\ude00/\\/\"], \"b\": {}}\r\n");
  const std::vector<Json>& a = json.Find("a")->elements();
  CHECK_EQUAL(a.size(), 6U);
  CHECK_EQUAL(*a[0].whole(), 1);
  CHECK_EQUAL(a[1].number(), -2500.0);
  CHECK(!a[1].whole());
  CHECK(a[2].boolean());
  CHECK(!a[3].boolean());
  CHECK(a[4].type() == Json::Type::kNull);
  CHECK_EQUAL(a[5].text(), "x\n\xC3\xA9\xF0\x9F\x98\x80//");
  CHECK(json.Find("b")->members().empty());
  CHECK(json.Find("c") == nullptr);
}

TEST(JsonTellsWholeNumbersFromOthers) {
  CHECK_EQUAL(*Json::Parse("9223372036854775807").whole(), INT64_MAX);
  CHECK_EQUAL(*Json::Parse("-9223372036854775808").whole(), INT64_MIN);
  CHECK(!Json::Parse("9223372036854775808").whole());
  CHECK(!Json::Parse("1.0").whole());
  CHECK(!Json::Parse("1e2").whole());
  CHECK_EQUAL(*Json::Parse("-0").whole(), 0);
}

TEST(JsonRefusesWhatIsMalformed) {
  const std::vector<std::string> corpus = {
      "",
      " ",
      "{",
      "}",
      "[",
      "]",
      "[1,]",
      "[,1]",
      "[1 2]",
      "{\"a\"}",
      "{\"a\":}",
      "{\"a\":1,}",
      "{a:1}",
      "{\"a\":1 \"b\":2}",
      "{1:2}",
      "01",
      "-",
      "+1",
      ".5",
      "1.",
      "1e",
      "1e+",
      "0x1",
      "NaN",
      "Infinity",
      "-Infinity",
      "1e999",
      "tru",
      "nulls",
      "True",
      "'a'",
      "\"",
      "\"a",
      "\"\\",
      "\"\\x\"",
      "\"\\u12\"",
      "\"\\u12g4\"",
      "\"\\ud800\"",
      "\"\\ud800\\u0041\"",
      "\"\\udc00\"",
      "\"\t\"",
      "\"\n\"",
      "1 2",
      "[] []",
      "// c\n1",
      "{\"a\":1,\"a\":2}",
      "\xEF\xBB\xBF[]",
      "\"\xFF\"",
      "\"\xC0\xAF\"",
      "\"\xED\xA0\x80\"",
      "\"\xF4\x90\x80\x80\"",
      "\"\xE2\x82\"",
      "\"\xC3",
      "[1",
      "{\"a\":[}",
      "--1",
      "1-",
  };
  for (const std::string& text : corpus) {
    bool refused = false;
    try {
      Json::Parse(text);
    } catch (const Failure& failure) {
      refused = std::string(failure.what()).rfind("line ", 0) == 0;
    }
    if (!refused) {
      test::ReportFailure(__FILE__, __LINE__, "accepted: " + text);
    }
  }
  CHECK_FAILS(Json::Parse(std::string("1\0", 2)), "unexpected text");
  CHECK_FAILS(Json::Parse(std::string("\"a\0\"", 4)), "control character");
}

TEST(JsonSurvivesEveryPrefixOfADocument) {
  const std::string document = R"({"a": [1.5e-3, "\u0041\ud83d\ude00", {"b": null}], "c": [true, [false]]})";
  for (size_t length = 0; length < document.size(); ++length) {
    CHECK_FAILS(Json::Parse(document.substr(0, length)), "line 1");
  }
}

TEST(JsonErrorsSayWhere) {
  CHECK_FAILS(Json::Parse("{\n  \"a\": 1,\n  \"b\" 2\n}"), "line 3, column 7 (offset 18): expected ':'");
  CHECK_FAILS(Json::Parse("{\"a\": 1, \"a\": 2}"), "column 10 (offset 9): \"a\" stands twice");
}

TEST(JsonLimitsDepth) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(Json::Parse(nested(Json::kMaxDepth)).type() == Json::Type::kArray);
  CHECK_FAILS(Json::Parse(nested(Json::kMaxDepth + 1)), "nested more than 64 deep");
  CHECK_FAILS(Json::Parse(std::string(1'000'000, '[')), "nested more than 64 deep");
}

TEST(JsonLineWritesWhatJsonReads) {
  JsonLine line;
  line.Name("text").String("a\"\\\n\x01\x7F\xC3\xA9");
  line.Name("ints").Ints({1, -2, INT64_MIN});
  line.Name("none").Ints({});
  line.Name("objects").BeginArray().BeginObject().Name("x").Null().EndObject().BeginObject().EndObject().EndArray();
  line.Name("yes").Bool(true);
  const std::string text = line.Finish();
  CHECK_EQUAL(text.find('\n'), std::string::npos);
  const Json json = Json::Parse(text);
  CHECK_EQUAL(json.Find("text")->text(), "a\"\\\n\x01\x7F\xC3\xA9");
  CHECK_EQUAL(*json.Find("ints")->elements()[2].whole(), INT64_MIN);
  CHECK(json.Find("none")->elements().empty());
  CHECK_EQUAL(json.Find("objects")->elements().size(), 2U);
  CHECK(json.Find("yes")->boolean());
}

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
