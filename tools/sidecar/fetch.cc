#include "tools/sidecar/fetch.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>

#include "tools/sidecar/address_guard.h"
#include "tools/sidecar/download.h"
#include "zones/base/descriptor.h"
#include "zones/base/text.h"

namespace weir::sidecar {
namespace {

constexpr std::uint64_t kMaxDiscardedBytes = 1 << 20;  // of a page that is read for its end only

struct CurlHandle {
  CURL* curl = curl_easy_init();
  ~CurlHandle() { curl_easy_cleanup(curl); }
};

struct CurlUrl {
  CURLU* url = curl_url();
  ~CurlUrl() { curl_url_cleanup(url); }
  std::string part(CURLUPart which) const {
    char* text = nullptr;
    if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
    std::string copy(text);
    curl_free(text);
    return copy;
  }
};

bool parse_url(const CurlUrl& parsed, const std::string& source) {
  return curl_url_set(parsed.url, CURLUPART_URL, source.c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
}

// curl_global_init is not thread-safe; a function's static is.
bool curl_ready() {
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return ready;
}

std::string seconds_text(std::chrono::milliseconds time) {
  return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s" : std::to_string(time.count()) + " ms";
}

// One request of a chain of redirects: what libcurl's callbacks need to know and what they found out.
struct Hop {
  const FetchRequest& request;
  const FetchConfig& limits;
  const AddressGuard& guard;
  const FetchProgress& progress;
  const std::atomic<bool>& stop;
  CURL* curl = nullptr;
  std::string url{};
  std::string shown{};
  std::string host{};
  std::chrono::milliseconds connect_timeout{};
  std::unique_ptr<Download> download{};
  std::optional<Error> error{};  // found in a callback; libcurl's own code then only says "aborted"
  std::string refused{};         // the address that the guard refused
  std::string etag{};
  std::string last_modified{};
  std::string content_encoding{};
  std::uint64_t discarded = 0;
};

curl_socket_t open_socket(void* user, curlsocktype purpose, curl_sockaddr* target) {
  Hop& hop = *static_cast<Hop*>(user);
  if (purpose != CURLSOCKTYPE_IPCXN) return CURL_SOCKET_BAD;
  IpAddress address;
  if (target->family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&target->addr);
    address = IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(&v4->sin_addr), 4});
  } else if (target->family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&target->addr);
    address = IpAddress::from_octets({reinterpret_cast<const std::uint8_t*>(&v6->sin6_addr), 16});
  } else {
    return CURL_SOCKET_BAD;
  }
  if (const std::string_view why = hop.guard.refusal(hop.host, address); !why.empty()) {
    if (hop.refused.empty()) hop.refused = address.to_text() + ", " + std::string(why);
    return CURL_SOCKET_BAD;
  }
  // This very address is connected to: nothing can change between the check and the use.
  return ::socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

long response_code(CURL* curl) {
  long code = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
  return code;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  Hop& hop = *static_cast<Hop*>(user);
  const std::size_t octets = size * count;
  // The page that comes with a redirect or an error is nobody's list.
  if (const long status = response_code(hop.curl); status != 200) {
    hop.discarded += octets;
    if (hop.discarded <= kMaxDiscardedBytes) return octets;
    hop.error = Error{ErrorCode::unavailable,
                      hop.shown + ": the server answered " + std::to_string(status) + " with an endless page"};
    return 0;
  }
  if (!hop.download) {
    auto created = Download::create(hop.request.output, hop.limits, hop.shown);
    if (!created) {
      hop.error = created.error();
      return 0;
    }
    hop.download = std::move(*created);
    if (hop.content_encoding == "gzip" || hop.content_encoding == "x-gzip" || hop.content_encoding == "deflate") {
      hop.download->expect_encoded();
    } else if (!hop.content_encoding.empty() && hop.content_encoding != "identity") {
      hop.error =
          Error{ErrorCode::invalid, hop.shown + ": the server used a content encoding that was not asked for: " +
                                        escape_for_display(hop.content_encoding)};
      return 0;
    }
  }
  const auto written = hop.download->write({reinterpret_cast<const std::uint8_t*>(data), octets});
  if (written) return octets;
  hop.error = written.error();
  return 0;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  Hop& hop = *static_cast<Hop*>(user);
  const std::string_view line(data, size * count);
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  const std::string name = to_lower_ascii(line.substr(0, colon));
  const std::string value(trim(line.substr(colon + 1)));
  if (value.size() > 1024) return line.size();  // remembered and sent back: not more than this
  if (name == "etag") hop.etag = value;
  if (name == "last-modified") hop.last_modified = value;
  if (name == "content-encoding") hop.content_encoding = to_lower_ascii(value);
  return line.size();
}

int on_progress(void* user, curl_off_t total, curl_off_t now, curl_off_t, curl_off_t) {
  const Hop& hop = *static_cast<Hop*>(user);
  if (hop.stop.load(std::memory_order_relaxed)) return 1;
  if (hop.progress && now > 0) hop.progress(static_cast<std::uint64_t>(now), static_cast<std::uint64_t>(total));
  return 0;
}

// Whether the time of kConnectSeconds ran out, which the whole fetch has more than, before a request could be sent:
// while the name was resolved, the connection made or TLS agreed on.
bool is_connecting_over(const Hop& hop) {
  if (hop.connect_timeout != std::chrono::seconds(kConnectSeconds)) return false;
  curl_off_t ready_us = 0;
  curl_easy_getinfo(hop.curl, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
  return ready_us == 0;
}

Error connection_error(const Hop& hop, CURLcode code, const char* detail) {
  if (hop.error) return *hop.error;
  if (!hop.refused.empty()) {
    return {ErrorCode::permission, hop.shown + ": " + hop.host + " resolves to " + hop.refused +
                                       ": refused unless [fetch] allow_private names the host"};
  }
  const std::string what = *detail != 0 ? detail : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: {
      if (is_connecting_over(hop)) {
        return {ErrorCode::timed_out, hop.shown + ": no connection after " + std::to_string(kConnectSeconds) + " s"};
      }
      const bool slow = what.find("too slow") != std::string::npos;
      return {ErrorCode::timed_out,
              hop.shown + (slow ? ": slower than " + std::to_string(kMinSpeedBytes) + " bytes a second for " +
                                      std::to_string(kMinSpeedSeconds) + " s"
                                : ": not complete after " + seconds_text(hop.limits.timeout) + " ([fetch] timeout)")};
    }
    case CURLE_FILESIZE_EXCEEDED:
      return {ErrorCode::too_large, hop.shown + ": the server announces more than " +
                                        std::to_string(hop.limits.max_bytes) + " bytes ([fetch] max_bytes)"};
    case CURLE_PARTIAL_FILE:
      return {ErrorCode::unavailable, hop.shown + ": ended half-way: " + what};
    case CURLE_ABORTED_BY_CALLBACK:
      return {ErrorCode::unavailable, hop.shown + ": stopped, the sidecar is ending"};
    case CURLE_SSL_CACERT_BADFILE:
      return {ErrorCode::invalid,
              hop.shown + (hop.limits.ca_file.empty()
                               ? ": this machine knows no certificate authority (package ca-certificates)"
                               : ": [fetch] ca_file " + escape_for_display(hop.limits.ca_file.string()) +
                                     " cannot be read or holds no certificate")};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {ErrorCode::invalid, hop.shown + ": " + what};
    default:
      return {ErrorCode::unavailable, hop.shown + ": " + what};
  }
}

template <class Value>
void set(CURL* curl, CURLoption option, Value value) {
  curl_easy_setopt(curl, option, value);
}

Result<void> run_hop(Hop& hop, std::chrono::milliseconds remaining) {
  CURL* curl = hop.curl;
  if (curl == nullptr) return Error{ErrorCode::io, "no memory for a connection"};
  std::array<char, CURL_ERROR_SIZE> detail{};
  set(curl, CURLOPT_ERRORBUFFER, detail.data());
  set(curl, CURLOPT_URL, hop.url.c_str());
  set(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  set(curl, CURLOPT_FOLLOWLOCATION, 0L);  // each hop is judged here, below
  set(curl, CURLOPT_PROXY, "");           // also none from the environment
  set(curl, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(curl, CURLOPT_NOSIGNAL, 1L);
  set(curl, CURLOPT_USERAGENT, "weir-sidecar");
  set(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, remaining.count())));
  hop.connect_timeout = std::min<std::chrono::milliseconds>(remaining, std::chrono::seconds(kConnectSeconds));
  set(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(hop.connect_timeout.count()));
  set(curl, CURLOPT_LOW_SPEED_LIMIT, kMinSpeedBytes);
  set(curl, CURLOPT_LOW_SPEED_TIME, kMinSpeedSeconds);
  set(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(hop.limits.max_bytes));
  // In place of the one bundle; the system's folder of certificates, which is not set here, stays.
  if (!hop.limits.ca_file.empty()) set(curl, CURLOPT_CAINFO, hop.limits.ca_file.c_str());
  set(curl, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(curl, CURLOPT_OPENSOCKETDATA, &hop);
  set(curl, CURLOPT_WRITEFUNCTION, &on_body);
  set(curl, CURLOPT_WRITEDATA, &hop);
  set(curl, CURLOPT_HEADERFUNCTION, &on_header);
  set(curl, CURLOPT_HEADERDATA, &hop);
  set(curl, CURLOPT_NOPROGRESS, 0L);
  set(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(curl, CURLOPT_XFERINFODATA, &hop);

  // Decoded here, not by libcurl: then one place counts what came and what became of it.
  curl_slist* headers = curl_slist_append(nullptr, "Accept-Encoding: gzip");
  if (!hop.request.etag.empty()) headers = curl_slist_append(headers, ("If-None-Match: " + hop.request.etag).c_str());
  if (!hop.request.last_modified.empty()) {
    headers = curl_slist_append(headers, ("If-Modified-Since: " + hop.request.last_modified).c_str());
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owned_headers(headers, &curl_slist_free_all);
  set(curl, CURLOPT_HTTPHEADER, headers);

  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) return connection_error(hop, code, detail.data());
  return {};
}

// Where a redirect leads, or why it is not followed.
Result<std::string> follow_redirect(const Hop& hop) {
  char* location = nullptr;
  curl_easy_getinfo(hop.curl, CURLINFO_REDIRECT_URL, &location);
  if (location == nullptr) return Error{ErrorCode::invalid, hop.shown + ": a redirect without a place to go to"};
  const std::string next = location;
  const CurlUrl from, to;
  if (!parse_url(from, hop.url) || !parse_url(to, next)) {
    return Error{ErrorCode::invalid, hop.shown + ": redirects to what is no URL: " + shown_source(next)};
  }
  const std::string scheme = to_lower_ascii(to.part(CURLUPART_SCHEME));
  if (scheme != "http" && scheme != "https") {
    return Error{ErrorCode::invalid,
                 hop.shown + ": redirects to " + shown_source(next) + "; only http and https are followed"};
  }
  if (to_lower_ascii(from.part(CURLUPART_SCHEME)) == "https" && scheme == "http") {
    return Error{ErrorCode::invalid,
                 hop.shown + ": redirects from https to " + shown_source(next) + ", which nobody vouches for"};
  }
  return next;
}

Result<FetchOutcome> fetch_url(const FetchRequest& request, const FetchConfig& limits, const FetchProgress& progress,
                               const std::atomic<bool>& stop) {
  if (!curl_ready()) return Error{ErrorCode::io, "libcurl does not start"};
  const AddressGuard guard(limits.allow_private);
  const auto deadline = std::chrono::steady_clock::now() + limits.timeout;
  std::string url = request.source;
  for (unsigned redirects = 0;; ++redirects) {
    Hop hop{request, limits, guard, progress, stop};
    hop.url = url;
    hop.shown = shown_source(url);
    if (redirects > 0) hop.shown += " (redirected from " + shown_source(request.source) + ")";
    const CurlUrl parsed;
    if (!parse_url(parsed, url)) return Error{ErrorCode::invalid, hop.shown + ": no URL"};
    hop.host = parsed.part(CURLUPART_HOST);
    const auto remaining =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (remaining.count() <= 0) return connection_error(hop, CURLE_OPERATION_TIMEDOUT, "");

    const CurlHandle handle;
    hop.curl = handle.curl;
    if (auto ran = run_hop(hop, remaining); !ran) return ran.error();
    const long status = response_code(hop.curl);
    if (status == 304 && (!request.etag.empty() || !request.last_modified.empty())) {
      FetchOutcome unchanged;
      unchanged.not_modified = true;
      unchanged.final_source = url;
      unchanged.etag = hop.etag.empty() ? request.etag : hop.etag;
      unchanged.last_modified = hop.last_modified.empty() ? request.last_modified : hop.last_modified;
      return unchanged;
    }
    if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) {
      const auto next = follow_redirect(hop);
      if (!next) return next.error();
      if (redirects == limits.max_redirects) {
        return Error{ErrorCode::invalid,
                     shown_source(request.source) + ": more than " + std::to_string(limits.max_redirects) +
                         " redirects ([fetch] max_redirects), the last one to " + shown_source(*next)};
      }
      url = *next;
      continue;
    }
    if (status != 200) {
      return Error{ErrorCode::unavailable, hop.shown + ": the server answered " + std::to_string(status)};
    }
    if (!hop.download) {
      return Error{ErrorCode::invalid, hop.shown + ": the server answered 200 with nothing in it"};
    }
    auto sha256 = hop.download->commit();
    if (!sha256) return sha256.error();
    return FetchOutcome{
        false, *sha256, hop.etag, hop.last_modified, url, hop.download->wire_bytes(), hop.download->size_bytes()};
  }
}

Result<FetchOutcome> fetch_file(const FetchRequest& request, const FetchConfig& limits, const FetchProgress& progress,
                                const std::atomic<bool>& stop) {
  const std::string shown = shown_source(request.source);
  // Not blocking: opening a pipe would wait for its writer for ever.
  const Descriptor file(::open(request.source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    const ErrorCode code = errno == ENOENT || errno == ENOTDIR                         ? ErrorCode::not_found
                           : errno == EACCES                                           ? ErrorCode::permission
                           : errno == ELOOP || errno == ENAMETOOLONG || errno == ENXIO ? ErrorCode::invalid
                                                                                       : ErrorCode::io;
    return Error{code, "cannot read " + shown + ": " + std::strerror(errno)};
  }
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return Error{ErrorCode::invalid, shown + " is not a regular file"};
  }
  auto created = Download::create(request.output, limits, shown);
  if (!created) return created.error();
  Download& download = **created;
  std::array<std::uint8_t, 65536> buffer;
  for (;;) {
    if (stop.load(std::memory_order_relaxed)) return Error{ErrorCode::unavailable, shown + ": stopped"};
    const ssize_t got = read_some(file, buffer.data(), buffer.size());
    if (got < 0) return Error{ErrorCode::io, "cannot read " + shown + ": " + std::strerror(errno)};
    if (got == 0) break;
    if (auto written = download.write({buffer.data(), static_cast<std::size_t>(got)}); !written) return written.error();
    if (progress) progress(download.wire_bytes(), static_cast<std::uint64_t>(info.st_size));
  }
  if (download.wire_bytes() == 0) return Error{ErrorCode::invalid, shown + " is empty"};
  auto sha256 = download.commit();
  if (!sha256) return sha256.error();
  return FetchOutcome{false, *sha256, {}, {}, request.source, download.wire_bytes(), download.size_bytes()};
}

}  // namespace

bool is_url(std::string_view source) {
  return source.find("://") != std::string_view::npos;
}

std::string shown_source(std::string_view source) {
  const std::size_t scheme = source.find("://");
  std::string text(source);
  if (scheme != std::string_view::npos) {
    const std::size_t authority = scheme + 3;
    const std::size_t end = std::min(source.find_first_of("/?#", authority), source.size());
    const std::size_t at = source.substr(authority, end - authority).rfind('@');
    if (at != std::string_view::npos) text.erase(authority, at + 1);
  }
  return escape_for_display(text);
}

Result<FetchOutcome> fetch(const FetchRequest& request, const FetchConfig& limits, const FetchProgress& progress,
                           const std::atomic<bool>& stop) {
  if (!is_url(request.source)) return fetch_file(request, limits, progress, stop);
  const std::string scheme = to_lower_ascii(std::string_view(request.source).substr(0, request.source.find("://")));
  if (scheme != "http" && scheme != "https") {
    return Error{ErrorCode::invalid, shown_source(request.source) + ": a source is http://, https:// or a file's path"};
  }
  return fetch_url(request, limits, progress, stop);
}

}  // namespace weir::sidecar
