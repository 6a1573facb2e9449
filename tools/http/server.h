// Listens for HTTP, and gives each connection a thread: a verb may take as long as an import, a tail lasts for hours.
//
// Bounded: so many connections in all, and of one address. Loopback speaks plain HTTP, every other address TLS alone,
// unless what is served is meant for whoever is on the network.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "tools/http/answerer.h"
#include "tools/support/tls.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"

namespace weir::http {

inline constexpr std::size_t kMaxConnections = 128;
inline constexpr std::size_t kMaxConnectionsASource = 48;

// The certificate that is shown now; asked for at each connection, so that a renewed one needs no restart.
using CertificateSource = std::function<Result<std::shared_ptr<const TlsContext>>()>;

class Server {
 public:
  // Without a `certificate` all of it is plain HTTP. `section`: of the configuration, for messages. Errors: busy,
  // permission, io, invalid (the certificate); each names the endpoint. `answerer` outlives the server.
  static Result<std::unique_ptr<Server>> start(const std::vector<Endpoint>& listen, CertificateSource certificate,
                                               Answerer& answerer, std::string_view section);
  virtual ~Server() = default;  // ends every connection
  virtual std::size_t connections() const = 0;
};

}  // namespace weir::http
