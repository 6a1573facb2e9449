// The arguments of one request to the control socket, read with messages for people. The first fault stays. For the .cc
// files of verbs.
#pragma once

#include <boost/json.hpp>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zones/base/result.h"
#include "zones/base/text.h"
#include "zones/dns/name.h"
#include "zones/dns/record_types.h"

namespace weir {

class ControlArguments {
 public:
  ControlArguments(const boost::json::object& in, std::string verb) : in_(in), verb_(std::move(verb)) {}

  void knows(std::initializer_list<std::string_view> keys) {
    for (const auto& member : in_) {
      if (std::ranges::find(keys, std::string_view(member.key())) != keys.end()) continue;
      fail("unknown argument '" + escape_for_display(std::string(member.key())) + "'");
    }
  }
  Name name(std::string_view key) {
    const auto parsed = Name::parse(text(key));
    if (!parsed) fail("\"" + std::string(key) + "\": " + parsed.error().message);
    return parsed ? *parsed : Name();
  }
  std::string text(std::string_view key) {
    const boost::json::value* value = in_.if_contains(key);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
    fail("\"" + std::string(key) + "\" must be a text");
    return {};
  }
  // Absent: none.
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> out;
    const boost::json::value* value = in_.if_contains(key);
    if (value == nullptr) return out;
    const bool good = value->is_array() && std::ranges::all_of(value->get_array(), [](const boost::json::value& each) {
                        return each.is_string();
                      });
    if (!good) fail("\"" + std::string(key) + "\" must be a list of texts");
    if (!good) return out;
    for (const auto& each : value->get_array()) out.emplace_back(each.get_string());
    return out;
  }
  bool flag(std::string_view key) {
    const boost::json::value* value = in_.if_contains(key);
    if (value == nullptr) return false;
    if (!value->is_bool()) fail("\"" + std::string(key) + "\" must be true or false");
    return value->is_bool() && value->get_bool();
  }
  std::int64_t number(std::string_view key) {
    const boost::json::value* value = in_.if_contains(key);
    if (value != nullptr && value->is_int64()) return value->get_int64();
    fail("\"" + std::string(key) + "\" must be a whole number");
    return 0;
  }
  RecordType type(std::string_view key) {
    if (!in_.contains(key)) return RecordType::a;
    const std::string given = text(key);
    const auto parsed = parse_record_type(given);
    if (!parsed) fail("unknown type '" + escape_for_display(given) + "'");
    return parsed.value_or(RecordType::a);
  }
  void fail(const std::string& what) {
    if (!error_) error_ = Error{ErrorCode::invalid, verb_ + ": " + what};
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const boost::json::object& in_;
  std::string verb_;
  std::optional<Error> error_;
};

}  // namespace weir
