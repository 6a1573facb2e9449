// Numbers by key, added up from runs that are sorted already, as rollups lie on the disk: merging those costs a
// fraction of looking each key up in a table that no cache holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::log {

// One thread.
class SortedSums {
 public:
  // Keys that rise make a run; one that does not begins the next.
  void add(std::string_view key, std::uint64_t number);
  // All of it is one run from here on. Then, by place in the order of the keys:
  void finish();
  std::size_t size() const { return whole_.sums.size(); }
  std::string_view key(std::size_t at) const { return whole_.key(at); }
  std::uint64_t sum(std::size_t at) const { return whole_.sums[at]; }

 private:
  struct Run {
    std::string keys;  // one behind the other
    std::vector<std::uint32_t> ends;
    std::vector<std::uint64_t> sums;

    std::string_view key(std::size_t at) const {
      const std::size_t begin = at == 0 ? 0 : ends[at - 1];
      return std::string_view(keys).substr(begin, ends[at] - begin);
    }
    void add(std::string_view key, std::uint64_t sum) {
      keys.append(key);
      ends.push_back(static_cast<std::uint32_t>(keys.size()));
      sums.push_back(sum);
    }
  };
  static Run merged(const Run& a, const Run& b);
  void end_run();

  std::vector<Run> runs_;  // each more than twice as long as the next
  Run whole_;              // the run that grows; behind finish() all of them
};

}  // namespace weir::log
