// The HTTP API and the console as one part of a program: by what the configuration says, and again where it failed.
//
// A port that is taken or a certificate that is bad must not keep the sidecar from its work, so it is told, and tried
// again.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tools/http/api.h"
#include "tools/http/server.h"
#include "zones/config/config.h"

namespace weir::http {

class Service {
 public:
  using Source = std::function<ApiConfig()>;  // as it is in force now

  struct State {
    std::vector<std::string> urls;  // where it answers
    std::string fault;              // why it does not; empty where it does, or is off
  };

  // `tokens` outlives it. `started`: [api] listen as this process was started with.
  Service(Source source, std::vector<Endpoint> started, Tokens& tokens, ControlHandler handler);

  // Begins to listen, unless it does or is off. One thread. The new fault, once; empty: none, or told before.
  std::string listen();
  void stop();                  // likewise; ends every connection
  State state() const;          // any thread
  std::string metrics() const;  // any thread

 private:
  Result<std::shared_ptr<const TlsContext>> certificate();

  const Source source_;
  const std::vector<Endpoint> listen_;
  Api api_;
  mutable std::mutex mutex_;
  std::unique_ptr<Server> server_;
  std::string fault_;
  std::string certificate_fault_;  // of the newest connection that wanted one
};

}  // namespace weir::http
