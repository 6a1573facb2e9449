// The kinds of value that a key of weir.toml may have: each reads, says what it expects, and shows a default.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/config/value.h"

namespace weir::config {

// The faults found in one file. Positions are of that file.
class Faults {
 public:
  Faults(std::filesystem::path file, std::vector<std::string>& out) : file_(std::move(file)), out_(&out) {}

  void add(ConfigPosition position, const std::string& text);
  // "'workers' in [resolver]: expected a whole number from 0 to 256, not -1"; `why` where more is known.
  void wrong(const ConfigValue& value, std::string_view label, std::string_view expected, std::string_view why = {});
  std::filesystem::path folder() const { return file_.parent_path(); }  // relative paths in the file start here
  std::string where(ConfigPosition position) const;                     // file:line

 private:
  std::filesystem::path file_;
  std::vector<std::string>* out_;
};

// As TOML: for defaults.
std::string quote(std::string_view text);
std::string show_size(std::uint64_t bytes);
std::string show_duration(std::int64_t milliseconds);

struct Flag {
  using Value = bool;
  std::string expected() const { return "true or false"; }
  std::string show(bool value) const { return value ? "true" : "false"; }
  bool read(const ConfigValue& in, bool& out, std::string_view label, Faults& faults) const;
};

bool read_whole(const ConfigValue& in, std::int64_t min, std::int64_t max, std::int64_t& out, std::string_view label,
                std::string_view expected, Faults& faults);

template <class T>
struct Whole {
  using Value = T;
  std::int64_t min;
  std::int64_t max;

  std::string expected() const { return "a whole number from " + std::to_string(min) + " to " + std::to_string(max); }
  std::string show(T value) const { return std::to_string(value); }
  bool read(const ConfigValue& in, T& out, std::string_view label, Faults& faults) const {
    std::int64_t number = 0;
    if (!read_whole(in, min, max, number, label, expected(), faults)) return false;
    out = static_cast<T>(number);
    return true;
  }
};

// A string that stands for something: read by `parse`, whose errors say why not.
template <class T>
struct Parsed {
  using Value = T;
  std::string what;  // "an address such as \"192.0.2.1\""
  std::function<Result<T>(std::string_view, const Faults&)> parse;
  std::function<std::string(const T&)> to_text;

  std::string expected() const { return what; }
  std::string show(const T& value) const { return quote(to_text(value)); }
  bool read(const ConfigValue& in, T& out, std::string_view label, Faults& faults) const {
    if (in.type != ConfigValue::Type::string) {
      faults.wrong(in, label, what);
      return false;
    }
    auto parsed = parse(in.text, faults);
    if (!parsed) {
      faults.wrong(in, label, what, parsed.error().message);
      return false;
    }
    out = std::move(*parsed);
    return true;
  }
};

// One word of a few. A word with a `refusal` is known, but not to be had.
template <class E>
struct Word {
  std::string_view text;
  E value;
  std::string_view refusal = {};
};

bool read_word(const ConfigValue& in, const std::vector<std::string_view>& words,
               const std::vector<std::string_view>& refusals, std::size_t& out, std::string_view label,
               std::string_view expected, Faults& faults);

template <class E>
struct Choice {
  using Value = E;
  std::vector<Word<E>> words;

  std::string expected() const {
    std::string out = "one of";
    const char* separator = " ";
    for (const auto& word : words) {
      if (!word.refusal.empty()) continue;
      out += separator + quote(word.text);
      separator = ", ";
    }
    return out;
  }
  std::string show(const E& value) const {
    for (const auto& word : words) {
      if (word.value == value) return quote(word.text);
    }
    return {};
  }
  bool read(const ConfigValue& in, E& out, std::string_view label, Faults& faults) const {
    std::vector<std::string_view> texts;
    std::vector<std::string_view> refusals;
    for (const auto& word : words) {
      texts.push_back(word.text);
      refusals.push_back(word.refusal);
    }
    std::size_t chosen = 0;
    if (!read_word(in, texts, refusals, chosen, label, expected(), faults)) return false;
    out = words[chosen].value;
    return true;
  }
};

// An array of at most `max` values of one kind, none twice.
template <class Kind>
struct ArrayOf {
  using Value = std::vector<typename Kind::Value>;
  Kind kind;
  std::size_t min = 0;
  std::size_t max = 10000;

  std::string expected() const {
    std::string out = "an array";
    if (max < 10000) out += " of " + std::to_string(min) + " to " + std::to_string(max) + " values";
    if (max >= 10000 && min > 0) out += ", not empty,";
    return out + " of which each is " + kind.expected();
  }
  std::string show(const Value& values) const {
    std::string out = "[";
    for (const auto& value : values) out += (out.size() > 1 ? ", " : "") + kind.show(value);
    return out + "]";
  }
  bool read(const ConfigValue& in, Value& out, std::string_view label, Faults& faults) const {
    if (in.type != ConfigValue::Type::array || in.items.size() < min || in.items.size() > max) {
      const bool counted = in.type == ConfigValue::Type::array;
      faults.wrong(in, label, expected(), counted ? "it has " + std::to_string(in.items.size()) + " values" : "");
      return false;
    }
    Value values;
    bool good = true;
    for (const ConfigValue& item : in.items) {
      typename Kind::Value value{};
      if (!kind.read(item, value, label, faults)) {
        good = false;
        continue;
      }
      const std::string shown = kind.show(value);
      for (const auto& other : values) {
        if (kind.show(other) != shown) continue;
        faults.add(item.position, std::string(label) + ": " + shown + " stands there twice");
        good = false;
        break;
      }
      values.push_back(std::move(value));
    }
    if (good) out = std::move(values);
    return good;
  }
};

}  // namespace weir::config
