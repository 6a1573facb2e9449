// The log as it is shown to analysts: as cells of many clients (tools/log/anonymous_cells.h) and not as rows of one.
// The answers have the members that administrators' have; rows say how many "decisions" they are of.
#pragma once

#include <boost/json/fwd.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "tools/log/timeline.h"
#include "tools/log/top.h"
#include "tools/sidecar/log_question.h"
#include "tools/sidecar/verb_table.h"
#include "zones/base/time.h"
#include "zones/link/decision.h"

namespace weir::sidecar {

// Of how many clients what is shown must be: 1 where everything is. [log] smallest_group binds analysts;
// "smallest_group" of the arguments anybody who wants to see what they see.
std::uint32_t smallest_group_of(Call& call);
// What such an answer leaves out, for whoever reads it.
void put_note_of_sharing(boost::json::object& out, const Call& call, std::uint32_t smallest_group);

// Errors: invalid, where the question is about one client, or about what cells do not say.
VerbResult search_shared(Call& call, const Question& question, const log::SearchRequest& range,
                         std::uint32_t smallest_group);
VerbResult export_shared(Call& call, const Question& question, const log::SearchRequest& range,
                         std::uint32_t smallest_group);
VerbResult top_shared(Call& call, const Question& question, const log::TopRequest& request,
                      std::uint32_t smallest_group);
VerbResult timeline_shared(Call& call, const Question& question, const log::TimelineRequest& request,
                           std::uint32_t smallest_group);

// Rows of counters: of all groups together, for a group may be one client.
void add_up_groups(boost::json::object& answer);

// Decisions as they are made are each of one client. Of them is shown what many had in common lately: group, list and
// name, if that was told in a cell of the last day; of others the outcome alone. One thread.
class CommonNames {
 public:
  CommonNames(Call& call, std::uint32_t smallest_group) : call_(call), smallest_group_(smallest_group) {}
  // Nothing: the question asks for what is not shown of it.
  std::optional<boost::json::object> show(const Decision& decision, const Question& question);

 private:
  void renew();

  Call& call_;
  const std::uint32_t smallest_group_;
  std::optional<SteadyTime> renewed_;
  std::set<std::string> told_;
};

}  // namespace weir::sidecar
