// Large imports leave a look-up several places to search; when nothing has changed for a while these are merged in the
// background, and the generation in force is given the merged ones. One thread calls it.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "tools/sidecar/writer_thread.h"
#include "zones/base/time.h"

namespace weir::sidecar {

class TableCare {
 public:
  static constexpr std::chrono::seconds kQuiet{60};   // after the last change
  static constexpr unsigned kPlacesWorthMerging = 3;  // fewer cost a look-up next to nothing

  // `renewed` is told when the generation in force has other tables than before.
  TableCare(WriterThread& writer, std::function<void()> renewed) : writer_(writer), renewed_(std::move(renewed)) {}
  TableCare(const TableCare&) = delete;
  TableCare& operator=(const TableCare&) = delete;
  ~TableCare();  // ends a merge that runs

  void tend(GenerationNumber in_force, SteadyTime now);  // about once a second

 private:
  void start_merge();
  void renew();

  WriterThread& writer_;
  const std::function<void()> renewed_;
  GenerationNumber seen_;
  SteadyTime seen_at_{};
  bool was_merged_ = false;  // of seen_
  std::atomic<bool> stop_{false};
  std::atomic<bool> is_merging_{false};
  std::thread merge_;
};

}  // namespace weir::sidecar
