// One line on a terminal that shows how far an import is; removed when it ends.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "tools/support/control_client.h"

namespace weir::cli {

class ProgressBar {
 public:
  // `out` must outlive it.
  explicit ProgressBar(std::ostream& out) : out_(out) {}
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // {"phase", "done", "total"}; total 0: unknown.
  void show(std::string_view progress_json);
  void clear();

 private:
  std::ostream& out_;
  std::string shown_;
};

}  // namespace weir::cli
