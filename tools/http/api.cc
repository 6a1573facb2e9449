#include "tools/http/api.h"

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include "tools/http/call_arguments.h"
#include "tools/http/openapi.h"
#include "tools/http/request_checks.h"
#include "tools/http/static_files.h"
#include "tools/http/verb_stream.h"
#include "zones/base/text.h"
#include "zones/base/version.h"

namespace weir::http {
namespace {

namespace json = boost::json;

unsigned status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
    case ErrorCode::too_large:
      return 400;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::exists:
    case ErrorCode::busy:
    case ErrorCode::incompatible:
      return 409;
    case ErrorCode::permission:
      return 403;
    case ErrorCode::unavailable:
      return 503;
    case ErrorCode::timed_out:
      return 504;
    case ErrorCode::corrupt:
    case ErrorCode::io:
      break;
  }
  return 500;
}

Response json_response(std::string text) {
  Response out;
  out.type = "application/json";
  out.body = std::move(text);
  return out;
}

Response wrong_method(const std::vector<std::string_view>& methods) {
  std::string allowed;
  for (const std::string_view method : methods) allowed += (allowed.empty() ? "" : ", ") + std::string(method);
  Response out = make_error(405, "wrong_method", "this path takes " + allowed);
  out.fields.push_back({"Allow", allowed});
  return out;
}

Response no_token(const std::string& message) {
  Response out = make_error(401, "no_token", message);
  out.fields.push_back({"WWW-Authenticate", "Bearer realm=\"weir\""});
  return out;
}

// The token of "Authorization: Bearer ..."; empty where there is none.
std::string_view bearer_of(const Request& request) {
  const std::string* field = request.find("authorization");
  constexpr std::string_view kScheme = "bearer ";
  if (field == nullptr || request.count("authorization") != 1 ||
      to_lower_ascii(std::string_view(*field).substr(0, kScheme.size())) != kScheme)
    return {};
  return trim(std::string_view(*field).substr(kScheme.size()));
}

bool is_json(const Request& request) {
  const std::string* type = request.find("content-type");
  if (type == nullptr) return request.body.empty();
  return request.count("content-type") == 1 &&
         trim(to_lower_ascii(std::string_view(*type).substr(0, type->find(';')))) == "application/json";
}

// Whether the client takes answers that come line by line.
bool accepts_lines(const Request& request) {
  const std::string* accepted = request.find("accept");
  return accepted != nullptr && to_lower_ascii(*accepted).find("application/jsonl") != std::string::npos;
}

}  // namespace

Api::Api(HostsSource hosts, Tokens& tokens, ControlHandler handler)
    : hosts_(std::move(hosts)), tokens_(tokens), handler_(std::move(handler)) {}

Response Api::answer(const Request& request, const Caller& caller, Now now, Stream& stream) {
  Response out = decide(request, caller, now, stream);
  count(out.status);
  return out;
}

void Api::count(unsigned status) {
  by_class_[std::min<std::size_t>(status / 100, by_class_.size() - 1)].fetch_add(1, std::memory_order_relaxed);
}

Response Api::decide(const Request& request, const Caller& caller, Now now, Stream& stream) {
  if (auto refused = refuse_host(request, caller.local, hosts_())) {
    foreign_.fetch_add(1, std::memory_order_relaxed);
    return *refused;
  }
  const auto target = parse_target(request.target);
  const bool asks_for_data = !target || (!target->segments.empty() && target->segments.front() == "api");
  if (auto refused = refuse_origin(request, asks_for_data ? Asked::data : Asked::page)) {
    foreign_.fetch_add(1, std::memory_order_relaxed);
    return *refused;
  }
  if (!target) return make_error(400, "invalid", target.error().message);
  return asks_for_data ? call(request, *target, caller, now, stream) : serve_file(request, *target);
}

Response Api::serve_file(const Request& request, const Target& target) const {
  const std::string path = target.path();
  const StaticFile* file = find_static(path);
  if (file == nullptr) return make_error(404, "not_found", "there is nothing here");
  if (request.method != "GET" && request.method != "HEAD") return wrong_method({"GET", "HEAD"});
  Response out;
  out.type = type_of_file(file->path);
  out.body = file->text;
  out.cache = "no-cache";  // another version of weir has others
  out.without_body = request.method == "HEAD";
  return out;
}

std::optional<Api::Asker> Api::authenticate(const Request& request, const Caller& caller, Now now, Response& refusal) {
  const std::string_view text = bearer_of(request);
  if (text.empty()) {
    refusal = no_token("a token is needed: Authorization: Bearer TOKEN ('weir token add' makes one)");
    return std::nullopt;
  }
  if (const auto token = tokens_.find(text, now.wall)) return Asker{token->name, token->role, token->until};
  wrong_tokens_.fetch_add(1, std::memory_order_relaxed);
  if (failures_.note(caller.from, now.steady)) {
    refusal = no_token("this token opens nothing");
  } else {
    refusal = make_error(429, "too_many", "too many wrong tokens from this address");
    refusal.fields.push_back({"Retry-After", "1"});
    refusal.ends_connection = true;
  }
  return std::nullopt;
}

Response Api::call(const Request& request, const Target& target, const Caller& caller, Now now, Stream& stream) {
  const FoundRoute found = find_route(request.method, target);
  if (found.route == nullptr)
    return found.methods.empty() ? make_error(404, "not_found", "there is nothing here") : wrong_method(found.methods);
  const Route& route = *found.route;
  Asker asker;
  if (route.role != Role::none) {
    Response refusal;
    auto known = authenticate(request, caller, now, refusal);
    if (!known) return refusal;
    asker = std::move(*known);
    if (asker.role < route.role)
      return make_error(403, "wrong_role", "this takes a token with the role " + std::string(to_text(route.role)));
  }
  if (route.method == "POST" && !is_json(request))
    return make_error(415, "wrong_type", "a body must be application/json");
  auto arguments = read_arguments(found, target, request);
  if (!arguments) return make_error(400, "invalid", arguments.error().message);
  if (route.answer == AnswerKind::openapi) return json_response(describe_api());
  if (route.answer == AnswerKind::session) {
    return json_response(json::serialize(
        json::object{{"name", asker.name},
                     {"role", to_text(asker.role)},
                     {"until", asker.until ? json::value(format_time(*asker.until)) : json::value(nullptr)},
                     {"version", version()}}));
  }
  return ask(route, {std::string(route.verb), std::move(*arguments), "api:" + asker.name},
             asker.role == Role::admin ? Audience::administrator : Audience::analyst,
             accepts_lines(request) ? Lines::wanted : Lines::unwanted, stream);
}

Response Api::ask(const Route& route, ControlRequest asked, Audience audience, Lines lines, Stream& stream) const {
  const bool streams =
      route.answer == AnswerKind::stream || (route.answer == AnswerKind::progress && lines == Lines::wanted);
  VerbStream way_back(stream, streams, audience);
  const auto reply = decode_reply(handler_(asked, way_back));
  if (!reply) return make_error(500, "io", reply.error().message);
  if (way_back.has_begun()) return way_back.last_piece(*reply);
  if (reply->kind != ControlReply::Kind::result)
    return make_error(status_of(reply->error.code), to_text(reply->error.code), reply->error.message);
  if (route.answer != AnswerKind::figures) return json_response(reply->body + '\n');
  json::error_code bad;
  const json::value result = json::parse(reply->body, bad);
  const json::value* text = !bad && result.is_object() ? result.get_object().if_contains("text") : nullptr;
  Response out;
  out.type = "text/plain; version=0.0.4; charset=utf-8";
  if (text != nullptr && text->is_string()) out.body = std::string(text->get_string());
  return out;
}

std::string Api::metrics() const {
  std::string out =
      "# HELP weir_api_requests_total Requests to the HTTP API and the console, by the class of their status.\n"
      "# TYPE weir_api_requests_total counter\n";
  for (std::size_t i = 2; i < by_class_.size(); ++i) {
    out += "weir_api_requests_total{code=\"" + std::to_string(i) + "xx\"} " +
           std::to_string(by_class_[i].load(std::memory_order_relaxed)) + '\n';
  }
  out +=
      "# HELP weir_api_wrong_tokens_total Requests with a token that opens nothing.\n"
      "# TYPE weir_api_wrong_tokens_total counter\n"
      "weir_api_wrong_tokens_total " +
      std::to_string(wrong_tokens_.load(std::memory_order_relaxed)) +
      "\n# HELP weir_api_foreign_total Requests for another Host or from another site's pages.\n"
      "# TYPE weir_api_foreign_total counter\n"
      "weir_api_foreign_total " +
      std::to_string(foreign_.load(std::memory_order_relaxed)) + '\n';
  return out;
}

}  // namespace weir::http
