// Decisions of the log as people and programs see them: with the names of lists and groups as they were then, and the
// line of the list that each rule came from.
#pragma once

#include <boost/json/fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tools/log/decision_log.h"
#include "tools/log/row_text.h"
#include "zones/dns/name.h"
#include "zones/link/decision.h"
#include "zones/store/generation.h"

namespace weir::sidecar {

// One thread; for one question. `generation`: where lines and imports are looked up; may be nullptr.
class RowReader {
 public:
  RowReader(const log::DecisionLog& log, std::shared_ptr<const Generation> generation);

  boost::json::object show(const Decision& decision);
  // Counters or a loss; nothing where the record is neither.
  std::optional<boost::json::object> show_event(log::RecordSort sort, std::int64_t time_ms,
                                                std::span<const std::uint8_t> record);
  const PolicySet* names(GenerationNumber generation);

 private:
  std::string list_name(const PolicySet* names, const Match& match) const;

  const log::DecisionLog& log_;
  const std::shared_ptr<const Generation> generation_;
  std::map<std::uint64_t, std::shared_ptr<const PolicySet>> names_;
};

using log::time_text;

}  // namespace weir::sidecar
