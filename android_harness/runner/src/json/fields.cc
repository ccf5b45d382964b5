#include "json/fields.h"

#include <cstdio>

#include "base/failure.h"

namespace syncnas {

namespace {

std::string CheckedText(const std::string& full_name, const Json& value) {
  if (value.type() != Json::Type::kString) {
    throw Failure(full_name + " must be a string, not " + value.TypeName());
  }
  if (value.text().empty()) {
    throw Failure(full_name + " must not be empty");
  }
  if (value.text().find('\0') != std::string::npos) {
    throw Failure(full_name + " must not contain a NUL character");
  }
  return value.text();
}

std::string Shown(double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g", number);
  return text;
}

}  // namespace

Fields::Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
  if (object.type() != Json::Type::kObject) {
    throw Failure((where_.empty() ? "the document" : where_) + " must be an object, not " + object.TypeName());
  }
}

std::string Fields::FullName(std::string_view name) const {
  return where_.empty() ? std::string(name) : where_ + "." + std::string(name);
}

void Fields::Wrong(const char* name, const std::string& problem) const {
  throw Failure(FullName(name) + " " + problem);
}

void Fields::RefuseWord(const char* name, const std::string& word, const std::vector<const char*>& words) const {
  std::string list;
  for (const char* candidate : words) {
    list += (list.empty() ? "" : ", ") + std::string(candidate);
  }
  Wrong(name, "is \"" + word + "\"; it must be one of: " + list);
}

const Json* Fields::Find(const char* name) {
  asked_.emplace(name);
  return object_.Find(name);
}

const Json& Fields::Require(const char* name) {
  const Json* value = Find(name);
  if (value == nullptr) {
    Wrong(name, "is missing");
  }
  return *value;
}

const Json* Fields::FindObject(const char* name) {
  const Json* value = Find(name);
  if (value != nullptr && value->type() != Json::Type::kObject) {
    Wrong(name, std::string("must be an object, not ") + value->TypeName());
  }
  return value;
}

const Json* Fields::FindArray(const char* name) {
  const Json* value = Find(name);
  if (value != nullptr && value->type() != Json::Type::kArray) {
    Wrong(name, std::string("must be an array, not ") + value->TypeName());
  }
  return value;
}

std::string Fields::Text(const char* name) { return CheckedText(FullName(name), Require(name)); }

int64_t Fields::CheckedWhole(const std::string& name, const Json& value, int64_t lowest, int64_t highest) const {
  const std::string full_name = FullName(name);
  if (value.type() != Json::Type::kNumber) {
    throw Failure(full_name + " must be a whole number, not " + value.TypeName());
  }
  const std::string range = std::to_string(lowest) + " and " + std::to_string(highest);
  if (!value.whole()) {
    throw Failure(full_name + " must be a whole number between " + range);
  }
  if (*value.whole() < lowest || *value.whole() > highest) {
    throw Failure(full_name + " must be between " + range + ", not " + std::to_string(*value.whole()));
  }
  return *value.whole();
}

int64_t Fields::Whole(const char* name, int64_t lowest, int64_t highest) {
  return CheckedWhole(name, Require(name), lowest, highest);
}

int64_t Fields::Whole(const char* name, int64_t lowest, int64_t highest, int64_t if_absent) {
  const Json* value = Find(name);
  return value == nullptr ? if_absent : CheckedWhole(name, *value, lowest, highest);
}

double Fields::Number(const char* name, double lowest, double highest, double if_absent) {
  const Json* value = Find(name);
  if (value == nullptr) {
    return if_absent;
  }
  if (value->type() != Json::Type::kNumber) {
    Wrong(name, std::string("must be a number, not ") + value->TypeName());
  }
  if (value->number() < lowest || value->number() > highest) {
    Wrong(name, "must be between " + Shown(lowest) + " and " + Shown(highest) + ", not " + Shown(value->number()));
  }
  return value->number();
}

bool Fields::Bool(const char* name, bool if_absent) {
  const Json* value = Find(name);
  if (value == nullptr) {
    return if_absent;
  }
  if (value->type() != Json::Type::kBool) {
    Wrong(name, std::string("must be true or false, not ") + value->TypeName());
  }
  return value->boolean();
}

std::vector<std::string> Fields::Texts(const char* name) {
  std::vector<std::string> texts;
  if (const Json* array = FindArray(name)) {
    for (const Json& element : array->elements()) {
      texts.push_back(CheckedText(FullName(name) + "[" + std::to_string(texts.size()) + "]", element));
    }
  }
  return texts;
}

std::vector<int64_t> Fields::Wholes(const char* name, int64_t lowest, int64_t highest) {
  std::vector<int64_t> wholes;
  if (const Json* array = FindArray(name)) {
    for (const Json& element : array->elements()) {
      const std::string element_name = std::string(name) + "[" + std::to_string(wholes.size()) + "]";
      wholes.push_back(CheckedWhole(element_name, element, lowest, highest));
    }
  }
  return wholes;
}

void Fields::RefuseOthers() const {
  for (const Json::Member& member : object_.members()) {
    if (asked_.find(member.first) == asked_.end()) {
      throw Failure(FullName(member.first) + " is not a known field");
    }
  }
}

}  // namespace syncnas
