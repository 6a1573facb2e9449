#include "resolver/engine/trace.h"

#include "resolver/base/limits.h"

namespace weir {

std::string_view to_text(TraceKind kind) {
  switch (kind) {
    case TraceKind::cached:
      return "cached";
    case TraceKind::zone_cut:
      return "zone_cut";
    case TraceKind::asked:
      return "asked";
    case TraceKind::answered:
      return "answered";
    case TraceKind::unanswered:
      return "unanswered";
    case TraceKind::referral:
      return "referral";
    case TraceKind::alias:
      return "alias";
    case TraceKind::addresses:
      return "addresses";
    case TraceKind::trust:
      return "trust";
    case TraceKind::validated:
      return "validated";
    case TraceKind::finished:
      return "finished";
  }
  return "";
}

void ResolutionTrace::add(TraceEvent event) {
  if (events_.size() < limit_of(Limit::trace_events)) {
    events_.push_back(std::move(event));
  } else {
    ++dropped_;
  }
}

}  // namespace weir
