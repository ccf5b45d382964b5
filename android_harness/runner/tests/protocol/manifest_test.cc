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
  CHECK_EQUAL(manifest.output_segment, 2U);
  CHECK_EQUAL(manifest.input.Bytes(), 16U);
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

}  // namespace
}  // namespace syncnas
