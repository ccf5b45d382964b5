#include "protocol/manifest.h"

#include <string>

#include "support/check.h"

namespace syncnas {
namespace {

std::string Segment(const std::string& name, const std::string& unit, const std::string& from,
                    const std::string& shape = "[1, 4]", const std::string& model = "s/m.tflite") {
  return R"({"name": ")" + name + R"(", "unit": ")" + unit + R"(", "model": ")" + model +
         R"(", "blocks": [], "inputs": [{"name": "in0", "shape": )" + shape + R"(, "from": ")" + from +
         R"("}], "output": {"name": "out", "shape": )" + shape + "}}";
}

Manifest Parse(const std::string& segments, const std::string& output = "a.1",
               const std::string& units = R"(["a", "b"])") {
  return ParseManifest(R"({"format": 1, "model": "m", "units": )" + units + R"(, "segments": [)" + segments +
                           R"(], "input": {"file": "in.f32", "shape": [1, 4]}, "output": {"segment": ")" + output +
                           R"(", "file": "out.f32", "shape": [1, 4]}})",
                       "/bundle");
}

TEST(ManifestIsRead) {
  const Manifest manifest =
      Parse(Segment("a.0", "a", "input") + "," + Segment("b.0", "b", "a.0") + "," + Segment("a.1", "a", "b.0"));
  REQUIRE(manifest.segments.size() == 3);
  CHECK_EQUAL(manifest.segments[0].inputs.at(0).from, SegmentInput::kNetworkInput);
  CHECK_EQUAL(manifest.segments[2].inputs.at(0).from, 1);
  CHECK_EQUAL(manifest.segments[1].unit, 1U);
  CHECK_EQUAL(manifest.segments[1].model.full, "/bundle/s/m.tflite");
  CHECK_EQUAL(manifest.segments[1].model_bytes, -1);
  CHECK_EQUAL(manifest.outputs.at(0).segment, 2U);
  CHECK_EQUAL(manifest.inputs.at(0).type.Bytes(), 16U);
}

TEST(ManifestRefusesWrongGraphs) {
  CHECK_FAILS(Parse(""), "segments must have between 1");
  CHECK_FAILS(Parse(Segment("a.0", "a", "a.1") + "," + Segment("a.1", "a", "a.0")),
              "segments[0].inputs[0].from is \"a.1\", which is neither \"input\" nor an earlier segment");
  CHECK_FAILS(Parse(Segment("a.0", "a", "a.0")), "which is neither \"input\" nor an earlier segment");
  CHECK_FAILS(Parse(Segment("a.0", "c", "input")), "segments[0].unit is \"c\", which is not one of units");
  CHECK_FAILS(Parse(Segment("a.0", "a", "input") + "," + Segment("a.0", "a", "input")), "segments[1].name is \"a.0\"");
  CHECK_FAILS(Parse(Segment("input", "a", "input")), "segments[0].name is \"input\", which is taken");
  CHECK_FAILS(Parse(Segment("a.0", "a", "input", "[1, 5]")),
              "segments[0].inputs[0].shape is float32 [1, 5], but input gives float32 [1, 4]");
  CHECK_FAILS(Parse(Segment("a.0", "a", "input"), "a.9"), "output.segment is \"a.9\"");
  CHECK_FAILS(Parse(Segment("a.0", "a", "input"), "a.0", R"(["a", "a"])"), "units names a unit twice");
}

TEST(ManifestRefusesWrongShapes) {
  CHECK_FAILS(Parse(Segment("a.0", "a", "input", "[1, -4]")), "segments[0].inputs[0].shape[1] must be between 1");
  CHECK_FAILS(Parse(Segment("a.0", "a", "input", "[16777216, 16777216]")), "has more than 268435456 elements");
  CHECK_FAILS(Parse(Segment("a.0", "a", "input", "[1,1,1,1,1,1,1,1,1]")), "has more than 8 dimensions");
}

TEST(ManifestPathsStayInTheBundle) {
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", "..", "a/.."}) {
    CHECK_FAILS(Parse(Segment("a.0", "a", "input", "[1, 4]", path)), "which leads out of the bundle");
  }
  CHECK_EQUAL(Parse(Segment("a.0", "a", "input", "[1, 4]", "a..b/c..tflite"), "a.0").segments.size(), 1U);
}

std::string ParseSeveral(const std::string& inputs, const std::string& outputs, const std::string& taken,
                         Manifest* manifest = nullptr) {
  const Manifest read = ParseManifest(
      R"({"format": 2, "units": ["a", "b"], "segments": [
          {"name": "a.0", "unit": "a", "model": "m", "inputs": [
           {"name": "x", "shape": [4], "dtype": "int8", "from": "input", "output": 1}],
           "outputs": [{"name": "p", "shape": [1, 4], "dtype": "float32"},
                       {"name": "q", "shape": [], "dtype": "int32"}]},
          {"name": "b.0", "unit": "b", "model": "m", "inputs": )" +
          taken + R"(, "outputs": [{"name": "p", "shape": [2], "dtype": "bool"}]}], "inputs": )" + inputs +
          R"(, "outputs": )" + outputs + "}",
      "/bundle");
  if (manifest != nullptr) {
    *manifest = read;
  }
  return "";
}

constexpr const char* kInputs = R"([{"file": "i.f32", "shape": [1], "dtype": "float32"},
                                    {"file": "i.1.i8", "shape": [4], "dtype": "int8"}])";
constexpr const char* kOutputs = R"([{"segment": "b.0", "shape": [2], "dtype": "bool"},
                                     {"segment": "a.0", "output": 1, "shape": [], "dtype": "int32"}])";
constexpr const char* kTaken = R"([{"name": "x", "shape": [], "dtype": "int32", "from": "a.0", "output": 1},
                                   {"name": "y", "shape": [1, 4], "dtype": "float32", "from": "a.0"}])";

TEST(ManifestOfSeveralTensorsIsRead) {
  Manifest manifest;
  ParseSeveral(kInputs, kOutputs, kTaken, &manifest);
  REQUIRE(manifest.segments.size() == 2 && manifest.inputs.size() == 2 && manifest.outputs.size() == 2);
  CHECK_EQUAL(manifest.inputs[1].file.full, "/bundle/i.1.i8");
  CHECK_EQUAL(manifest.segments[0].inputs.at(0).from, SegmentInput::kNetworkInput);
  CHECK_EQUAL(manifest.segments[0].inputs.at(0).number, 1U);
  CHECK_EQUAL(manifest.segments[1].inputs.at(0).number, 1U);
  CHECK_EQUAL(manifest.segments[1].inputs.at(1).number, 0U);
  CHECK_EQUAL(manifest.TypeOf(manifest.outputs[0]).ToString(), "bool [2]");
  CHECK_EQUAL(manifest.TypeOf(manifest.outputs[1]).ToString(), "int32 []");
}

TEST(ManifestOfSeveralTensorsRefusesWhatIsNotGiven) {
  const auto taken = [](const std::string& shape, const std::string& dtype, const std::string& from,
                        const std::string& output) {
    return R"([{"name": "x", "shape": )" + shape + R"(, "dtype": ")" + dtype + R"(", "from": ")" + from +
           R"(", "output": )" + output + "}]";
  };
  CHECK_EQUAL(ParseSeveral(kInputs, kOutputs, taken("[1, 4]", "float32", "a.0", "0")), "");
  CHECK_FAILS(ParseSeveral(kInputs, kOutputs, taken("[1, 4]", "float32", "a.0", "2")),
              "segments[1].inputs[0].output is 2, but a.0 gives 2");
  CHECK_FAILS(ParseSeveral(kInputs, kOutputs, taken("[1]", "float32", "input", "2")),
              "segments[1].inputs[0].output is 2, but input gives 2");
  CHECK_FAILS(ParseSeveral(kInputs, kOutputs, taken("[1, 4]", "float32", "a.0", "-1")),
              "segments[1].inputs[0].output must be between 0 and 254, not -1");
  CHECK_FAILS(ParseSeveral(kInputs, kOutputs, taken("[1, 4]", "int32", "a.0", "0")),
              "segments[1].inputs[0].shape is int32 [1, 4], but a.0 gives float32 [1, 4]");
  CHECK_FAILS(ParseSeveral(kInputs, kOutputs, taken("[1, 4]", "float64", "a.0", "0")),
              "segments[1].inputs[0].dtype is \"float64\"");
  CHECK_FAILS(ParseSeveral("[]", kOutputs, kTaken), "inputs must not be empty");
  CHECK_FAILS(ParseSeveral(kInputs, "[]", kTaken), "outputs must not be empty");
  CHECK_FAILS(ParseSeveral(kInputs, R"([{"segment": "b.0", "output": 1, "shape": [2], "dtype": "bool"}])", kTaken),
              "outputs[0].output is 1, but b.0 gives 1");
  CHECK_FAILS(ParseSeveral(kInputs, R"([{"segment": "z", "shape": [2], "dtype": "bool"}])", kTaken),
              "outputs[0].segment is \"z\", and there is no segment of that name");
  CHECK_FAILS(ParseSeveral(kInputs, R"([{"segment": "b.0", "shape": [2], "dtype": "int8"}])", kTaken),
              "outputs[0].shape is int8 [2], but b.0 gives bool [2]");
  CHECK_FAILS(ParseSeveral(R"([{"file": "../i", "shape": [1], "dtype": "float32"}])", kOutputs, kTaken),
              "inputs[0].file is \"../i\", which leads out of the bundle");
  CHECK_FAILS(ParseManifest(R"({"format": 3})", "."), "format must be between 1 and 2, not 3");
}

}  // namespace
}  // namespace syncnas
