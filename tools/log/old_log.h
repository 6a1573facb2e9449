// The decision log as it was before it had columns (format 1): rows in blocks, and nothing added up.
//
// It is read once, by the first start of a newer weir, into a log of today's format. Until that is whole it lies beside
// it, so a start that is cut short begins anew.
#pragma once

#include <filesystem>

#include "tools/log/decision_log.h"
#include "zones/base/result.h"

namespace weir::log {

std::filesystem::path old_log_folder(const std::filesystem::path& directory);

// Makes room for a new log where `directory` holds an old one, or what an upgrade that was cut short left. True: an old
// one waits in old_log_folder(). Errors: io.
Result<bool> put_old_log_aside(const std::filesystem::path& directory);

// All of its rows, marks and names into `log`; then it is removed. Rows of damaged blocks are lost. Errors: io.
Result<void> take_over_old_log(const std::filesystem::path& directory, DecisionLog& log);

}  // namespace weir::log
