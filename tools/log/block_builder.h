// Decisions of one class on their way to becoming a block: each is put into codes as it comes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/log/block.h"
#include "tools/log/dictionary.h"
#include "tools/log/record_batch.h"

namespace weir::log {

inline constexpr std::int64_t kDayMs = 86'400'000;

// One thread.
class BlockBuilder {
 public:
  explicit BlockBuilder(DecisionClass decision_class) : class_(decision_class) { clear(); }

  // Whether a decision of `time_ms` may still join: a block never holds more than kBlockRows, nor of more than one day.
  bool takes(std::int64_t time_ms, std::size_t rows = 1) const;
  void add(const Decision& decision);
  std::size_t rows() const { return times_.size(); }
  bool empty() const { return times_.empty(); }
  // The clients of its rows, each once.
  const std::vector<ClientIdentity>& clients() const { return client_values_; }
  std::int64_t first_ms() const { return first_ms_; }
  std::int64_t last_ms() const { return last_ms_; }
  // visit(time in ms, code in shapes(), code in rulings()), as they came.
  template <class Visit>
  void for_each_row(Visit visit) const {
    for (std::size_t row = 0; row < times_.size(); ++row)
      visit(times_[row], shapes_of_[row], ruling_of_subject(subjects_of_[row]));
  }
  DecisionClass decision_class() const { return class_; }
  const std::vector<DecisionShape>& shapes() const { return shape_values_; }
  const std::vector<Ruling>& rulings() const { return ruling_values_; }
  // All that was added, in the order of the times; of equal ones, as they came.
  Block build() const;
  void clear();

 private:
  std::uint16_t name_code(const Name& name);
  std::uint16_t ruling_of_subject(std::uint16_t subject) const;

  DecisionClass class_;
  std::int64_t first_ms_ = 0;
  std::int64_t last_ms_ = 0;
  std::vector<std::int64_t> times_;
  std::vector<std::uint16_t> shapes_of_;
  std::vector<std::uint16_t> clients_of_;
  std::vector<std::uint16_t> subjects_of_;
  std::vector<std::uint8_t> latencies_;
  Dictionary shapes_;
  Dictionary clients_;
  Dictionary names_;
  Dictionary rulings_;
  Dictionary parts_;
  Dictionary subjects_;
  // The value of each code, where the dictionary's octets are only told apart.
  std::vector<DecisionShape> shape_values_;
  std::vector<ClientIdentity> client_values_;
  std::vector<Ruling> ruling_values_;
  std::vector<DecidingPart> part_values_;
  // Bursts ask for A, AAAA and HTTPS of one name: the last name is likely the next.
  Name last_name_;
  std::optional<std::uint16_t> last_name_code_;
};

// The decisions of a batch as blocks that nobody stores, for those who watch them come.
std::vector<Block> blocks_of(const RecordBatch& batch);

}  // namespace weir::log
