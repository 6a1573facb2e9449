#include "tools/sidecar/requests.h"

#include <boost/json.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tools/support/json_members.h"
#include "zones/store/files.h"

namespace weir::sidecar {
namespace {

namespace json = boost::json;

constexpr std::int64_t kHourSeconds = 3600;

FiledRequest read_request_of(const json::object& from) {
  FiledRequest out;
  out.number = static_cast<std::uint64_t>(whole_member(from, "number"));
  out.filed_s = whole_member(from, "filed");
  out.client = text_member(from, "client");
  out.group = text_member(from, "group");
  out.name = text_member(from, "name");
  out.remark = text_member(from, "remark");
  out.decision = text_member(from, "decision");
  out.trace = text_member(from, "trace");
  out.state = text_member(from, "state");
  out.answered_s = whole_member(from, "answered");
  out.answered_by = text_member(from, "answered_by");
  out.answer = text_member(from, "answer");
  out.outcome = text_member(from, "outcome");
  return out;
}

json::object write_request_of(const FiledRequest& request) {
  return {{"number", request.number},
          {"filed", request.filed_s},
          {"client", request.client},
          {"group", request.group},
          {"name", request.name},
          {"remark", request.remark},
          {"decision", request.decision},
          {"trace", request.trace},
          {"state", request.state},
          {"answered", request.answered_s},
          {"answered_by", request.answered_by},
          {"answer", request.answer},
          {"outcome", request.outcome}};
}

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

}  // namespace

Requests::Requests(std::filesystem::path file) : file_(std::move(file)) {
  std::ifstream in(file_, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  json::error_code error;
  const json::value parsed = json::parse(text, error);
  if (error || !parsed.is_object()) return;
  last_ = static_cast<std::uint64_t>(whole_member(parsed.get_object(), "last"));
  const json::value* listed = parsed.get_object().if_contains("requests");
  if (listed == nullptr || !listed->is_array()) return;
  for (const json::value& each : listed->get_array()) {
    if (!each.is_object()) continue;
    FiledRequest request = read_request_of(each.get_object());
    if (request.number == 0 || request.number > last_) continue;
    requests_.push_back(std::move(request));
  }
}

Result<FiledRequest> Requests::file(FiledRequest request, WallTime now) {
  const std::lock_guard lock(mutex_);
  std::size_t open = 0;
  std::size_t open_of_client = 0;
  std::size_t hourly = 0;
  const std::int64_t now_s = seconds_of(now);
  for (const FiledRequest& known : requests_) {
    const bool is_open = known.state == "open";
    const bool is_theirs = known.client == request.client;
    if (is_open && is_theirs && known.name == request.name) return known;
    open += is_open ? 1 : 0;
    open_of_client += is_open && is_theirs ? 1 : 0;
    hourly += is_theirs && now_s - known.filed_s < kHourSeconds ? 1 : 0;
  }
  if (open_of_client >= kMaxOpenOfClient || hourly >= kMaxHourlyOfClient)
    return Error{ErrorCode::busy, "there are many requests of yours already; please wait for their answers"};
  if (open >= kMaxOpenRequests)
    return Error{ErrorCode::busy, "there are many requests already; please try again later"};
  if (request.trace.size() > kMaxTraceBytes) request.trace = "null";
  if (request.decision.size() > kMaxTraceBytes) request.decision = "{}";
  request.number = ++last_;
  request.filed_s = now_s;
  request.state = "open";
  requests_.push_back(request);
  if (auto saved = save(); !saved) {
    requests_.pop_back();
    return saved.error();
  }
  return request;
}

Result<FiledRequest> Requests::answer(std::string_view id, const std::string& state, const std::string& who,
                                      const std::string& answer, const std::string& outcome, WallTime now) {
  const std::lock_guard lock(mutex_);
  const auto at =
      std::find_if(requests_.begin(), requests_.end(), [&](const FiledRequest& known) { return known.id() == id; });
  if (at == requests_.end()) return Error{ErrorCode::not_found, "there is no such request"};
  if (at->state != "open") return Error{ErrorCode::exists, "request " + at->id() + " is " + at->state + " already"};
  const std::vector<FiledRequest> before = requests_;
  at->state = state;
  at->answered_s = seconds_of(now);
  at->answered_by = who;
  at->answer = answer;
  at->outcome = outcome;
  FiledRequest done = *at;
  auto answered = static_cast<std::size_t>(
      std::count_if(requests_.begin(), requests_.end(), [](const FiledRequest& each) { return each.state != "open"; }));
  std::erase_if(requests_, [&](const FiledRequest& each) {
    return each.state != "open" && answered > kMaxAnsweredRequests && answered-- > 0;
  });
  if (auto saved = save(); !saved) {
    requests_ = before;
    return saved.error();
  }
  return done;
}

std::optional<FiledRequest> Requests::find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  for (const FiledRequest& known : requests_) {
    if (known.id() == id) return known;
  }
  return std::nullopt;
}

std::vector<FiledRequest> Requests::all() const {
  const std::lock_guard lock(mutex_);
  return {requests_.rbegin(), requests_.rend()};
}

std::size_t Requests::open() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(requests_.begin(), requests_.end(), [](const FiledRequest& each) { return each.state == "open"; }));
}

Result<void> Requests::forget(const std::function<bool(const FiledRequest&)>& is_one) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(requests_, is_one) == 0 ? Result<void>() : save();
}

Result<void> Requests::keep(std::chrono::milliseconds time, WallTime now) {
  const std::lock_guard lock(mutex_);
  const std::int64_t oldest_s = seconds_of(now - time);
  const std::size_t gone = std::erase_if(requests_, [&](const FiledRequest& each) { return each.filed_s < oldest_s; });
  return gone == 0 ? Result<void>() : save();
}

Result<void> Requests::save() const {
  json::array all;
  for (const FiledRequest& request : requests_) all.push_back(write_request_of(request));
  return store::replace_file(file_,
                             json::serialize(json::object{{"last", last_}, {"requests", std::move(all)}}) + "\n");
}

}  // namespace weir::sidecar
