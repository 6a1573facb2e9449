#include "tools/sinks/clickhouse_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>

#include "zones/base/text.h"
#include "zones/store/files.h"

namespace weir::sinks {
namespace {

constexpr long kConnectMs = 5'000;
constexpr long kSlowestOctets = 1;  // a second: a server that has vanished is not waited for longer than patience says
constexpr std::size_t kMaxAnswer = 64 << 20;
constexpr std::size_t kShownFault = 400;
// How the server's answers begin that say more than that it cannot.
constexpr std::pair<std::string_view, ErrorCode> kFaults[] = {
    {"Code: 159", ErrorCode::timed_out},   // TIMEOUT_EXCEEDED
    {"Code: 160", ErrorCode::timed_out},   // TOO_SLOW
    {"Code: 241", ErrorCode::too_large}};  // MEMORY_LIMIT_EXCEEDED

template <class Value>
void set_option(CURL* curl, CURLoption option, Value value) {
  curl_easy_setopt(curl, option, value);
}

std::string without_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '/')) text.pop_back();
  return text;
}

std::string quote(std::string_view text, char mark) {
  std::string out(1, mark);
  for (const char c : text) {
    if (c == mark || c == '\\') out += '\\';
    c == '\0' ? out += "\\0" : out += c;  // some versions take it for the end of the statement
  }
  return out += mark;
}

}  // namespace

std::string quote_identifier(std::string_view name) {
  return quote(name, '`');
}

std::string quote_text(std::string_view text) {
  return quote(text, '\'');
}

struct ClickHouseClient::Patience {
  long request_ms = 120'000;
  long silence_seconds = 60;
};

struct ClickHouseClient::Request {
  const std::function<bool()>& is_over;
  std::string answer;
  bool is_too_large = false;

  static std::size_t on_answer(char* octets, std::size_t size, std::size_t count, void* self) {
    auto* request = static_cast<Request*>(self);
    if (request->answer.size() + size * count > kMaxAnswer) {
      request->is_too_large = true;
      return 0;
    }
    request->answer.append(octets, size * count);
    return size * count;
  }
  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Request*>(self)->is_over() ? 1 : 0;
  }
};

ClickHouseClient::ClickHouseClient(const SinkConfig& config, std::function<bool()> is_over)
    : config_(config), is_over_(std::move(is_over)), curl_(curl_easy_init()) {}

ClickHouseClient::~ClickHouseClient() {
  curl_easy_cleanup(curl_);
}

std::string ClickHouseClient::escape(std::string_view text) const {
  char* escaped = curl_easy_escape(curl_, text.data(), static_cast<int>(text.size()));
  std::string out = escaped == nullptr ? "" : escaped;
  curl_free(escaped);
  return out;
}

Result<std::string> ClickHouseClient::ask(std::string_view sql, Within within) {
  std::string url = without_end(config_.to) + "/";
  if (within == Within::database) url += "?database=" + escape(config_.database);
  return perform(url, sql, {});
}

Result<std::string> ClickHouseClient::look_up(std::string_view sql, std::chrono::milliseconds budget,
                                              std::uint64_t max_rows) {
  // Of what it cannot stop at once the server looks at the time when it is done.
  constexpr long kGraceSeconds = 2;
  const long seconds = std::max<long>(1, static_cast<long>(std::chrono::ceil<std::chrono::seconds>(budget).count()));
  // It sends nothing until all is there, so that a failure behind the first rows is one.
  std::string url = without_end(config_.to) + "/?database=" + escape(config_.database) +
                    "&wait_end_of_query=1&max_execution_time=" + std::to_string(seconds) +
                    "&timeout_overflow_mode=throw";
  if (max_rows > 0) url += "&max_result_rows=" + std::to_string(max_rows) + "&result_overflow_mode=break";
  url += "&readonly=1";  // last: behind it nothing can be set, nor by the statement
  return perform(url, sql, {(seconds + kGraceSeconds) * 1000, seconds + kGraceSeconds});
}

Result<void> ClickHouseClient::insert(std::string_view statement, std::string_view data) {
  const std::string url =
      without_end(config_.to) + "/?database=" + escape(config_.database) + "&query=" + escape(statement);
  const auto answer = perform(url, data, {});
  if (!answer) return answer.error();
  return {};
}

Result<std::string> ClickHouseClient::perform(const std::string& url, std::string_view body, const Patience& patience) {
  if (curl_ == nullptr) return Error{ErrorCode::io, "no memory for a connection"};
  std::string password;
  if (!config_.password_file.empty()) {
    const auto read = store::read_small_file(config_.password_file);
    if (!read) return read.error();
    password = std::string(trim(*read));
  }
  CURL* curl = curl_;
  Request request{is_over_, {}, false};
  std::array<char, CURL_ERROR_SIZE> detail{};
  curl_easy_reset(curl);  // the connection stays
  set_option(curl, CURLOPT_ERRORBUFFER, detail.data());
  set_option(curl, CURLOPT_URL, url.c_str());
  set_option(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  set_option(curl, CURLOPT_FOLLOWLOCATION, 0L);
  set_option(curl, CURLOPT_PROXY, "");
  set_option(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set_option(curl, CURLOPT_NOSIGNAL, 1L);
  set_option(curl, CURLOPT_USERAGENT, "weir-sidecar");
  set_option(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  set_option(curl, CURLOPT_TIMEOUT_MS, patience.request_ms);
  set_option(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowestOctets);
  set_option(curl, CURLOPT_LOW_SPEED_TIME, patience.silence_seconds);
  set_option(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
  set_option(curl, CURLOPT_USERNAME, config_.user.c_str());
  set_option(curl, CURLOPT_PASSWORD, password.c_str());
  set_option(curl, CURLOPT_POST, 1L);
  set_option(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  set_option(curl, CURLOPT_POSTFIELDS, body.data());  // NOLINT(bugprone-suspicious-stringview-data-usage): of that size
  set_option(curl, CURLOPT_WRITEFUNCTION, &Request::on_answer);
  set_option(curl, CURLOPT_WRITEDATA, &request);
  set_option(curl, CURLOPT_NOPROGRESS, 0L);
  set_option(curl, CURLOPT_XFERINFOFUNCTION, &Request::on_progress);
  set_option(curl, CURLOPT_XFERINFODATA, &request);
  // No waiting for the server's leave to send the body, and no other type than what it is.
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  headers = curl_slist_append(headers, "Content-Type: application/octet-stream");
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owned(headers, &curl_slist_free_all);
  set_option(curl, CURLOPT_HTTPHEADER, headers);

  const CURLcode code = curl_easy_perform(curl);
  if (request.is_too_large) return Error{ErrorCode::too_large, "ClickHouse's answer is too long"};
  if (code != CURLE_OK) {
    const std::string why = escape_for_display(detail[0] != '\0' ? detail.data() : curl_easy_strerror(code));
    return Error{code == CURLE_OPERATION_TIMEDOUT ? ErrorCode::timed_out : ErrorCode::unavailable,
                 "ClickHouse: " + why};
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) return std::move(request.answer);
  request.answer.resize(std::min(request.answer.size(), kShownFault));
  ErrorCode fault = status == 401 || status == 403 ? ErrorCode::permission : ErrorCode::invalid;
  for (const auto& [begin, code] : kFaults) {
    if (request.answer.starts_with(begin)) fault = code;
  }
  return Error{fault, "ClickHouse (" + std::to_string(status) +
                          "): " + escape_for_display(trim(request.answer.substr(0, request.answer.find('\n'))))};
}

}  // namespace weir::sinks
