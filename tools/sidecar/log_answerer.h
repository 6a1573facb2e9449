// Who answers a question to the log: the decision log of this machine, or a ClickHouse server that a sink fills
// ("source" of a request).
#pragma once

#include <boost/json/object.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_question.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/result.h"
#include "zones/config/config.h"

namespace weir::sidecar {

struct LogPage {
  std::vector<boost::json::object> newest_first = {};  // rows as they are shown
  bool complete = true;                                // every row of the range was looked at
  std::string next = {};                               // the cursor of the next page; empty: there is none
  std::vector<log::MissingRows> missing = {};
};

// One question, one thread, which it blocks until the range's budget is spent. Lives no longer than the call.
class LogAnswerer {
 public:
  virtual ~LogAnswerer() = default;
  // The log of this machine; it alone tells what analysts may see.
  virtual bool is_own() const = 0;
  virtual std::string name() const = 0;  // as a request names it: "clickhouse:house"; empty: the own log
  // `cursor`: "next" of an earlier page, or empty; `range.after` does not count.
  virtual Result<LogPage> search(const Question& question, const log::SearchRequest& range,
                                 const std::string& cursor) = 0;
  virtual Result<log::Top> top(const Question& question, const log::TopRequest& request) = 0;
  virtual Result<log::Timeline> timeline(const Question& question, const log::TimelineRequest& request) = 0;
  // What is to be known of the question before one believes that there is nothing; empty: nothing.
  virtual std::string note(const Question& question) const = 0;
};

// The sink of kind clickhouse that "source" of the arguments names; nothing: the own log is meant. Analysts may name
// none: of rows elsewhere nobody makes cells of many clients. Errors: permission, invalid, not_found.
Result<std::optional<SinkConfig>> named_source(Call& call);
// By "source" of the arguments; `call` outlives it. Errors: as named_source().
Result<std::unique_ptr<LogAnswerer>> find_answerer(Call& call);

}  // namespace weir::sidecar
