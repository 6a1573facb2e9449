#include "tools/sidecar/sink_rows.h"

#include <boost/json.hpp>

#include "tools/sidecar/log_rows.h"

namespace weir::sidecar {

sinks::ShowDecisionSource show_decisions(const log::DecisionLog& log, Generations& generations) {
  return [&log, &generations]() -> sinks::ShowDecision {
    const auto current = generations.current();
    const auto reader = std::make_shared<RowReader>(log, current ? *current : nullptr);
    return [reader](const Decision& decision) {
      sinks::ShownDecision shown{reader->show(decision), {}};
      const PolicySet* names = reader->names(decision.generation);
      const ListDefinition* list = names == nullptr ? nullptr : names->find_list(decision.winner.list_id());
      if (list != nullptr) shown.category = list->category;
      return shown;
    };
  };
}

}  // namespace weir::sidecar
