#include "tools/sidecar/table_care.h"

#include <spdlog/spdlog.h>

namespace weir::sidecar {

TableCare::~TableCare() {
  stop_ = true;
  if (merge_.joinable()) merge_.join();
}

void TableCare::tend(GenerationNumber in_force, SteadyTime now) {
  if (in_force != seen_) {
    seen_ = in_force;
    seen_at_ = now;
    was_merged_ = false;
  }
  if (is_merging_) return;
  if (!was_merged_ && now - seen_at_ >= kQuiet) {
    was_merged_ = true;
    if (writer_.records().places_to_search() >= kPlacesWorthMerging) return start_merge();
  }
  if (writer_.records().has_merged_tables()) renew();
}

void TableCare::start_merge() {
  if (merge_.joinable()) merge_.join();
  is_merging_ = true;
  merge_ = std::thread([this] {
    const auto merged = writer_.records().merge_tables(stop_);
    if (!merged) spdlog::warn("tables cannot be merged: {}", merged.error().message);
    is_merging_ = false;
  });
}

void TableCare::renew() {
  const auto renewed =
      writer_.run<bool>(Urgency::later, [](PolicyStore& store) -> Result<bool> { return store.renew(); });
  if (!renewed) spdlog::warn("merged tables cannot be used: {}", renewed.error().message);
  if (renewed && *renewed) renewed_();
}

}  // namespace weir::sidecar
