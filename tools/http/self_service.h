// The page of those who are filtered, on a listener of its own: what was decided for them in the last minutes, by which
// list and rule, and "this is wrong", which files a request for the administrator.
//
// Who asks is the address of the connection and nothing else: there is no token, and no field of a request is believed.
// What belongs to that address is the backend's to know. Plain HTTP, forms without JavaScript; Host and Origin are
// checked as the API does.
#pragma once

#include <boost/json.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "tools/http/answerer.h"
#include "zones/base/result.h"

namespace weir::http {

inline constexpr std::size_t kMaxRemark = 500;  // octets of what a client has to say

struct Complaint {
  std::string name;
  std::string remark;
};

// Errors: permission (this client is not served: why), busy (too many requests), not_found (nothing of the kind was
// decided for it), invalid, io.
struct SelfServiceBackend {
  // {"client", "group", "minutes", "contact", "rows": [...], "requests": [...], "complete"}
  std::function<Result<boost::json::object>(const IpAddress& client)> decisions;
  std::function<Result<boost::json::object>(const IpAddress& client, const Complaint& complaint)> complain;
};

class SelfService final : public Answerer {
 public:
  using HostsSource = std::function<std::vector<std::string>()>;  // names that it may be asked by, as they are now

  SelfService(HostsSource hosts, SelfServiceBackend backend);

  Response answer(const Request& request, const Caller& caller, Now now, Stream& stream) override;
  void count(unsigned status) override;
  std::string metrics() const;  // as Prometheus reads them

 private:
  Response decide(const Request& request, const Caller& caller) const;
  Response show(const IpAddress& client, bool as_page, const std::string& said) const;
  Response take_complaint(const Request& request, const IpAddress& client) const;

  const HostsSource hosts_;
  const SelfServiceBackend backend_;
  std::array<std::atomic<std::uint64_t>, 6> by_class_{};  // of responses, by the first digit of their status
};

}  // namespace weir::http
