#include "protocol/manifest.h"

#include <algorithm>
#include <iterator>
#include <functional>
#include <set>

#include "base/failure.h"
#include "json/fields.h"
#include "json/json.h"

namespace syncnas {

namespace {

constexpr int64_t kFormat = 2;
// Has one `input` and one `output`, of the network as of each segment, and no element types.
constexpr int64_t kFirstFormat = 1;
constexpr int64_t kLargestDimension = 1 << 24;
constexpr size_t kMostDimensions = 8;
constexpr size_t kMostElements = size_t{1} << 28;
constexpr size_t kMostSegments = 4096;
constexpr size_t kMostTensors = 255;

std::vector<int64_t> ReadShape(Fields& fields) {
  fields.Require("shape");
  std::vector<int64_t> dims = fields.Wholes("shape", 1, kLargestDimension);
  if (dims.size() > kMostDimensions) {
    throw Failure(fields.FullName("shape") + " has more than " + std::to_string(kMostDimensions) + " dimensions");
  }
  size_t elements = 1;
  for (const int64_t dim : dims) {
    elements *= static_cast<size_t>(dim);
    if (elements > kMostElements) {
      throw Failure(fields.FullName("shape") + " has more than " + std::to_string(kMostElements) + " elements");
    }
  }
  return dims;
}

ElementType ReadElement(Fields& fields) {
  std::vector<std::pair<const char*, ElementType>> choices;
  choices.reserve(std::size(kElementTypes));
  for (const ElementType element : kElementTypes) {
    choices.emplace_back(Name(element), element);
  }
  return fields.Choice<ElementType>("dtype", choices);
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
    has_lists_ = fields.Whole("format", kFirstFormat, kFormat) != kFirstFormat;
    ReadUnits(fields);
    ForEachTensor(fields, "input", [this](Fields& input) {
      FilePath file = PathInside(input, "file", folder_);
      manifest_.inputs.push_back({std::move(file), ReadType(input)});
    });
    fields.Require("segments");
    const Json& segments = *fields.FindArray("segments");
    if (segments.elements().empty() || segments.elements().size() > kMostSegments) {
      throw Failure("segments must have between 1 and " + std::to_string(kMostSegments) + " elements");
    }
    for (const Json& element : segments.elements()) {
      ReadSegment(element);
    }
    ForEachTensor(fields, "output", [this](Fields& output) { ReadOutput(output); });
    return std::move(manifest_);
  }

 private:
  TensorType ReadType(Fields& fields) const {
    return {has_lists_ ? ReadElement(fields) : ElementType::kFloat32, ReadShape(fields)};
  }

  // Calls `read` for every tensor of a list, whose name has an s, or, in format 1, for the only one.
  void ForEachTensor(Fields& fields, const std::string& name, const std::function<void(Fields&)>& read) const {
    if (has_lists_) {
      ForEachElement(fields, (name + "s").c_str(), read);
    } else {
      Fields only(fields.Require(name.c_str()), fields.FullName(name));
      read(only);
    }
  }

  static void ForEachElement(Fields& fields, const char* name, const std::function<void(Fields&)>& read) {
    fields.Require(name);
    const std::vector<Json>& elements = fields.FindArray(name)->elements();
    if (elements.empty()) {
      throw Failure(fields.FullName(name) + " must not be empty");
    }
    if (elements.size() > kMostTensors) {
      throw Failure(fields.FullName(name) + " has more than " + std::to_string(kMostTensors) + " elements");
    }
    for (size_t i = 0; i < elements.size(); ++i) {
      Fields element(elements[i], fields.FullName(std::string(name) + "[" + std::to_string(i) + "]"));
      read(element);
    }
  }

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
    ForEachElement(fields, "inputs", [this, &segment](Fields& input) { segment.inputs.push_back(ReadInput(input)); });
    ForEachTensor(fields, "output", [this, &segment](Fields& output) { segment.outputs.push_back(ReadType(output)); });
    manifest_.segments.push_back(std::move(segment));
  }

  // Which of the tensors that `owner` gives, `count` in all, is meant.
  size_t ReadNumber(Fields& fields, const std::string& owner, size_t count) const {
    const auto number = has_lists_ ? static_cast<size_t>(fields.Whole("output", 0, kMostTensors - 1, 0)) : 0;
    if (number >= count) {
      throw Failure(fields.FullName("output") + " is " + std::to_string(number) + ", but " + owner + " gives " +
                    std::to_string(count));
    }
    return number;
  }

  SegmentInput ReadInput(Fields& fields) {
    SegmentInput input;
    input.name = fields.Text("name");
    input.type = ReadType(fields);
    const std::string from = fields.Text("from");
    if (from == "input") {
      input.number = ReadNumber(fields, from, manifest_.inputs.size());
      CheckType(fields, input.type, from, manifest_.inputs[input.number].type);
      return input;
    }
    input.from = SegmentIndex(from);
    if (input.from < 0) {
      throw Failure(fields.FullName("from") + " is \"" + from +
                    "\", which is neither \"input\" nor an earlier segment");
    }
    const std::vector<TensorType>& given = manifest_.segments[static_cast<size_t>(input.from)].outputs;
    input.number = ReadNumber(fields, from, given.size());
    CheckType(fields, input.type, from, given[input.number]);
    return input;
  }

  static void CheckType(Fields& fields, const TensorType& type, const std::string& from, const TensorType& given) {
    if (type != given) {
      throw Failure(fields.FullName("shape") + " is " + type.ToString() + ", but " + from + " gives " +
                    given.ToString());
    }
  }

  void ReadOutput(Fields& fields) {
    const std::string name = fields.Text("segment");
    const int index = SegmentIndex(name);
    if (index < 0) {
      throw Failure(fields.FullName("segment") + " is \"" + name + "\", and there is no segment of that name");
    }
    NetworkOutput output;
    output.segment = static_cast<size_t>(index);
    output.number = ReadNumber(fields, name, manifest_.segments[output.segment].outputs.size());
    CheckType(fields, ReadType(fields), name, manifest_.TypeOf(output));
    manifest_.outputs.push_back(output);
  }

  std::string folder_;
  Manifest manifest_;
  // From format 2 on: inputs and outputs are lists, of any element type.
  bool has_lists_ = true;
};

}  // namespace

Manifest ParseManifest(std::string_view text, const std::string& folder) {
  return ManifestReader(folder).Read(Json::Parse(text));
}

}  // namespace syncnas
