#include "protocol/manifest.h"

#include <algorithm>
#include <set>

#include "base/failure.h"
#include "json/fields.h"
#include "json/json.h"

namespace syncnas {

namespace {

constexpr int64_t kFormat = 1;
constexpr int64_t kLargestDimension = 1 << 24;
constexpr size_t kMostDimensions = 8;
constexpr size_t kMostElements = size_t{1} << 28;
constexpr size_t kMostSegments = 4096;

TensorType ReadShape(Fields& fields) {
  fields.Require("shape");
  TensorType type;
  type.element = ElementType::kFloat32;
  type.dims = fields.Wholes("shape", 1, kLargestDimension);
  if (type.dims.size() > kMostDimensions) {
    throw Failure(fields.FullName("shape") + " has more than " + std::to_string(kMostDimensions) + " dimensions");
  }
  size_t elements = 1;
  for (const int64_t dim : type.dims) {
    elements *= static_cast<size_t>(dim);
    if (elements > kMostElements) {
      throw Failure(fields.FullName("shape") + " has more than " + std::to_string(kMostElements) + " elements");
    }
  }
  return type;
}

// Bundles are passed around; one must not make the runner open files elsewhere.
FilePath PathInside(Fields& fields, const char* name, const std::string& folder) {
  const std::string path = fields.Text(name);
  if (!StaysInside(path)) {
    throw Failure(fields.FullName(name) + " is \"" + path + "\", which leads out of the bundle");
  }
  return {path, folder + "/" + path};
}

class ManifestReader {
 public:
  explicit ManifestReader(std::string folder) : folder_(std::move(folder)) {}

  Manifest Read(const Json& document) {
    Fields fields(document, "");
    fields.Whole("format", kFormat, kFormat);
    ReadUnits(fields);
    Fields input(fields.Require("input"), "input");
    manifest_.input_file = PathInside(input, "file", folder_);
    manifest_.input = ReadShape(input);
    fields.Require("segments");
    const Json& segments = *fields.FindArray("segments");
    if (segments.elements().empty() || segments.elements().size() > kMostSegments) {
      throw Failure("segments must have between 1 and " + std::to_string(kMostSegments) + " elements");
    }
    for (const Json& element : segments.elements()) {
      ReadSegment(element);
    }
    ReadOutput(fields);
    return std::move(manifest_);
  }

 private:
  void ReadUnits(Fields& fields) {
    fields.Require("units");
    manifest_.units = fields.Texts("units");
    if (std::set<std::string>(manifest_.units.begin(), manifest_.units.end()).size() != manifest_.units.size()) {
      throw Failure("units names a unit twice");
    }
  }

  // Only the segments before the one that is being read are there, so a later or its own name is not found either.
  [[nodiscard]] int SegmentIndex(const std::string& name) const {
    for (size_t i = 0; i < manifest_.segments.size(); ++i) {
      if (manifest_.segments[i].name == name) {
        return static_cast<int>(i);
      }
    }
    return -1;
  }

  void ReadSegment(const Json& element) {
    Fields fields(element, "segments[" + std::to_string(manifest_.segments.size()) + "]");
    SegmentSpec segment;
    segment.name = fields.Text("name");
    if (SegmentIndex(segment.name) >= 0 || segment.name == "input" || segment.name == "output") {
      throw Failure(fields.FullName("name") + " is \"" + segment.name + "\", which is taken");
    }
    const std::string unit = fields.Text("unit");
    const auto known = std::find(manifest_.units.begin(), manifest_.units.end(), unit);
    if (known == manifest_.units.end()) {
      throw Failure(fields.FullName("unit") + " is \"" + unit + "\", which is not one of units");
    }
    segment.unit = static_cast<size_t>(known - manifest_.units.begin());
    segment.model = PathInside(fields, "model", folder_);
    segment.model_bytes = fields.Whole("bytes", 0, INT64_MAX, -1);
    fields.Require("inputs");
    for (const Json& input : fields.FindArray("inputs")->elements()) {
      segment.inputs.push_back(
          ReadInput(input, fields.FullName("inputs[" + std::to_string(segment.inputs.size()) + "]")));
    }
    if (segment.inputs.empty()) {
      throw Failure(fields.FullName("inputs") + " must not be empty");
    }
    Fields output(fields.Require("output"), fields.FullName("output"));
    segment.output = ReadShape(output);
    manifest_.segments.push_back(std::move(segment));
  }

  SegmentInput ReadInput(const Json& element, const std::string& where) {
    Fields fields(element, where);
    SegmentInput input;
    input.name = fields.Text("name");
    input.type = ReadShape(fields);
    const std::string from = fields.Text("from");
    if (from != "input") {
      input.from = SegmentIndex(from);
      if (input.from < 0) {
        throw Failure(fields.FullName("from") + " is \"" + from +
                      "\", which is neither \"input\" nor an earlier segment");
      }
    }
    const TensorType& source =
        from == "input" ? manifest_.input : manifest_.segments[static_cast<size_t>(input.from)].output;
    if (source != input.type) {
      throw Failure(fields.FullName("shape") + " is " + input.type.ToString() + ", but " + from + " gives " +
                    source.ToString());
    }
    return input;
  }

  void ReadOutput(Fields& document) {
    Fields fields(document.Require("output"), "output");
    const std::string name = fields.Text("segment");
    const int index = SegmentIndex(name);
    if (index < 0) {
      throw Failure("output.segment is \"" + name + "\", and there is no segment of that name");
    }
    manifest_.output_segment = static_cast<size_t>(index);
    const TensorType shape = ReadShape(fields);
    const TensorType& given = manifest_.segments[manifest_.output_segment].output;
    if (shape != given) {
      throw Failure("output.shape is " + shape.ToString() + ", but " + name + " gives " + given.ToString());
    }
  }

  std::string folder_;
  Manifest manifest_;
};

}  // namespace

Manifest ParseManifest(std::string_view text, const std::string& folder) {
  return ManifestReader(folder).Read(Json::Parse(text));
}

}  // namespace syncnas
