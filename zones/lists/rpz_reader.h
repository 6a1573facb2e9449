// Reads the master file of a response policy zone as a list.
#pragma once

#include "zones/lists/line_source.h"
#include "zones/lists/list_reader.h"

namespace weir {

// Every line of a record that goes over several has that record's bucket.
std::unique_ptr<ListReader> make_rpz_reader(const std::filesystem::path& file, const ListOptions& options,
                                            LineSource source);

}  // namespace weir
