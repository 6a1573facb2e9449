#include "tools/http/openapi.h"

#include <boost/json.hpp>

#include "tools/http/message.h"
#include "tools/http/routes.h"
#include "zones/base/text.h"
#include "zones/base/version.h"

namespace weir::http {
namespace {

namespace json = boost::json;

json::object schema_of(ParameterKind kind) {
  switch (kind) {
    case ParameterKind::number:
      return {{"type", "integer"}, {"minimum", 0}};
    case ParameterKind::flag:
      return {{"type", "boolean"}};
    case ParameterKind::texts:
      return {{"type", "array"}, {"items", json::object{{"type", "string"}}}};
    case ParameterKind::time:
      return {{"type", "string"}, {"example", "2h"}};
    case ParameterKind::text:
      break;
  }
  return {{"type", "string"}};
}

json::object describe_parameter(const Route& route, const Parameter& parameter) {
  const bool in_path = is_in_path(route, parameter);
  json::object out{{"name", parameter.name},
                   {"in", in_path ? "path" : "query"},
                   {"description", parameter.meaning},
                   {"required", in_path || parameter.needed == Needed::yes},
                   {"schema", schema_of(parameter.kind)}};
  return out;
}

json::object describe_body(const Route& route) {
  json::object properties;
  json::array required;
  for (const Parameter& parameter : route.parameters) {
    if (is_in_path(route, parameter)) continue;
    json::object schema = schema_of(parameter.kind);
    schema["description"] = parameter.meaning;
    properties[parameter.name] = std::move(schema);
    if (parameter.needed == Needed::yes) required.emplace_back(parameter.name);
  }
  json::object schema{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  const bool is_required = !required.empty();
  if (is_required) schema["required"] = std::move(required);
  return {{"required", is_required},
          {"content", json::object{{"application/json", json::object{{"schema", std::move(schema)}}}}}};
}

std::string_view type_of(AnswerKind kind) {
  return kind == AnswerKind::stream    ? "application/jsonl"
         : kind == AnswerKind::figures ? "text/plain"
                                       : "application/json";
}

json::object describe_answers(const Route& route) {
  json::object out;
  const char* schema = route.answer == AnswerKind::stream || route.answer == AnswerKind::figures ? "string" : "object";
  json::object content{{type_of(route.answer), json::object{{"schema", json::object{{"type", schema}}}}}};
  if (route.answer == AnswerKind::progress)
    content[type_of(AnswerKind::stream)] = json::object{{"schema", json::object{{"type", "string"}}}};
  out["200"] = {{"description", route.returns}, {"content", std::move(content)}};
  const auto add = [&](unsigned status) {
    out[std::to_string(status)] = {
        {"description", reason_of(status)},
        {"content", json::object{{"application/json",
                                  json::object{{"schema", json::object{{"$ref", "#/components/schemas/Error"}}}}}}}};
  };
  for (const unsigned status : {400U, 403U, 421U}) add(status);
  if (route.role != Role::none) {
    for (const unsigned status : {401U, 429U}) add(status);
  }
  if (!route.verb.empty()) {
    for (const unsigned status : {404U, 409U, 500U, 503U, 504U}) add(status);
  }
  if (route.method == "POST") {
    for (const unsigned status : {413U, 415U}) add(status);
  }
  return out;
}

// "GET", "/api/v1/lists/{name}/history" -> "get_lists_name_history"
std::string id_of(const Route& route) {
  std::string out = to_lower_ascii(route.method);
  for (const char c : route.path.substr(std::string_view("/api/v1").size())) {
    if (c == '/' || c == '-' || c == '.') out += '_';
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_') out += c;
  }
  return out;
}

json::object describe_route(const Route& route) {
  json::object out{{"operationId", id_of(route)}, {"summary", route.summary}, {"x-role", to_text(route.role)}};
  if (route.role == Role::none) out["security"] = json::array();
  json::array parameters;
  for (const Parameter& parameter : route.parameters) {
    if (route.method != "POST" || is_in_path(route, parameter))
      parameters.push_back(describe_parameter(route, parameter));
  }
  if (!parameters.empty()) out["parameters"] = std::move(parameters);
  if (route.method == "POST") out["requestBody"] = describe_body(route);
  out["responses"] = describe_answers(route);
  return out;
}

}  // namespace

std::string describe_api() {
  json::object paths;
  for (const Route& route : routes()) {
    json::value& path = paths[route.path];
    if (path.is_null()) path = json::object();
    path.get_object()[to_lower_ascii(route.method)] = describe_route(route);
  }
  const json::object error{
      {"type", "object"},
      {"properties",
       json::object{{"error", json::object{{"type", "object"},
                                           {"properties", json::object{{"code", {{"type", "string"}}},
                                                                       {"message", {{"type", "string"}}}}}}}}}};
  return json::serialize(json::object{
      {"openapi", "3.0.3"},
      {"info", json::object{{"title", "weir"},
                            {"version", version()},
                            {"description",
                             "What 'weir' can ask of its sidecar. Every operation says the least role of a token "
                             "(x-role); 'weir token add' makes one."}}},
      {"paths", std::move(paths)},
      {"components",
       json::object{{"securitySchemes", json::object{{"token", json::object{{"type", "http"}, {"scheme", "bearer"}}}}},
                    {"schemas", json::object{{"Error", error}}}}},
      {"security", json::array{json::object{{"token", json::array()}}}}});
}

}  // namespace weir::http
