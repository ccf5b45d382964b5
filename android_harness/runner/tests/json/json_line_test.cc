#include "json/json_line.h"

#include <string>

#include "json/json.h"
#include "support/check.h"

namespace syncnas {
namespace {

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
  CHECK_EQUAL(REQUIRED(json.Find("text")).text(), "a\"\\\n\x01\x7F\xC3\xA9");
  CHECK_EQUAL(REQUIRED(json.Find("ints")).elements().at(2).whole().value(), INT64_MIN);
  CHECK(REQUIRED(json.Find("none")).elements().empty());
  CHECK_EQUAL(REQUIRED(json.Find("objects")).elements().size(), 2U);
  CHECK(REQUIRED(json.Find("yes")).boolean());
}

}  // namespace
}  // namespace syncnas
