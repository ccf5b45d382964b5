#ifndef SYNCNAS_RUNNER_JSON_JSON_LINE_H_
#define SYNCNAS_RUNNER_JSON_JSON_LINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncnas {

// Builds one JSON object on one line. Between BeginArray and EndArray values are added without a name, elsewhere each
// follows its Name.
class JsonLine {
 public:
  JsonLine() { BeginObject(); }

  JsonLine& Name(std::string_view name);

  JsonLine& String(std::string_view value);
  JsonLine& Int(int64_t value);
  // Null where there is none.
  JsonLine& OptionalInt(const std::optional<int64_t>& value);
  // Finite; with four digits after the point.
  JsonLine& Number(double value);
  JsonLine& Bool(bool value);
  JsonLine& Null();
  JsonLine& Ints(const std::vector<int64_t>& values);
  JsonLine& Strings(const std::vector<std::string>& values);

  JsonLine& BeginObject();
  JsonLine& EndObject();
  JsonLine& BeginArray();
  JsonLine& EndArray();

  // Closes the object and returns the line without its line break. The builder is spent afterwards.
  std::string Finish();

 private:
  void Separate();
  void Quote(std::string_view value);

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JSON_JSON_LINE_H_
