// The table of everything that can be asked over HTTP: what is dispatched, described (OpenAPI) and tested comes from
// it.
//
// A route is a verb of the control protocol with a method, a path and the role that it takes; verbs that hand out
// rights (tokens) or run for minutes with questions between them have none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/http/target.h"
#include "tools/http/tokens.h"

namespace weir::http {

enum class ParameterKind : std::uint8_t { text, number, flag, texts, time };
enum class Needed : std::uint8_t { no, yes };

struct Parameter {
  std::string_view name;  // also where the path has {name}
  ParameterKind kind = ParameterKind::text;
  std::string_view meaning;
  Needed needed = Needed::no;
  std::string_view argument = {};  // of the verb, where that calls it otherwise
};

enum class AnswerKind : std::uint8_t {
  result,    // the verb's, as JSON
  progress,  // the verb's, as JSON; where the client takes application/jsonl, JSON lines: how far it is, {"end": it}
  stream,    // JSON lines as they come, until somebody leaves
  figures,   // the member "text" of the verb's result, as Prometheus reads it
  openapi,   // this table
  session    // who asks
};

struct Route {
  std::string_view method;  // GET and DELETE have their parameters in the query, POST in a JSON object
  std::string_view path;    // "/api/v1/lists/{name}"
  std::string_view verb;    // empty: none is asked
  Role role = Role::admin;
  AnswerKind answer = AnswerKind::result;
  std::string_view summary;
  std::string_view returns;
  std::vector<Parameter> parameters = {};
};

const std::vector<Route>& routes();

struct FoundRoute {
  const Route* route = nullptr;
  std::vector<std::pair<std::string_view, std::string>> values = {};  // of the path's parameters
  std::vector<std::string_view> methods = {};  // that the path has, where `method` is none of them
};
FoundRoute find_route(std::string_view method, const Target& target);

bool is_in_path(const Route& route, const Parameter& parameter);

}  // namespace weir::http
