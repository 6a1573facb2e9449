// Reads the master file of a response policy zone as a list.
#pragma once

#include "zones/lists/line_source.h"
#include "zones/lists/list_reader.h"
#include "zones/lists/master_file.h"
#include "zones/lists/rpz.h"

namespace weir {

// Every line of a record that goes over several has that record's bucket.
std::unique_ptr<ListReader> make_rpz_reader(const std::filesystem::path& file, const ListOptions& options,
                                            LineSource source);

// The same of a single line that holds one whole record: of a zone's changes, where the zone itself is not read.
class RpzLineReader {
 public:
  RpzLineReader(const Name& apex, const ListOptions& options)
      : zone_(apex, options.match), max_line_size_(options.max_line_size) {}
  // Fills `line`: the bucket, the reason and at most one rule.
  void read(std::string_view text, Line& line);

 private:
  MasterFile master_file_;
  ResponsePolicyZone zone_;
  const std::size_t max_line_size_;
};

}  // namespace weir
