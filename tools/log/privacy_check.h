// What somebody who has the log, and whatever keys are left, can find out about who is in it: an attack that is tried.
//
// Three ways. Pseudonyms are linked across a day's end, by standing there again, by names that nobody else asked for on
// either day, and by habits (what somebody asks for how often and at which hours: the nearest profile of the next day,
// where each is the other's nearest and no third is near). How much the last is worth is tried where the answer is
// known: each day's rows in two halves. Addresses are enumerated against the pseudonyms of days whose key is there. And
// groups are looked for that are one client: their rows say who it was at every privacy level.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tools/log/decision_log.h"
#include "zones/base/prefix.h"
#include "zones/base/result.h"
#include "zones/link/decision.h"

namespace weir::log {

struct PrivacyCheckRequest {
  std::int64_t since_ms = 0;
  std::int64_t until_ms = INT64_MAX;
  std::chrono::milliseconds budget{60'000};
  std::function<bool()> is_gone = {};                           // may be empty
  std::map<std::int64_t, std::array<std::uint8_t, 16>> keys{};  // by day since 1970, where they are still there
  std::vector<Prefix> networks{};                               // whose IPv4 addresses are tried under the keys
};

struct PrivacyReport {
  // Of one privacy level. A client counts once a day.
  struct Level {
    std::uint64_t decisions = 0;
    std::uint64_t clients = 0;
    std::uint64_t followed = 0;  // clients of days that have a next one with clients of this level: could be linked
    std::uint64_t same = 0;      // of these, found again under the same address, prefix or pseudonym
    std::uint64_t by_names = 0;  // of the others, said to be another pseudonym of the next day for such names
    std::uint64_t by_habits = 0;
    std::uint64_t linked() const { return same + by_names + by_habits; }
  };
  std::array<Level, 4> levels{};  // by Privacy
  std::uint64_t days = 0;
  std::uint64_t halves_tried = 0;  // where the answer is known; and for how many it was found, or another was
  std::uint64_t halves_right = 0;
  std::uint64_t halves_wrong = 0;
  std::uint64_t days_with_keys = 0;
  std::uint64_t addresses_tried = 0;
  std::uint64_t pseudonyms_with_keys = 0;
  std::uint64_t pseudonyms_mapped = 0;
  std::map<std::string, std::uint64_t> groups_of_one;  // and their decisions
  bool complete = true;                                // false: the time was up, or there was more than is looked at
  std::uint64_t damaged = 0;

  // What was said of pseudonyms: for tests, which know better. At most 100,000.
  struct Link {
    std::int64_t day = 0;
    std::uint64_t from = 0;  // of this day
    std::uint64_t to = 0;    // of the next
  };
  std::vector<Link> links;
};

// Holds two days' profiles at once: at most 20,000 clients and 2 million pairs of client and name of each. Errors: io.
Result<PrivacyReport> check_privacy(const DecisionLog& log, const PrivacyCheckRequest& request);

}  // namespace weir::log
