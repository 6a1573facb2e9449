// Answers of a ClickHouse server that a sink fills, in the form that the log's own have.
#pragma once

#include <memory>

#include "tools/sidecar/log_answerer.h"
#include "tools/sidecar/verb_table.h"
#include "tools/sinks/clickhouse_log.h"
#include "zones/config/config.h"

namespace weir::sidecar {

// `call` outlives them; a question ends with whoever asked.
std::unique_ptr<LogAnswerer> make_clickhouse_answers(const Call& call, const SinkConfig& sink);
sinks::ClickHouseLog open_clickhouse_log(const Call& call, const SinkConfig& sink);

}  // namespace weir::sidecar
