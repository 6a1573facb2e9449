#include "tools/http/self_service.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "tools/http/request_checks.h"
#include "tools/http/self_service_page.h"
#include "tools/http/static_files.h"
#include "tools/http/target.h"
#include "zones/base/text.h"

namespace weir::http {
namespace {

namespace json = boost::json;

unsigned status_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::permission:
      return 403;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::busy:
      return 429;
    case ErrorCode::invalid:
    case ErrorCode::too_large:
      return 400;
    case ErrorCode::unavailable:
      return 503;
    default:
      return 500;
  }
}

// What goes wrong inside is nobody's business who only is filtered.
std::string_view shown_message(const Error& error) {
  return status_for(error.code) >= 500 ? std::string_view("this cannot be shown at the moment")
                                       : std::string_view(error.message);
}

Response page_of(unsigned status, std::string html) {
  Response out;
  out.status = status;
  out.type = "text/html; charset=utf-8";
  out.body = std::move(html);
  out.has_form = true;
  return out;
}

Response failure(const Error& error, bool as_page) {
  const unsigned status = status_for(error.code);
  const std::string message(shown_message(error));
  return as_page ? page_of(status, write_refusal_page(message)) : make_error(status, "refused", message);
}

bool has_type(const Request& request, std::string_view wanted) {
  const std::string* type = request.find("content-type");
  return type != nullptr && request.count("content-type") == 1 &&
         trim(to_lower_ascii(std::string_view(*type).substr(0, type->find(';')))) == wanted;
}

// Of application/x-www-form-urlencoded. Nothing where it is none.
std::optional<std::string> form_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const auto octet = read_escape(text.substr(i));
    if (!octet) return std::nullopt;
    out += *octet;
    i += 2;
  }
  return is_utf8(out) ? std::optional<std::string>(out) : std::nullopt;
}

void take_field(Complaint& complaint, std::string_view key, std::string value) {
  if (key == "name") complaint.name = std::move(value);
  if (key == "remark") complaint.remark = std::move(value);
}

Result<Complaint> read_complaint(const Request& request, bool is_json) {
  Complaint out;
  if (is_json) {
    json::error_code error;
    const json::value parsed = json::parse(request.body, error);
    if (error || !parsed.is_object()) return Error{ErrorCode::invalid, "a JSON object was expected"};
    for (const auto& [key, value] : parsed.get_object()) {
      if (!value.is_string()) return Error{ErrorCode::invalid, "texts were expected"};
      take_field(out, key, std::string(value.get_string()));
    }
  } else {
    std::string_view rest = request.body;
    for (unsigned fields = 0; fields < 16 && !rest.empty(); ++fields) {
      const std::string_view pair = rest.substr(0, rest.find('&'));
      rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
      auto value = form_text(pair.find('=') == std::string_view::npos ? "" : pair.substr(pair.find('=') + 1));
      if (!value) return Error{ErrorCode::invalid, "this is no form"};
      take_field(out, pair.substr(0, pair.find('=')), std::move(*value));
    }
  }
  if (out.name.empty()) return Error{ErrorCode::invalid, "which name is meant?"};
  if (out.name.size() > 1024 || out.remark.size() > kMaxRemark)
    return Error{ErrorCode::too_large, "at most " + std::to_string(kMaxRemark) + " octets can be said"};
  return out;
}

}  // namespace

SelfService::SelfService(HostsSource hosts, SelfServiceBackend backend)
    : hosts_(std::move(hosts)), backend_(std::move(backend)) {}

Response SelfService::answer(const Request& request, const Caller& caller, Now, Stream&) {
  Response out = decide(request, caller);
  out.without_body = request.method == "HEAD";
  count(out.status);
  return out;
}

void SelfService::count(unsigned status) {
  by_class_[std::min<std::size_t>(status / 100, by_class_.size() - 1)].fetch_add(1, std::memory_order_relaxed);
}

std::string SelfService::metrics() const {
  std::string out =
      "# HELP weir_self_service_requests_total Requests to the page of those who are filtered, by class of status.\n"
      "# TYPE weir_self_service_requests_total counter\n";
  for (std::size_t i = 2; i < by_class_.size(); ++i) {
    out += "weir_self_service_requests_total{code=\"" + std::to_string(i) + "xx\"} " +
           std::to_string(by_class_[i].load(std::memory_order_relaxed)) + '\n';
  }
  return out;
}

Response SelfService::decide(const Request& request, const Caller& caller) const {
  if (auto refused = refuse_host(request, caller.local, hosts_())) return *refused;
  const auto target = parse_target(request.target);
  if (!target) return make_error(400, "invalid", "there is nothing of that name");
  const std::string path = target->path();
  const bool is_complaint = path == "/wrong";
  if (auto refused = refuse_origin(request, is_complaint ? Asked::data : Asked::page)) return *refused;
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (is_complaint && request.method == "POST") return take_complaint(request, caller.from);
  if (reads && path == "/") return show(caller.from, true, {});
  if (reads && path == "/decisions.json") return show(caller.from, false, {});
  if (reads && (path == "/console.css" || path == "/icon.svg")) {
    const StaticFile* file = find_static(path);
    if (file != nullptr) {
      Response out;
      out.type = type_of_file(file->path);
      out.body = file->text;
      out.cache = "no-cache";
      return out;
    }
  }
  const bool is_known = is_complaint || path == "/" || path == "/decisions.json";
  Response out = is_known
                     ? make_error(405, "wrong_method", is_complaint ? "this path takes POST" : "this path takes GET")
                     : make_error(404, "not_found", "there is nothing here");
  if (is_known) out.fields.push_back({"Allow", is_complaint ? "POST" : "GET, HEAD"});
  return out;
}

Response SelfService::show(const IpAddress& client, bool as_page, const std::string& said) const {
  const auto found = backend_.decisions(client);
  if (!found) return failure(found.error(), as_page);
  if (as_page) return page_of(200, write_self_service_page(*found, said));
  Response out;
  out.type = "application/json";
  out.body = json::serialize(*found) + '\n';
  return out;
}

Response SelfService::take_complaint(const Request& request, const IpAddress& client) const {
  const bool is_json = has_type(request, "application/json");
  if (!is_json && !has_type(request, "application/x-www-form-urlencoded"))
    return make_error(415, "wrong_type", "a form or application/json was expected");
  const auto complaint = read_complaint(request, is_json);
  if (!complaint) return failure(complaint.error(), !is_json);
  const auto filed = backend_.complain(client, *complaint);
  if (!filed) return failure(filed.error(), !is_json);
  if (!is_json) return show(client, true, "Your request about " + complaint->name + " was passed on.");
  Response out;
  out.type = "application/json";
  out.body = json::serialize(*filed) + '\n';
  return out;
}

}  // namespace weir::http
