#include "json/json.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

#include <algorithm>
#include <unordered_set>

#include "base/failure.h"

namespace syncnas {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendUtf8(uint32_t code_point, std::string& out) {
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
    return;
  }
  if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | (code_point >> 6));
  } else {
    if (code_point < 0x10000) {
      out += static_cast<char>(0xE0 | (code_point >> 12));
    } else {
      out += static_cast<char>(0xF0 | (code_point >> 18));
      out += static_cast<char>(0x80 | ((code_point >> 12) & 0x3F));
    }
    out += static_cast<char>(0x80 | ((code_point >> 6) & 0x3F));
  }
  out += static_cast<char>(0x80 | (code_point & 0x3F));
}

// The length of the well-formed UTF-8 sequence at the start of `text`, or 0. Overlong forms, surrogates and code points
// beyond U+10FFFF are not well-formed.
size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [text](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  size_t length = 0;
  unsigned lowest = 0x80;
  unsigned highest = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    lowest = lead == 0xE0 ? 0xA0 : 0x80;
    highest = lead == 0xED ? 0x9F : 0xBF;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    lowest = lead == 0xF0 ? 0x90 : 0x80;
    highest = lead == 0xF4 ? 0x8F : 0xBF;
  } else {
    return 0;
  }
  if (byte(1) < lowest || byte(1) > highest) {
    return 0;
  }
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) {
      return 0;
    }
  }
  return length;
}

}  // namespace

class JsonParser {
 public:
  explicit JsonParser(std::string_view text) : text_(text) {}

  Json ParseDocument() {
    Json value = ParseValue(0);
    SkipSpace();
    if (at_ < text_.size()) {
      Fail("unexpected text after the value");
    }
    return value;
  }

 private:
  [[noreturn]] void Fail(const std::string& problem) const { FailAt(at_, problem); }

  [[noreturn]] void FailAt(size_t offset, const std::string& problem) const {
    const std::string_view before = text_.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0: the first line
    throw Failure("line " + std::to_string(line) + ", column " + std::to_string(offset - line_start + 1) + " (offset " +
                  std::to_string(offset) + "): " + problem);
  }

  [[nodiscard]] char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\n' || Peek() == '\r' || Peek() == '\t') {
      ++at_;
    }
  }

  bool Take(char expected) {
    if (at_ < text_.size() && text_[at_] == expected) {
      ++at_;
      return true;
    }
    return false;
  }

  void TakeWord(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) {
      Fail("expected a value");
    }
    at_ += word.size();
  }

  // The recursion is bounded by Json::kMaxDepth.
  Json ParseValue(int depth) {
    SkipSpace();
    if (at_ >= text_.size()) {
      Fail("the text ends where a value is expected");
    }
    Json value;
    switch (Peek()) {
      case '{':
        ParseObject(depth, value);
        break;
      case '[':
        ParseArray(depth, value);
        break;
      case '"':
        value.type_ = Json::Type::kString;
        value.text_ = ParseString();
        break;
      case 't':
        TakeWord("true");
        value.type_ = Json::Type::kBool;
        value.boolean_ = true;
        break;
      case 'f':
        TakeWord("false");
        value.type_ = Json::Type::kBool;
        break;
      case 'n':
        TakeWord("null");
        break;
      default:
        ParseNumber(value);
    }
    return value;
  }

  void EnterNesting(int depth) {
    if (depth >= Json::kMaxDepth) {
      Fail("nested more than " + std::to_string(Json::kMaxDepth) + " deep");
    }
    ++at_;
  }

  void ParseObject(int depth, Json& value) {
    EnterNesting(depth);
    value.type_ = Json::Type::kObject;
    std::unordered_set<std::string> names;
    SkipSpace();
    if (Take('}')) {
      return;
    }
    while (true) {
      SkipSpace();
      const size_t name_offset = at_;
      if (Peek() != '"') {
        Fail("expected a name in double quotes");
      }
      std::string name = ParseString();
      if (!names.insert(name).second) {
        FailAt(name_offset, "\"" + name + "\" stands twice in one object");
      }
      SkipSpace();
      if (!Take(':')) {
        Fail("expected ':'");
      }
      Json member = ParseValue(depth + 1);
      value.members_.emplace_back(std::move(name), std::move(member));
      SkipSpace();
      if (Take('}')) {
        return;
      }
      if (!Take(',')) {
        Fail("expected ',' or '}'");
      }
    }
  }

  void ParseArray(int depth, Json& value) {
    EnterNesting(depth);
    value.type_ = Json::Type::kArray;
    SkipSpace();
    if (Take(']')) {
      return;
    }
    while (true) {
      value.elements_.push_back(ParseValue(depth + 1));
      SkipSpace();
      if (Take(']')) {
        return;
      }
      if (!Take(',')) {
        Fail("expected ',' or ']'");
      }
    }
  }

  std::string ParseString() {
    const size_t start = at_;
    ++at_;
    std::string out;
    while (true) {
      if (at_ >= text_.size()) {
        FailAt(start, "this string has no end");
      }
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return out;
      }
      if (c == '\\') {
        ParseEscape(out);
        continue;
      }
      if (static_cast<unsigned char>(c) < 0x20) {
        Fail("a control character stands in a string");
      }
      const size_t length = Utf8SequenceLength(text_.substr(at_));
      if (length == 0) {
        Fail("this is not UTF-8");
      }
      out.append(text_.substr(at_, length));
      at_ += length;
    }
  }

  void ParseEscape(std::string& out) {
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const size_t start = at_;
    ++at_;
    const char name = Peek();
    if (const size_t index = kNames.find(name); name != '\0' && index != std::string_view::npos) {
      ++at_;
      out += kMeanings[index];
      return;
    }
    if (name != 'u') {
      FailAt(start, "unknown escape in a string");
    }
    ++at_;
    uint32_t code_point = ParseHex4(start);
    if (code_point >= 0xDC00 && code_point <= 0xDFFF) {
      FailAt(start, "a low surrogate stands alone");
    }
    if (code_point >= 0xD800 && code_point <= 0xDBFF) {
      if (!Take('\\') || !Take('u')) {
        FailAt(start, "a high surrogate stands alone");
      }
      const uint32_t low = ParseHex4(start);
      if (low < 0xDC00 || low > 0xDFFF) {
        FailAt(start, "a high surrogate stands alone");
      }
      code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
    }
    AppendUtf8(code_point, out);
  }

  uint32_t ParseHex4(size_t escape_start) {
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = Peek();
      uint32_t digit = 0;
      if (IsDigit(c)) {
        digit = static_cast<uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<uint32_t>(c - 'a') + 10;
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<uint32_t>(c - 'A') + 10;
      } else {
        FailAt(escape_start, "\\u needs four hexadecimal digits");
      }
      value = value * 16 + digit;
    }
    return value;
  }

  void SkipDigits() {
    if (!IsDigit(Peek())) {
      Fail("expected a digit");
    }
    while (IsDigit(Peek())) {
      ++at_;
    }
  }

  void ParseNumber(Json& value) {
    const size_t start = at_;
    if (!Take('-') && !IsDigit(Peek())) {
      Fail("expected a value");
    }
    if (Take('0')) {
      if (IsDigit(Peek())) {
        FailAt(start, "a number must not begin with 0");
      }
    } else {
      SkipDigits();
    }
    bool whole = true;
    if (Take('.')) {
      whole = false;
      SkipDigits();
    }
    if (Take('e') || Take('E')) {
      whole = false;
      if (!Take('+')) {
        Take('-');
      }
      SkipDigits();
    }
    const std::string digits(text_.substr(start, at_ - start));
    value.type_ = Json::Type::kNumber;
    value.number_ = std::strtod(digits.c_str(), nullptr);
    if (!std::isfinite(value.number_)) {
      FailAt(start, "this number is too large");
    }
    if (whole) {
      errno = 0;
      const long long parsed = std::strtoll(digits.c_str(), nullptr, 10);
      if (errno == 0) {
        value.whole_ = parsed;
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

Json Json::Parse(std::string_view text) { return JsonParser(text).ParseDocument(); }

const char* Json::TypeName() const {
  switch (type_) {
    case Type::kNull:
      return "null";
    case Type::kBool:
      return "a truth value";
    case Type::kNumber:
      return "a number";
    case Type::kString:
      return "a string";
    case Type::kArray:
      return "an array";
    case Type::kObject:
      return "an object";
  }
  return "";
}

const Json* Json::Find(std::string_view name) const {
  for (const Member& member : members_) {
    if (member.first == name) {
      return &member.second;
    }
  }
  return nullptr;
}

}  // namespace syncnas
