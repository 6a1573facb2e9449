#include "tools/log/sorted_sums.h"

#include <utility>

namespace weir::log {

void SortedSums::add(std::string_view key, std::uint64_t number) {
  if (whole_.sums.empty() || whole_.key(whole_.sums.size() - 1) < key) {
    whole_.add(key, number);
  } else if (whole_.key(whole_.sums.size() - 1) == key) {
    whole_.sums.back() += number;
  } else {
    end_run();
    whole_.add(key, number);
  }
}

void SortedSums::end_run() {
  Run run = std::exchange(whole_, {});
  while (!runs_.empty() && runs_.back().sums.size() <= 2 * run.sums.size()) {
    run = merged(runs_.back(), run);
    runs_.pop_back();
  }
  runs_.push_back(std::move(run));
}

void SortedSums::finish() {
  for (; !runs_.empty(); runs_.pop_back()) whole_ = merged(runs_.back(), whole_);
}

SortedSums::Run SortedSums::merged(const Run& a, const Run& b) {
  Run out;
  out.keys.reserve(a.keys.size() + b.keys.size());
  out.ends.reserve(a.ends.size() + b.ends.size());
  out.sums.reserve(a.sums.size() + b.sums.size());
  std::size_t left = 0;
  std::size_t right = 0;
  while (left < a.sums.size() && right < b.sums.size()) {
    const int order = a.key(left).compare(b.key(right));
    const std::uint64_t sum = (order <= 0 ? a.sums[left] : 0) + (order >= 0 ? b.sums[right] : 0);
    out.add(order <= 0 ? a.key(left) : b.key(right), sum);
    left += order <= 0 ? 1 : 0;
    right += order >= 0 ? 1 : 0;
  }
  for (; left < a.sums.size(); ++left) out.add(a.key(left), a.sums[left]);
  for (; right < b.sums.size(); ++right) out.add(b.key(right), b.sums[right]);
  return out;
}

}  // namespace weir::log
