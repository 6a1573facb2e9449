#include "tools/cli/progress_bar.h"

#include <boost/json.hpp>

#include <algorithm>
#include <ostream>

#include "tools/cli/command.h"
#include "tools/support/table.h"
#include "zones/base/text.h"

namespace weir::cli {
namespace {

constexpr std::size_t kBarWidth = 30;
constexpr std::size_t kPhaseWidth = 8;

}  // namespace

void ProgressBar::show(std::string_view progress_json) {
  boost::json::error_code bad;
  const boost::json::value progress = boost::json::parse(boost::json::string_view(progress_json), bad);
  if (bad) return;
  const std::uint64_t done = number_at(progress, "done");
  const std::uint64_t total = number_at(progress, "total");
  std::string line = escape_for_display(text_at(progress, "phase")).substr(0, 20);
  line.resize(std::max(line.size(), kPhaseWidth), ' ');
  if (total > 0) {
    const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto full = static_cast<std::size_t>(part * kBarWidth);
    line += '[' + std::string(full, '#') + std::string(kBarWidth - full, ' ') + "] ";
    line += std::to_string(static_cast<int>(part * 100)) + " %";
  } else {
    line += show_count(done);
  }
  if (line == shown_) return;
  const std::size_t rest = shown_.size() > line.size() ? shown_.size() - line.size() : 0;
  out_ << '\r' << line << std::string(rest, ' ') << std::flush;
  shown_ = std::move(line);
}

void ProgressBar::clear() {
  if (!shown_.empty()) out_ << '\r' << std::string(shown_.size(), ' ') << '\r' << std::flush;
  shown_.clear();
}

}  // namespace weir::cli
