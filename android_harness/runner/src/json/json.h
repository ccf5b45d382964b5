#ifndef SYNCNAS_RUNNER_JSON_JSON_H_
#define SYNCNAS_RUNNER_JSON_JSON_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncnas {

// A JSON value, read strictly by RFC 8259: UTF-8 only, no comments, no trailing commas, no lone surrogates, and no key
// twice in one object (a reader that silently takes one of the two would run something other than what was meant).
class Json {
 public:
  enum class Type { kNull, kBool, kNumber, kString, kArray, kObject };
  using Member = std::pair<std::string, Json>;

  // Nesting beyond this depth is refused, so that no input can exhaust the stack.
  static constexpr int kMaxDepth = 64;

  // Throws Failure that names the line, the column and the byte offset.
  static Json Parse(std::string_view text);

  Json() = default;

  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] const char* TypeName() const;

  // Each is valid for its own type only.
  [[nodiscard]] bool boolean() const { return boolean_; }
  [[nodiscard]] double number() const { return number_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<Json>& elements() const { return elements_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }

  // The number, if it was written without fraction and exponent and fits.
  [[nodiscard]] std::optional<int64_t> whole() const { return whole_; }

  // The member of that name, or null.
  [[nodiscard]] const Json* Find(std::string_view name) const;

 private:
  friend class JsonParser;

  Type type_ = Type::kNull;
  bool boolean_ = false;
  double number_ = 0;
  std::optional<int64_t> whole_;
  std::string text_;
  std::vector<Json> elements_;
  std::vector<Member> members_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JSON_JSON_H_
