#include "json/json.h"

#include <string>
#include <vector>

#include "base/failure.h"
#include "support/check.h"

namespace syncnas {
namespace {

TEST(JsonReadsEveryKindOfValue) {
  const Json json =
      Json::Parse(" {\"a\": [1, -2.5e3, true, false, null, \"x\\n\\u00e9\\ud83d\\ude00/\\/\"], \"b\": {}}\r\n");
  const std::vector<Json>& a = REQUIRED(json.Find("a")).elements();
  REQUIRE(a.size() == 6);
  CHECK_EQUAL(a[0].whole().value(), 1);
  CHECK_EQUAL(a[1].number(), -2500.0);
  CHECK(!a[1].whole());
  CHECK(a[2].boolean());
  CHECK(!a[3].boolean());
  CHECK(a[4].type() == Json::Type::kNull);
  CHECK_EQUAL(a[5].text(), "x\n\xC3\xA9\xF0\x9F\x98\x80//");
  CHECK(REQUIRED(json.Find("b")).members().empty());
  CHECK(json.Find("c") == nullptr);
}

TEST(JsonTellsWholeNumbersFromOthers) {
  CHECK_EQUAL(Json::Parse("9223372036854775807").whole().value(), INT64_MAX);
  CHECK_EQUAL(Json::Parse("-9223372036854775808").whole().value(), INT64_MIN);
  CHECK(!Json::Parse("9223372036854775808").whole());
  CHECK(!Json::Parse("1.0").whole());
  CHECK(!Json::Parse("1e2").whole());
  CHECK_EQUAL(Json::Parse("-0").whole().value(), 0);
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

}  // namespace
}  // namespace syncnas
