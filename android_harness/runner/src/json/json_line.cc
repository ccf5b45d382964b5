#include "json/json_line.h"

#include <cstdio>

#include <utility>

namespace syncnas {

void JsonLine::Separate() {
  if (needs_comma_) {
    text_ += ',';
  }
  needs_comma_ = true;
}

void JsonLine::Quote(std::string_view value) {
  text_ += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text_ += '\\';
      text_ += c;
    } else if (c == '\n') {
      text_ += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", static_cast<unsigned>(byte));
      text_ += escape;
    } else {
      text_ += c;
    }
  }
  text_ += '"';
}

JsonLine& JsonLine::Name(std::string_view name) {
  Separate();
  Quote(name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonLine& JsonLine::String(std::string_view value) {
  Separate();
  Quote(value);
  return *this;
}

JsonLine& JsonLine::Int(int64_t value) {
  Separate();
  text_ += std::to_string(value);
  return *this;
}

JsonLine& JsonLine::OptionalInt(const std::optional<int64_t>& value) { return value ? Int(*value) : Null(); }

JsonLine& JsonLine::Number(double value) {
  Separate();
  char text[32];
  std::snprintf(text, sizeof(text), "%.4f", value);
  text_ += text;
  return *this;
}

JsonLine& JsonLine::Bool(bool value) {
  Separate();
  text_ += value ? "true" : "false";
  return *this;
}

JsonLine& JsonLine::Null() {
  Separate();
  text_ += "null";
  return *this;
}

JsonLine& JsonLine::Strings(const std::vector<std::string>& values) {
  BeginArray();
  for (const std::string& value : values) {
    String(value);
  }
  return EndArray();
}

JsonLine& JsonLine::Ints(const std::vector<int64_t>& values) {
  BeginArray();
  for (const int64_t value : values) {
    Int(value);
  }
  return EndArray();
}

JsonLine& JsonLine::BeginObject() {
  Separate();
  text_ += '{';
  needs_comma_ = false;
  return *this;
}

JsonLine& JsonLine::EndObject() {
  text_ += '}';
  needs_comma_ = true;
  return *this;
}

JsonLine& JsonLine::BeginArray() {
  Separate();
  text_ += '[';
  needs_comma_ = false;
  return *this;
}

JsonLine& JsonLine::EndArray() {
  text_ += ']';
  needs_comma_ = true;
  return *this;
}

std::string JsonLine::Finish() {
  EndObject();
  return std::move(text_);
}

}  // namespace syncnas
