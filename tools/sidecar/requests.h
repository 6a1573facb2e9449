// What filtered people have said to be wrong, until an administrator has answered it: <store>/requests.json.
//
// Bounded in every direction, since anybody who is filtered may write it. A client is named as the decision log names
// it (an address where the policy keeps addresses, else the pseudonym of the day), and no longer than decisions are
// kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "zones/base/result.h"
#include "zones/base/time.h"

namespace weir::sidecar {

inline constexpr std::size_t kMaxOpenRequests = 200;
inline constexpr std::size_t kMaxOpenOfClient = 5;
inline constexpr std::size_t kMaxHourlyOfClient = 10;
inline constexpr std::size_t kMaxAnsweredRequests = 200;  // the oldest go first
inline constexpr std::size_t kMaxTraceBytes = 16 << 10;   // a longer one is left out

struct FiledRequest {
  std::uint64_t number = 0;
  std::int64_t filed_s = 0;  // seconds since 1970
  std::string client;        // as the log shows it
  std::string group;
  std::string name;             // as names are written
  std::string remark;           // of the client; a stranger's text
  std::string decision = "{}";  // the row of the log, as JSON
  std::string trace = "null";   // what explain said then, as JSON
  std::string state = "open";   // open, accepted, refused
  std::int64_t answered_s = 0;
  std::string answered_by;
  std::string answer;   // as the administrator said; the client sees it
  std::string outcome;  // the exception or rule that was made

  std::string id() const { return "r" + std::to_string(number); }
};

// Any thread.
class Requests {
 public:
  // A file that is missing or damaged counts as empty.
  explicit Requests(std::filesystem::path file);

  // The same name of the same client is one request while that is open. Errors: busy (a bound was reached), io.
  Result<FiledRequest> file(FiledRequest request, WallTime now);
  // Errors: not_found, exists (it has its answer already), io.
  Result<FiledRequest> answer(std::string_view id, const std::string& state, const std::string& who,
                              const std::string& answer, const std::string& outcome, WallTime now);
  std::optional<FiledRequest> find(std::string_view id) const;
  std::vector<FiledRequest> all() const;  // the newest first
  std::size_t open() const;
  // Forgets those of which it is true.
  Result<void> forget(const std::function<bool(const FiledRequest&)>& is_one);
  // Forgets what is older than that.
  Result<void> keep(std::chrono::milliseconds time, WallTime now);

 private:
  Result<void> save() const;  // with mutex_ held

  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::vector<FiledRequest> requests_;  // in the order of their numbers
  std::uint64_t last_ = 0;
};

}  // namespace weir::sidecar
