#include "tools/support/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "zones/base/text.h"

namespace weir {
namespace {

constexpr std::uint8_t kAlpn[] = {3, 'd', 'o', 't'};  // RFC 9103 section 7.1
constexpr std::uint8_t kHttpAlpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

std::string library_error() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "it failed" : reason;
}

Error cannot_use(const std::filesystem::path& file) {
  return {ErrorCode::invalid, "cannot use " + file.string() + " for TLS: " + library_error()};
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size,
                void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, kAlpn, sizeof kAlpn, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int choose_http_alpn(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* in, unsigned in_size,
                     void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, size, kHttpAlpn, sizeof kHttpAlpn, in, in_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const std::filesystem::path& ca) {
  std::shared_ptr<const TlsContext> made(new TlsContext(SSL_CTX_new(TLS_client_method())));
  SSL_CTX* context = made->get();
  if (context == nullptr) return Error{ErrorCode::io, "TLS: " + library_error()};
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context, kAlpn, sizeof kAlpn);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool trusted = ca.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                                  : SSL_CTX_load_verify_locations(context, ca.c_str(), nullptr) == 1;
  if (!trusted) return cannot_use(ca);
  return made;
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const std::filesystem::path& certificate,
                                                             const std::filesystem::path& key, TlsUse use) {
  std::shared_ptr<const TlsContext> made(new TlsContext(SSL_CTX_new(TLS_server_method())));
  SSL_CTX* context = made->get();
  if (context == nullptr) return Error{ErrorCode::io, "TLS: " + library_error()};
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_alpn_select_cb(context, use == TlsUse::dns ? choose_alpn : choose_http_alpn, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) return cannot_use(certificate);
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return cannot_use(key);
  return made;
}

Result<std::unique_ptr<TlsChannel>> TlsChannel::over(std::shared_ptr<const TlsContext> context, int socket) {
  ERR_clear_error();
  SSL* const ssl = SSL_new(context->get());
  if (ssl == nullptr) return Error{ErrorCode::io, "TLS: " + library_error()};
  std::unique_ptr<TlsChannel> channel(new TlsChannel(std::move(context), ssl));
  if (SSL_set_fd(ssl, socket) != 1) return Error{ErrorCode::io, "TLS: " + library_error()};
  return channel;
}

// Where the library does not take what the certificate must be for, it would take a certificate for anything.
Result<std::unique_ptr<TlsChannel>> TlsChannel::connecting(std::shared_ptr<const TlsContext> context, int socket,
                                                           const std::string& name, const IpAddress& server) {
  auto channel = over(std::move(context), socket);
  if (!channel) return channel;
  SSL* const ssl = (*channel)->ssl_;
  SSL_set_connect_state(ssl);
  const std::string wanted = name.empty() ? server.to_text() : name;
  const bool is_checked =
      name.empty() ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), wanted.c_str()) == 1
                   : SSL_set_tlsext_host_name(ssl, name.c_str()) == 1 && SSL_set1_host(ssl, name.c_str()) == 1;
  if (!is_checked) {
    return Error{ErrorCode::invalid,
                 "TLS: no certificate can be for " + escape_for_display(wanted) + ": " + library_error()};
  }
  return channel;
}

Result<std::unique_ptr<TlsChannel>> TlsChannel::accepting(std::shared_ptr<const TlsContext> context, int socket) {
  auto channel = over(std::move(context), socket);
  if (channel) SSL_set_accept_state((*channel)->ssl_);
  return channel;
}

TlsChannel::~TlsChannel() {
  if (SSL_is_init_finished(ssl_)) (void)SSL_shutdown(ssl_);  // says that this is the end, and waits for nothing
  SSL_free(ssl_);
}

Result<TlsChannel::Step> TlsChannel::step_of(int outcome) {
  switch (SSL_get_error(ssl_, outcome)) {
    case SSL_ERROR_WANT_READ:
      return Step{0, Want::input};
    case SSL_ERROR_WANT_WRITE:
      return Step{0, Want::output};
    case SSL_ERROR_ZERO_RETURN:
      return Step{};
    case SSL_ERROR_SYSCALL:
      if (errno != 0) return Error{ErrorCode::unavailable, std::string("TLS: ") + std::strerror(errno)};
      return Step{};
    default:
      break;
  }
  const long verified = SSL_get_verify_result(ssl_);
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return Error{ErrorCode::unavailable,
                 std::string("TLS: the certificate is not good: ") + X509_verify_cert_error_string(verified)};
  }
  return Error{ErrorCode::unavailable, "TLS: " + library_error()};
}

Result<TlsChannel::Step> TlsChannel::shake_hands() {
  ERR_clear_error();
  errno = 0;
  const int outcome = SSL_do_handshake(ssl_);
  if (outcome == 1) return Step{1, Want::nothing};
  return step_of(outcome);
}

Result<TlsChannel::Step> TlsChannel::read(std::span<std::uint8_t> out) {
  ERR_clear_error();
  errno = 0;
  const int outcome = SSL_read(ssl_, out.data(), static_cast<int>(std::min<std::size_t>(out.size(), INT_MAX)));
  if (outcome > 0) return Step{static_cast<std::size_t>(outcome), Want::nothing};
  return step_of(outcome);
}

Result<TlsChannel::Step> TlsChannel::write(std::span<const std::uint8_t> octets) {
  ERR_clear_error();
  errno = 0;
  const int outcome = SSL_write(ssl_, octets.data(), static_cast<int>(std::min<std::size_t>(octets.size(), INT_MAX)));
  if (outcome > 0) return Step{static_cast<std::size_t>(outcome), Want::nothing};
  return step_of(outcome);
}

}  // namespace weir
