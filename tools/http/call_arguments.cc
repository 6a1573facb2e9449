#include "tools/http/call_arguments.h"

#include <boost/json.hpp>

#include <algorithm>
#include <charconv>

#include "zones/base/text.h"

namespace weir::http {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxParameter = 4096;  // octets of one in a path or query

std::string_view expected_of(ParameterKind kind) {
  switch (kind) {
    case ParameterKind::text:
      return "a text";
    case ParameterKind::number:
      return "a number that is not negative";
    case ParameterKind::flag:
      return "true or false";
    case ParameterKind::texts:
      return "an array of texts";
    case ParameterKind::time:
      return "a time such as 2026-07-06T00:40:32Z or a duration such as 2h";
  }
  return "another value";
}

Error wrong_parameter(const Parameter& parameter) {
  return {ErrorCode::invalid,
          "\"" + std::string(parameter.name) + "\" must be " + std::string(expected_of(parameter.kind))};
}

Error unknown_parameter(const Route& route, std::string_view name) {
  if (name == "token" || name == "access_token" || name == "authorization")
    return {ErrorCode::invalid, "a token belongs into the field Authorization, nowhere else"};
  std::vector<std::string_view> known;
  for (const Parameter& parameter : route.parameters) known.push_back(parameter.name);
  const std::string_view near = nearest(name, known);
  return {ErrorCode::invalid, "unknown parameter \"" + escape_for_display(name.substr(0, 64)) + "\"" +
                                  (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?")};
}

std::string_view key_of(const Parameter& parameter) {
  return parameter.argument.empty() ? parameter.name : parameter.argument;
}

// From a path or a query, where everything is text.
Result<void> put_text(const Parameter& parameter, const std::string& value, json::object& out) {
  if (value.size() > kMaxParameter)
    return Error{ErrorCode::invalid, "\"" + std::string(parameter.name) + "\" is too long"};
  const std::string_view key = key_of(parameter);
  if (parameter.kind == ParameterKind::texts) {
    json::value& all = out[key];
    if (all.is_null()) all = json::array();
    all.get_array().emplace_back(value);
    return {};
  }
  if (out.contains(key)) return Error{ErrorCode::invalid, "\"" + std::string(parameter.name) + "\" is given twice"};
  if (parameter.kind == ParameterKind::number) {
    std::uint64_t number = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    if (value.empty() || read.ec != std::errc() || read.ptr != value.data() + value.size())
      return wrong_parameter(parameter);
    out[key] = number;
  } else if (parameter.kind == ParameterKind::flag) {
    if (value != "true" && value != "false") return wrong_parameter(parameter);
    out[key] = value == "true";
  } else {
    out[key] = value;
  }
  return {};
}

bool is_of_kind(const json::value& value, ParameterKind kind) {
  switch (kind) {
    case ParameterKind::text:
      return value.is_string();
    case ParameterKind::number:
      return value.is_uint64() || (value.is_int64() && value.get_int64() >= 0);
    case ParameterKind::flag:
      return value.is_bool();
    case ParameterKind::texts:
      return value.is_array() && std::all_of(value.get_array().begin(), value.get_array().end(),
                                             [](const json::value& item) { return item.is_string(); });
    case ParameterKind::time:
      return value.is_string() || value.is_int64() || value.is_uint64();
  }
  return false;
}

Result<void> read_body(const Route& route, const Request& request, json::object& out) {
  if (request.body.empty()) return {};
  json::error_code bad;
  const json::value parsed = json::parse(request.body, bad);  // depth is bounded by the library (32)
  if (bad) return Error{ErrorCode::invalid, "the body is no JSON: " + bad.message()};
  if (!parsed.is_object()) return Error{ErrorCode::invalid, "the body must be a JSON object"};
  for (const auto& [name, value] : parsed.get_object()) {
    const auto known =
        std::find_if(route.parameters.begin(), route.parameters.end(),
                     [&, key = std::string_view(name)](const Parameter& each) { return each.name == key; });
    if (known == route.parameters.end() || is_in_path(route, *known)) return unknown_parameter(route, name);
    if (value.is_null()) continue;
    if (!is_of_kind(value, known->kind)) return wrong_parameter(*known);
    out[key_of(*known)] = value;
  }
  return {};
}

}  // namespace

Result<std::string> read_arguments(const FoundRoute& found, const Target& target, const Request& request) {
  const Route& route = *found.route;
  json::object out;
  const auto find = [&](std::string_view name) {
    return std::find_if(route.parameters.begin(), route.parameters.end(),
                        [&](const Parameter& each) { return each.name == name; });
  };
  for (const auto& [name, value] : found.values) {
    const auto known = find(name);
    if (known == route.parameters.end()) return unknown_parameter(route, name);
    if (auto put = put_text(*known, value, out); !put) return put.error();
  }
  const bool has_body = route.method == "POST";
  if (has_body) {
    if (!target.query.empty())
      return Error{ErrorCode::invalid, "parameters of POST stand in a JSON object, not behind the '?'"};
    if (auto read = read_body(route, request, out); !read) return read.error();
  } else {
    if (!request.body.empty()) return Error{ErrorCode::invalid, "a " + std::string(route.method) + " has no body"};
    for (const auto& [name, value] : target.query) {
      const auto known = find(name);
      if (known == route.parameters.end() || is_in_path(route, *known)) return unknown_parameter(route, name);
      if (auto put = put_text(*known, value, out); !put) return put.error();
    }
  }
  for (const Parameter& parameter : route.parameters) {
    if (parameter.needed == Needed::yes && !out.contains(key_of(parameter)))
      return Error{ErrorCode::invalid,
                   "\"" + std::string(parameter.name) + "\" must be given: " + std::string(parameter.meaning)};
  }
  return json::serialize(out);
}

}  // namespace weir::http
