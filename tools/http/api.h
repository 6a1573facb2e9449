// What is answered to a request: who may ask, what is asked, and the verb that does it. Without sockets.
//
// In this order, so that a stranger learns nothing: Host, Origin, the route, the token, its role, the parameters, the
// verb. The console's files are open to whoever reaches us; they hold no data.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/http/answerer.h"
#include "tools/http/failure_limit.h"
#include "tools/http/message.h"
#include "tools/http/routes.h"
#include "tools/http/tokens.h"
#include "tools/support/responder.h"
#include "zones/base/prefix.h"
#include "zones/base/time.h"

namespace weir::http {

class Api final : public Answerer {
 public:
  using HostsSource = std::function<std::vector<std::string>()>;  // [api] hosts as they are now

  // `tokens` outlives it.
  Api(HostsSource hosts, Tokens& tokens, ControlHandler handler);

  Response answer(const Request& request, const Caller& caller, Now now, Stream& stream) override;
  void count(unsigned status) override;
  std::string metrics() const;  // as Prometheus reads them

 private:
  struct Asker {
    std::string name;
    Role role = Role::none;
    std::optional<WallTime> until;
  };

  Response decide(const Request& request, const Caller& caller, Now now, Stream& stream);
  Response serve_file(const Request& request, const Target& target) const;
  Response call(const Request& request, const Target& target, const Caller& caller, Now now, Stream& stream);
  // Nothing: `refusal` says why.
  std::optional<Asker> authenticate(const Request& request, const Caller& caller, Now now, Response& refusal);
  enum class Lines : std::uint8_t { unwanted, wanted };
  Response ask(const Route& route, ControlRequest asked, Audience audience, Lines lines, Stream& stream) const;

  const HostsSource hosts_;
  Tokens& tokens_;
  const ControlHandler handler_;
  FailureLimit failures_;
  std::array<std::atomic<std::uint64_t>, 6> by_class_{};  // of responses, by the first digit of their status
  std::atomic<std::uint64_t> wrong_tokens_{0};
  std::atomic<std::uint64_t> foreign_{0};  // wrong Host, foreign Origin
};

}  // namespace weir::http
