// TLS for zone transfers (RFC 9103) and for the HTTP API: version 1.3, with the server's certificate verified.
//
// Over a socket that does not block: each call does what it can and says what it waits for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "zones/base/prefix.h"
#include "zones/base/result.h"

struct ssl_st;
struct ssl_ctx_st;

namespace weir {

// What is spoken inside, as ALPN (RFC 7301) names it.
enum class TlsUse : std::uint8_t {
  dns,  // "dot"; others are refused (RFC 9103 section 7.1)
  http  // "http/1.1"; who names nothing else that is known here gets it all the same
};

// Certificates and keys of one side; shared by its connections.
class TlsContext {
 public:
  // Who asks, for a zone: trusts the authorities of `ca` (PEM), or the system's where that is empty. Errors: invalid
  // (names the file).
  static Result<std::shared_ptr<const TlsContext>> client(const std::filesystem::path& ca);
  // Who answers: a chain of certificates and its key (PEM). Errors: invalid.
  static Result<std::shared_ptr<const TlsContext>> server(const std::filesystem::path& certificate,
                                                          const std::filesystem::path& key, TlsUse use);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  ssl_ctx_st* get() const { return context_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

// One connection. One thread.
class TlsChannel {
 public:
  enum class Want : std::uint8_t { nothing, input, output };
  struct Step {
    std::size_t octets = 0;  // done; 0 with Want::nothing: the peer has closed
    Want want = Want::nothing;
  };

  // Who asks `server`, whose certificate must be for `name`, or for its address where that is empty. Errors: invalid
  // (no certificate can be for that name); io.
  static Result<std::unique_ptr<TlsChannel>> connecting(std::shared_ptr<const TlsContext> context, int socket,
                                                        const std::string& name, const IpAddress& server);
  // Errors: io.
  static Result<std::unique_ptr<TlsChannel>> accepting(std::shared_ptr<const TlsContext> context, int socket);
  ~TlsChannel();
  TlsChannel(const TlsChannel&) = delete;

  // Errors of all: unavailable; the message says what is wrong with the certificate or the peer.
  Result<Step> shake_hands();
  Result<Step> read(std::span<std::uint8_t> out);
  Result<Step> write(std::span<const std::uint8_t> octets);

 private:
  TlsChannel(std::shared_ptr<const TlsContext> context, ssl_st* ssl) : context_(std::move(context)), ssl_(ssl) {}
  static Result<std::unique_ptr<TlsChannel>> over(std::shared_ptr<const TlsContext> context, int socket);
  Result<Step> step_of(int outcome);

  std::shared_ptr<const TlsContext> context_;
  ssl_st* ssl_;
};

}  // namespace weir
