// What a question to the log asks for, as its verbs read it, and what each answer ends with.
#pragma once

#include <boost/json/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/log/log_filter.h"
#include "tools/log/search.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/result.h"
#include "zones/link/control.h"

namespace weir::sidecar {

inline constexpr std::uint64_t kDefaultLimit = 100;
inline constexpr std::uint64_t kMaxLimit = 100'000;
inline constexpr std::uint64_t kMaxTop = 10'000;
inline constexpr std::uint64_t kMaxSeconds = 600;
inline constexpr std::size_t kMaxReplyOctets = kMaxControlLine - (64 << 10);
inline constexpr std::size_t kMaxTimelineSlots = 100'000;

// What a question asks for: decisions, or rows that are none.
struct Question {
  log::LogFilter filter;
  std::string row_class;  // as it was given; "counters" and "dropped" are no decisions
  bool asks_decisions() const { return row_class != "counters" && row_class != "dropped"; }
  // Losses are shown to whoever asks for no less than everything.
  bool asks_losses() const {
    return row_class == "dropped" || (row_class.empty() && filter.is_only_class() && !filter.decision_class);
  }
};

// Errors: invalid.
Result<Question> read_question(Arguments& arguments);
// "since", "until" and "seconds". `default_span`: how far back where nobody says. Errors: invalid.
Result<log::SearchRequest> read_range(Call& call, std::optional<std::chrono::hours> default_span);
// `range` from `cursor` of an earlier page on; an empty one changes nothing. Errors: invalid.
Result<void> go_on_behind(const std::string& cursor, log::SearchRequest& range);
// "step", in ms: whole minutes, an hour where nobody says. Errors: invalid.
Result<std::int64_t> read_step(Arguments& arguments);
// What is said of a client that is none of what one may be.
Error no_client(const std::string& text);
boost::json::array show_missing(const std::vector<log::MissingRows>& missing);
// Whether the answer is complete, how to go on, and what could not be read.
void put_end(boost::json::object& out, const log::SearchEnd& end);

}  // namespace weir::sidecar
