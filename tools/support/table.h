// Columns for people: every cell is escaped for display, columns are as wide as their widest cell.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

enum class Align : std::uint8_t { left, right };

class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns);

  // As many cells as columns; an empty one is shown as "-".
  void add(const std::vector<std::string>& cells);
  bool empty() const { return rows_.empty(); }
  void print(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "1,234,567" and "12.3 MiB".
std::string show_count(std::uint64_t number);
std::string show_size(std::uint64_t bytes);

// Code points, as far as a terminal shows one column for each.
std::size_t shown_width(std::string_view text);

}  // namespace weir
