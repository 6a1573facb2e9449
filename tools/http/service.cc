#include "tools/http/service.h"

#include <utility>

namespace weir::http {

Service::Service(Source source, std::vector<Endpoint> started, Tokens& tokens, ControlHandler handler)
    : source_(std::move(source)),
      listen_(std::move(started)),
      api_([this] { return source_().hosts; }, tokens, std::move(handler)) {}

std::string Service::listen() {
  {
    const std::lock_guard lock(mutex_);
    if (server_ || listen_.empty()) return {};
  }
  auto server = Server::start(listen_, [this] { return certificate(); }, api_, "api");
  const std::lock_guard lock(mutex_);
  const std::string before = std::exchange(fault_, server ? std::string() : server.error().message);
  if (server) server_ = std::move(*server);
  return fault_ == before ? std::string() : fault_;
}

// Any thread: a renewed certificate needs no restart, and one that was broken since is told by state().
Result<std::shared_ptr<const TlsContext>> Service::certificate() {
  const ApiConfig config = source_();
  auto made = TlsContext::server(config.tls_certificate, config.tls_key, TlsUse::http);
  const std::lock_guard lock(mutex_);
  certificate_fault_ = made ? std::string() : made.error().message;
  return made;
}

void Service::stop() {
  std::unique_ptr<Server> ending;
  {
    const std::lock_guard lock(mutex_);
    ending = std::move(server_);
  }
}

Service::State Service::state() const {
  const std::lock_guard lock(mutex_);
  State out{{}, fault_.empty() ? certificate_fault_ : fault_};
  if (!server_) return out;
  for (const Endpoint& endpoint : listen_)
    out.urls.push_back((endpoint.address.unmapped().is_loopback() ? "http://" : "https://") + endpoint.to_text() + "/");
  return out;
}

std::string Service::metrics() const {
  std::size_t connections = 0;
  {
    const std::lock_guard lock(mutex_);
    if (server_) connections = server_->connections();
  }
  return api_.metrics() +
         "# HELP weir_api_connections Connections of HTTP clients that are open.\n"
         "# TYPE weir_api_connections gauge\n"
         "weir_api_connections " +
         std::to_string(connections) + '\n';
}

}  // namespace weir::http
