#include "tools/sinks/clickhouse_writer.h"

#include "zones/base/text.h"

namespace weir::sinks {
namespace {

constexpr std::string_view kMakeDatabase = "CREATE DATABASE";
constexpr std::string_view kUseDatabase = "USE";

std::string without_comments(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    out += std::string(line.substr(0, line.find("--"))) + '\n';
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return out;
}

}  // namespace

std::vector<std::string> schema_statements(std::string_view database) {
  std::vector<std::string> statements;
  const std::string text = without_comments(schema_text());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    const std::string statement(trim(std::string_view(text).substr(at, end - at)));
    at = end + 1;
    if (statement.empty() || statement.starts_with(kUseDatabase)) continue;
    statements.push_back(statement.starts_with(kMakeDatabase)
                             ? "CREATE DATABASE IF NOT EXISTS " + quote_identifier(database)
                             : statement);
  }
  return statements;
}

ClickHouseWriter::ClickHouseWriter(const SinkConfig& config, const Interrupt& interrupt)
    : database_(config.database), client_(config, [&interrupt] { return interrupt.is_raised(); }) {}

Result<void> ClickHouseWriter::make_tables() {
  refused_.clear();
  auto within = ClickHouseClient::Within::server;  // the first statement makes the database
  for (const std::string& statement : schema_statements(database_)) {
    const auto made = client_.ask(statement, within);
    within = ClickHouseClient::Within::database;
    if (made) continue;
    if (made.error().code == ErrorCode::unavailable || made.error().code == ErrorCode::timed_out) return made.error();
    // Somebody else may have made them, for a user that may do no more than insert.
    if (refused_.empty()) refused_ = made.error().message;
  }
  has_tables_ = true;
  return {};
}

Result<void> ClickHouseWriter::write(const Rows& rows, Place&) {
  if (!has_tables_) {
    if (auto made = make_tables(); !made) return made;
  }
  rows_.clear();
  auto encoded = rows.for_each([&](const Row& row) -> Result<void> {
    rows_.add(row);
    return {};
  });
  if (!encoded || rows_.octets().empty()) return encoded;
  auto inserted = client_.insert(insert_statement(), rows_.octets());
  if (inserted || inserted.error().code != ErrorCode::invalid) return inserted;
  has_tables_ = false;  // they may have been removed
  if (refused_.empty()) return inserted;
  return Error{inserted.error().code, inserted.error().message + "; its tables could not be made: " + refused_};
}

}  // namespace weir::sinks
