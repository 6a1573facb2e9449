#include "tools/sinks/writer.h"

#include <boost/json/serialize.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "tools/sinks/clickhouse_writer.h"
#include "tools/sinks/dnstap_writer.h"
#include "tools/sinks/line_writers.h"
#include "tools/sinks/packed_batch.h"

namespace weir::sinks {

Result<void> Rows::for_each(const std::function<Result<void>(const Row& row)>& visit) const {
  const ShowDecision show = source_();
  damaged_ = 0;
  for (const PackedBatch& batch : batches_) {
    Result<void> visited;
    const auto unpacked = unpack(batch, [&](const Decision& decision, std::uint32_t number) {
      ShownDecision shown = show(decision);
      visited = visit({decision, std::move(shown.row), std::move(shown.category), batch.id, number});
      return visited;
    });
    if (!visited) return visited;
    if (!unpacked) damaged_ += batch.rows;
  }
  return {};
}

std::unique_ptr<Writer> make_writer(const SinkConfig& config, const Interrupt& interrupt) {
  switch (config.kind) {
    case SinkConfig::Kind::dnstap:
      return make_dnstap_writer(config, interrupt);
    case SinkConfig::Kind::clickhouse:
      return std::make_unique<ClickHouseWriter>(config, interrupt);
    case SinkConfig::Kind::syslog:
      return std::make_unique<SyslogWriter>(config.to, interrupt);
    case SinkConfig::Kind::json:
      break;
  }
  return std::make_unique<JsonWriter>(config.to, interrupt);
}

std::string_view to_text(SinkConfig::Kind kind) {
  switch (kind) {
    case SinkConfig::Kind::dnstap:
      return "dnstap";
    case SinkConfig::Kind::clickhouse:
      return "clickhouse";
    case SinkConfig::Kind::json:
      return "json";
    case SinkConfig::Kind::syslog:
      return "syslog";
  }
  return "json";
}

std::string id_of(const Row& row) {
  std::array<char, 64> id{};
  std::snprintf(id.data(), id.size(), "%016llx-%llu-%u", static_cast<unsigned long long>(row.batch.writer),
                static_cast<unsigned long long>(row.batch.number), row.number);
  return id.data();
}

std::string json_line(const Row& row) {
  std::string line = boost::json::serialize(row.shown);
  if (!line.empty() && line.back() == '}') line.pop_back();
  return line += ",\"id\":\"" + id_of(row) + "\"}\n";
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

}  // namespace weir::sinks
