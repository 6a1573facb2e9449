// Decisions as sinks write them: rows of the log, with the line of the list that each rule came from.
#pragma once

#include "tools/log/decision_log.h"
#include "tools/sidecar/generations.h"
#include "tools/sinks/writer.h"

namespace weir::sidecar {

// Both outlive what it gives.
sinks::ShowDecisionSource show_decisions(const log::DecisionLog& log, Generations& generations);

}  // namespace weir::sidecar
