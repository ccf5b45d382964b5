#ifndef SYNCNAS_RUNNER_JSON_FIELDS_H_
#define SYNCNAS_RUNNER_JSON_FIELDS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/json.h"

namespace syncnas {

// Reads the fields of one JSON object that is not trusted. Every error is a Failure whose sentence begins with the
// field's full name, e.g. "jobs[3].runs must be between 1 and 100000, not -1".
class Fields {
 public:
  // `where` is the object's own full name; empty for the document. `object` must outlive the reader.
  Fields(const Json& object, std::string where);

  [[nodiscard]] bool Has(const char* name) const { return object_.Find(name) != nullptr; }

  // The field's value whatever it is, or null where the field is absent.
  const Json* Find(const char* name);
  const Json& Require(const char* name);
  // The object or array of that name; null where it is absent.
  const Json* FindObject(const char* name);
  const Json* FindArray(const char* name);

  // Not empty and without NUL characters, which would cut a path or a name short.
  std::string Text(const char* name);
  int64_t Whole(const char* name, int64_t lowest, int64_t highest);
  int64_t Whole(const char* name, int64_t lowest, int64_t highest, int64_t if_absent);
  double Number(const char* name, double lowest, double highest, double if_absent);
  bool Bool(const char* name, bool if_absent);
  std::vector<std::string> Texts(const char* name);
  std::vector<int64_t> Wholes(const char* name, int64_t lowest, int64_t highest);

  // One of the given words; the error lists them.
  template <typename T>
  T Choice(const char* name, const std::vector<std::pair<const char*, T>>& choices) {
    const std::string word = Text(name);
    std::vector<const char*> words;
    for (const auto& [candidate, value] : choices) {
      if (word == candidate) {
        return value;
      }
      words.push_back(candidate);
    }
    RefuseWord(name, word, words);
  }

  // Fails if the object has a field that was not asked for: a misspelt name must not pass for an absent one.
  void RefuseOthers() const;

  // "jobs[3].runs"
  [[nodiscard]] std::string FullName(std::string_view name) const;

 private:
  [[noreturn]] void Wrong(const char* name, const std::string& problem) const;
  [[noreturn]] void RefuseWord(const char* name, const std::string& word, const std::vector<const char*>& words) const;
  [[nodiscard]] int64_t CheckedWhole(const std::string& name, const Json& value, int64_t lowest, int64_t highest) const;

  const Json& object_;
  std::string where_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_JSON_FIELDS_H_
