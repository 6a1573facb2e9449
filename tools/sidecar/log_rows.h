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
                                                std::span<const std::uint8_t> record) const;
  const PolicySet* names(GenerationNumber generation);

 private:
  std::string list_name(const PolicySet* names, const Match& match) const;

  const log::DecisionLog& log_;
  const std::shared_ptr<const Generation> generation_;
  std::map<std::uint64_t, std::shared_ptr<const PolicySet>> names_;
};

// As log::describe() writes one. Nothing: it is none.
std::optional<std::uint64_t> parse_pseudonym(std::string_view text);
std::string time_text(std::int64_t ms);  // RFC 3339 with milliseconds: 2026-07-06T00:40:32.123Z

}  // namespace weir::sidecar
