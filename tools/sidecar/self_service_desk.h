// What the page of those who are filtered (tools/http/self_service.h) shows a client, and what it takes from one.
//
// A client is shown the log's rows that are its own beyond doubt, and no others: whole addresses where its policy keeps
// them, else the pseudonym that its address has with the key of the row's day. Where the policy keeps prefixes, which
// neighbours share, or nothing at all, there is no page, and it says why.
#pragma once

#include <boost/json.hpp>

#include <string>
#include <vector>

#include "tools/http/self_service.h"
#include "tools/log/decision_log.h"
#include "tools/sidecar/generations.h"
#include "tools/sidecar/list_updater.h"
#include "tools/sidecar/requests.h"
#include "tools/support/responder.h"
#include "zones/base/result.h"
#include "zones/base/time.h"
#include "zones/link/decision.h"

namespace weir::sidecar {

inline constexpr std::uint64_t kMaxOwnRows = 2000;  // of the log; rows of the same kind are shown as one
inline constexpr std::size_t kMaxShownRows = 200;
inline constexpr std::chrono::seconds kOwnRowsBudget{2};

// Any thread. What it is given outlives it.
class SelfServiceDesk {
 public:
  // `handler`: for explain.
  SelfServiceDesk(ConfigSource config, Generations& generations, const log::DecisionLog& log, Requests& requests,
                  ControlHandler handler);

  // For SelfServiceBackend, with its errors.
  Result<boost::json::object> decisions(const IpAddress& client, WallTime now) const;
  Result<boost::json::object> complain(const IpAddress& client, const http::Complaint& complaint, WallTime now) const;

 private:
  // What a client is called in a part of the time.
  struct Span {
    std::int64_t since_ms = 0;
    std::int64_t until_ms = 0;
    ClientIdentity identity;
  };
  struct Asker {
    std::string group;
    std::vector<Span> spans;  // the newest first
    std::string shown;        // as the log shows it now
    bool is(const std::string& client) const;
  };

  Result<Asker> identify(const IpAddress& client, WallTime now) const;
  Result<boost::json::array> rows_of(const Asker& asker, bool& complete) const;

  const ConfigSource config_;
  Generations& generations_;
  const log::DecisionLog& log_;
  Requests& requests_;
  const ControlHandler handler_;
};

}  // namespace weir::sidecar
